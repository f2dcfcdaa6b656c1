"""Backups beside a process that commits without pause: nothing lost, no wait, no lock dropped."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import apsw
import pytest

from dbtool.backup.model import BackupOptions, RestoreOptions
from dbtool.backup.repository import Repository
from dbtool.core.holders import lock_count
from dbtool.errors import Locked
from tests.backup.conftest import make_database

WRITER = Path(__file__).parents[1] / "benchmarks" / "busy_writer.py"


def numbers(path: Path) -> tuple[int, int, int]:
    connection = apsw.Connection(str(path))
    assert connection.pragma("integrity_check") == "ok"
    found = tuple(
        connection.execute(sql).get
        for sql in (
            "SELECT n FROM counter",
            "SELECT count(*) FROM left_rows",
            "SELECT count(*) FROM right_rows",
        )
    )
    connection.close()
    return found  # type: ignore[return-value]


@pytest.fixture
def writer(tmp_path: Path) -> subprocess.Popen[str]:
    """Start the writer on a database of some megabytes, and wait for its end."""
    database = make_database(tmp_path / "app.db", rows=8000)
    process = subprocess.Popen(
        [sys.executable, WRITER, database, "4"], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    process.stdout.readline()
    yield process  # type: ignore[misc]
    process.stdout.close()
    process.wait()


def test_every_snapshot_beside_a_busy_writer_is_consistent(
    writer: subprocess.Popen[str], tmp_path: Path
) -> None:
    database = tmp_path / "app.db"
    repository = Repository.create(tmp_path / "repo")
    held = apsw.Connection(str(database))
    held.execute("BEGIN")
    held.execute("SELECT * FROM counter").fetchall()
    locks = lock_count(database)
    assert locks > 0
    taken = []
    while writer.poll() is None and len(taken) < 25:
        result = repository.backup(database, BackupOptions(always=True))
        assert result.snapshot
        taken.append(result.snapshot)
        assert lock_count(database) == locks
    held.close()
    assert writer.stdout
    figures = json.loads(writer.stdout.readline())
    writer.wait()
    assert figures["busy"] == 0
    assert len(taken) >= 5
    target, seen = tmp_path / "out.db", []
    for snapshot in taken:
        mode = "delta" if target.exists() else "new"
        repository.restore(snapshot, target, RestoreOptions(mode=mode, safety_snapshot=False))  # type: ignore[arg-type]
        shutil.copy(target, tmp_path / "look.db")
        counter, left, right = numbers(tmp_path / "look.db")
        assert counter == left == right
        seen.append(counter)
    assert seen == sorted(seen)
    assert seen[-1] > seen[0], "the writer did not write while backups ran"
    assert numbers(database) == (figures["commits"],) * 3


def test_a_live_restore_beside_a_busy_writer_loses_no_commit_that_came_after(
    writer: subprocess.Popen[str], tmp_path: Path
) -> None:
    database = tmp_path / "app.db"
    repository = Repository.create(tmp_path / "repo")
    snapshot = repository.backup(database).snapshot
    assert snapshot
    options = RestoreOptions(mode="live", safety_snapshot=False, busy_timeout_s=5)
    try:
        repository.restore(snapshot, database, options)
    except Locked:
        pytest.skip("the writer never let go of the lock")
    writer.wait()
    counter, left, right = numbers(database)
    assert counter == left == right
