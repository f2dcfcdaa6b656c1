"""Syncs killed at any moment have changed everything or nothing."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import apsw

from tests.cli.conftest import environment

ROWS = 20_000
KILLS = 8


def write(source: Path, state: int) -> None:
    rows = (f'{{"id":{n},"v":{state}}}\n' for n in range(state * 1_000, ROWS + state * 1_000))
    source.write_text("".join(rows))


def seen(database: Path) -> tuple[int, int, int, int]:
    """Return the rows, their least and largest key, and how many states they are of."""
    connection = apsw.Connection(str(database))
    try:
        assert connection.execute("PRAGMA integrity_check").get == "ok"
        sql = "SELECT count(*), min(id), max(id), count(DISTINCT v) FROM t"
        return connection.execute(sql).fetchall()[0]  # type: ignore[return-value]
    finally:
        connection.close()


def test_a_killed_sync_has_changed_everything_or_nothing(tmp_path: Path) -> None:
    source, database = tmp_path / "t.ndjson", tmp_path / "app.db"
    words = [sys.executable, "-m", "dbtool", "import", str(source), "--pk", "id", "-q"]
    words += ["--mode", "sync", str(database)]
    surroundings = environment() | {"TMPDIR": str(tmp_path)}
    write(source, 0)
    began = time.monotonic()
    assert subprocess.run(words, env=surroundings, check=False).returncode == 0
    needed_s = time.monotonic() - began
    write(source, 1)
    old, new = (ROWS, 0, ROWS - 1, 1), (ROWS, 1_000, ROWS + 999, 1)
    for kill in range(KILLS):
        done = subprocess.Popen(words, env=surroundings)
        time.sleep(needed_s * (kill + 2) / (KILLS + 2))
        done.kill()
        done.wait()
        assert seen(database) in (old, new)
    assert subprocess.run(words, env=surroundings, check=False).returncode == 0
    assert seen(database) == new
