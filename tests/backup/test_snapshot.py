"""The catalog: lists, heads and marks, with and without damage."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dbtool.backup.contents import body_to_json, snapshot_to_json
from dbtool.backup.model import BackupOptions, Snapshot
from dbtool.backup.record import RecordBox
from dbtool.backup.repository import Repository
from dbtool.backup.snapshot import at_time
from dbtool.errors import Damaged, Locked, NotFound
from dbtool.store.appendonly import AppendOnlyStore
from dbtool.store.memory import MemoryStore
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


def test_over_a_network_the_list_and_what_is_told_of_damage_are_the_same(database: Path) -> None:
    class FarAway(MemoryStore):
        is_remote = True

    store = FarAway()
    repository = Repository.create(store)
    for seed in range(20):
        update(database, seed=seed)
        repository.backup(database)
    listed = repository.snapshots()
    assert [snapshot.sequence for snapshot in listed] == list(range(1, 21))
    store.objects[f"snapshots/{listed[7].id}"] = b"rotten"
    told: list[Damaged] = []
    kept = repository.snapshots(on_damaged=told.append)
    assert [snapshot.sequence for snapshot in kept] == [*range(1, 8), *range(9, 21)]
    assert len(told) == 1
    with pytest.raises(Damaged):
        repository.snapshots()


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


def replace_snapshot(
    repository: Repository,
    folder: Path,
    snapshot: Snapshot,
    *,
    summary: dict[str, object] | None = None,
    body: dict[str, object] | None = None,
) -> None:
    """Write a snapshot again with other fields, properly sealed."""
    box = RecordBox(repository.master.sealer("records"), repository.config.id)
    rest = body_to_json(repository.catalog.body(snapshot.id))
    parts = (
        box.seal(f"{snapshot.id}/summary", {**snapshot_to_json(snapshot), **(summary or {})}),
        box.seal(f"{snapshot.id}/body", {**rest, **(body or {})}),
    )
    path = folder / "snapshots" / snapshot.id
    path.chmod(0o600)
    path.write_bytes(b"".join(len(part).to_bytes(4, "little") + part for part in parts))


@pytest.mark.parametrize(
    ("summary", "body"),
    [
        ({}, {"segments": [[]]}),
        ({}, {"segments": []}),
        ({}, {"segments": [[[0, -1, 212]]]}),
        ({"page_size": -4096}, {}),
        ({"page_count": 10**18}, {}),
        ({"page_count": 70_000}, {}),
        ({"time": "2026-11-21T00:00:00"}, {}),
        ({"id": "ab" * 16}, {}),
    ],
    ids=str,
)
def test_verify_finds_a_snapshot_of_impossible_content(
    repository: Repository,
    database: Path,
    tmp_path: Path,
    summary: dict[str, object],
    body: dict[str, object],
) -> None:
    snapshot = repository.backup(database).snapshot
    assert snapshot
    assert repository.verify().findings == ()
    replace_snapshot(repository, tmp_path / "repo", snapshot, summary=summary, body=body)
    assert repository.verify().damaged_snapshots == (snapshot.id,)


def test_an_object_of_more_than_two_parts_is_damaged(
    repository: Repository, database: Path, tmp_path: Path
) -> None:
    snapshot = repository.backup(database).snapshot
    assert snapshot
    path = tmp_path / "repo" / "snapshots" / snapshot.id
    path.chmod(0o600)
    path.write_bytes(path.read_bytes() + bytes(4))
    with pytest.raises(Damaged):
        repository.catalog.summary(snapshot.id)


class Suspended(MemoryStore):
    """Its lock is taken away right before a snapshot is written, after the last look."""

    lost = False
    armed = False

    def put(self, key: str, data: bytes) -> None:
        self.lost = self.lost or (self.armed and key.startswith("snapshots/"))
        super().put(key, data)

    def confirm_lock(self) -> None:
        if self.lost:
            raise Locked("lock-lost", "the lock was taken away")


def test_a_snapshot_that_was_written_after_its_lock_was_lost_is_taken_back(database: Path) -> None:
    store = Suspended()
    repository = Repository.create(store)
    first = repository.backup(database).snapshot
    assert first
    update(database)
    store.armed = True
    with pytest.raises(Locked) as raised:
        repository.backup(database)
    assert raised.value.code == "lock-lost"
    assert [snapshot.id for snapshot in repository.snapshots()] == [first.id]
    store.armed = store.lost = False
    again = repository.backup(database).snapshot
    assert again
    assert again.parent == first.id


def test_where_nothing_can_be_removed_the_loss_of_the_lock_is_told_all_the_same(
    database: Path,
) -> None:
    store = Suspended()
    Repository.create(store)
    store.armed = True
    with pytest.raises(Locked) as raised:
        Repository.open(AppendOnlyStore(store)).backup(database)
    assert raised.value.code == "lock-lost"
