"""The helper answers lines with lines, whatever it is asked."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.monitor.programs import Program, wal_database

SOURCE = Path(__file__).resolve().parents[2]


def ask(*requests: Any) -> list[dict[str, Any]]:
    text = "".join(f"{json.dumps(request)}\n" for request in requests)
    code = f"import sys; sys.path.insert(0, {str(SOURCE)!r})\n"
    code += "from dbtool.monitor.helper import main; main()\n"
    code += "assert 'apsw' not in sys.modules and 'sqlite3' not in sys.modules"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code],
        input=text,
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    assert not done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_it_answers_each_request_and_ends_with_its_input(tmp_path: Path) -> None:
    path = wal_database(tmp_path / "app.db")
    first, second = ask(*[{"look": str(path), "tiers": ["cheap", "frames"]}] * 2)
    assert first["stat"][0] == path.stat().st_size
    assert second["commits"] == [0, False]
    assert first["frames"]["frames"] == 0


def test_it_names_what_is_missing_and_what_fails(tmp_path: Path) -> None:
    missing, folder = ask(
        {"look": str(tmp_path / "none"), "tiers": []}, {"look": str(tmp_path), "tiers": []}
    )
    assert "none" in missing["missing"]
    assert "directory" in folder["failed"]


@pytest.mark.skipif(not Path("/proc/locks").exists(), reason="only there are locks named")
def test_a_log_that_a_crash_left_counts_by_its_checksums(tmp_path: Path) -> None:
    path = wal_database(tmp_path / "app.db")
    with Program(path) as program:
        program.run(*(f"INSERT INTO t VALUES({key}, 'x')" for key in range(1, 5)))
        program.kill()
    wal = path.with_name("app.db-wal")
    torn = bytearray(wal.read_bytes())
    torn[-100] ^= 1  # within the page of the last frame
    wal.write_bytes(torn)
    (answer,) = ask({"look": str(path), "tiers": ["cheap", "frames"]})
    assert answer["locks"]["users"] == []
    assert answer["frames"]["frames"] == 3
