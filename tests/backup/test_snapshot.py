"""The catalog: lists, heads and marks, with and without damage."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dbtool.backup.model import BackupOptions
from dbtool.backup.repository import Repository
from dbtool.backup.snapshot import at_time
from dbtool.errors import Damaged, NotFound
from tests.backup.conftest import update


def test_snapshots_are_listed_oldest_first_with_all_their_fields(
    repository: Repository, database: Path
) -> None:
    first = repository.backup(database, BackupOptions(tags=("a",), note="n")).snapshot
    update(database)
    second = repository.backup(database).snapshot
    assert first
    assert second
    listed = repository.catalog.all()
    assert [snapshot.id for snapshot in listed] == [first.id, second.id]
    assert listed[0].tags == ("a",)
    assert listed[0].note == "n"
    assert listed[0].time.tzinfo is not None
    assert listed[0].size_bytes == database.stat().st_size


def test_a_lost_head_is_found_again_from_the_list(
    repository: Repository, database: Path, tmp_path: Path
) -> None:
    repository.backup(database)
    update(database)
    newest = repository.backup(database).snapshot
    for head in (tmp_path / "repo" / "heads").iterdir():
        head.unlink()
    assert newest
    found = repository.catalog.newest(str(database))
    assert found
    assert found.id == newest.id


def test_a_head_that_points_to_a_lost_snapshot_falls_back_to_the_one_before(
    repository: Repository, database: Path, tmp_path: Path
) -> None:
    first = repository.backup(database).snapshot
    update(database)
    second = repository.backup(database).snapshot
    assert first
    assert second
    (tmp_path / "repo" / "snapshots" / second.id).unlink()
    found = repository.catalog.newest(str(database))
    assert found
    assert found.id == first.id


def test_a_damaged_snapshot_stops_a_list_and_is_named(
    repository: Repository, database: Path, tmp_path: Path
) -> None:
    snapshot = repository.backup(database).snapshot
    assert snapshot
    path = tmp_path / "repo" / "snapshots" / snapshot.id
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-200])
    path.write_bytes(b"x" * 30)
    with pytest.raises(Damaged) as error:
        repository.snapshots()
    assert snapshot.id in error.value.message


def test_marks_add_up(repository: Repository, database: Path) -> None:
    first = repository.backup(database).snapshot
    second = repository.backup(database, BackupOptions(always=True)).snapshot
    assert first
    assert second
    early, late = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
    repository.catalog.mark_verified([first.id, second.id], early)
    repository.catalog.mark_verified([second.id], late)
    assert repository.catalog.verified_marks() == {first.id: early, second.id: late}


def test_a_time_means_the_last_snapshot_at_or_before_it(
    repository: Repository, database: Path
) -> None:
    first = repository.backup(database).snapshot
    assert first
    assert at_time(first.time, repository.snapshots()).id == first.id
    assert at_time(first.time + timedelta(days=1), repository.snapshots()).id == first.id
    with pytest.raises(NotFound):
        at_time(first.time - timedelta(microseconds=1), repository.snapshots())
    with pytest.raises(NotFound):
        at_time(first.time, [])
