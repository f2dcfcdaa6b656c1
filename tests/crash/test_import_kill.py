"""Imports killed at any moment go on without a row lost or doubled."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import apsw
import pytest

from tests.cli.conftest import environment

ROWS = 150_000


@pytest.mark.parametrize("form", ["ndjson", "csv"])
def test_a_killed_import_goes_on(tmp_path: Path, form: str) -> None:
    source, database = tmp_path / f"t.{form}", tmp_path / "app.db"
    text = "x" * 40
    if form == "csv":
        source.write_text("id,x\n" + "".join(f"{n},{text}\n" for n in range(ROWS)))
    else:
        source.write_text("".join(f'{{"id":{n},"x":"{text}"}}\n' for n in range(ROWS)))
    words = [sys.executable, "-m", "dbtool", "import", str(source), "-q", str(database)]
    kills = 0
    done = subprocess.Popen(words, env=environment())
    for _ in range(6):
        before = count(database)
        while done.poll() is None and count(database) == before:
            time.sleep(0.005)
        if done.poll() is not None:
            break
        done.kill()
        done.wait()
        kills += 1
        resume = [*words[:-1], "--resume", words[-1]]
        done = subprocess.Popen(resume, env=environment())
    assert done.wait(120) == 0
    assert kills
    connection = apsw.Connection(str(database))
    assert connection.execute("SELECT count(*), count(DISTINCT id) FROM t").fetchall() == [
        (ROWS, ROWS)
    ]
    assert connection.execute("PRAGMA integrity_check").get == "ok"
    connection.close()


def count(database: Path) -> int:
    if not database.exists():
        return 0
    connection = apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        connection.set_busy_timeout(1000)
        found = connection.execute("SELECT coalesce(max(rowid), 0) FROM t").get
        return int(str(found))
    except apsw.Error:
        return 0
    finally:
        connection.close()
