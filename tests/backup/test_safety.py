"""Safety snapshots and what they remember."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from dbtool.backup.model import SAFETY_TAG, Replaced, RestoreOptions, SnapshotId
from dbtool.backup.repository import Repository
from dbtool.backup.safety import last_replaced, take_safety_snapshot
from dbtool.core.progress import Silent
from dbtool.errors import NotFound


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "app.db"
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE t(a); INSERT INTO t VALUES (1)")
    connection.close()
    return path


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository.create(tmp_path / "repo")


def test_an_unchanged_database_still_gets_one_that_costs_next_to_nothing(
    repository: Repository, database: Path
) -> None:
    first = repository.backup(database).snapshot
    assert first
    replaced = Replaced(first.id, "t", "a = 1", ("a",), "update", triggers=False)
    taken = take_safety_snapshot(
        repository, database, replaced, busy_timeout_s=1, progress=Silent()
    )
    assert taken
    assert taken.id != first.id
    assert (taken.tags, taken.pages_changed, taken.parent) == ((SAFETY_TAG,), 0, first.id)
    assert taken.bytes_added < 1000
    newest, record = last_replaced(repository, database)
    assert (newest.id, record) == (taken.id, replaced)
    repository.restore(taken, database.with_name("copy.db"))
    assert database.with_name("copy.db").read_bytes() == database.read_bytes()
    assert repository.backup(database).unchanged


@pytest.mark.parametrize("mode", ["delta", "live"])
def test_a_whole_restore_is_remembered(repository: Repository, database: Path, mode) -> None:
    first = repository.backup(database).snapshot
    assert first
    repository.restore(first, database, RestoreOptions(mode=mode))
    safety, record = last_replaced(repository, database)
    assert record == Replaced(SnapshotId(first.id))
    assert safety.note == f"before {first.id[:8]} was restored over it"


def test_without_one_there_is_nothing_to_undo(repository: Repository, database: Path) -> None:
    repository.backup(database)
    with pytest.raises(NotFound) as caught:
        last_replaced(repository, database)
    assert caught.value.code == "nothing-to-undo"


def test_a_damaged_parent_does_not_stop_it(repository: Repository, database: Path) -> None:
    first = repository.backup(database).snapshot
    assert first
    for pack in (database.parent / "repo" / "packs").rglob("*"):
        if pack.is_file():
            pack.unlink()
    replaced = Replaced(first.id)
    progress = Silent()
    connection = apsw.Connection(str(database))
    connection.execute("INSERT INTO t VALUES (2)")
    connection.close()
    taken = take_safety_snapshot(
        repository, database, replaced, busy_timeout_s=1, progress=progress
    )
    assert taken
    assert progress.warnings
    repository.restore(taken, database.with_name("copy.db"))
