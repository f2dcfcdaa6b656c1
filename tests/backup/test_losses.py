"""What lost groups mean for snapshots."""

from __future__ import annotations

from pathlib import Path

from dbtool.backup.losses import lost_entries
from dbtool.backup.model import BackupOptions
from dbtool.backup.repository import Repository
from dbtool.store.memory import MemoryStore
from tests.backup.conftest import update


def test_the_pages_of_a_lost_group_are_lost_and_no_others(
    repository: Repository, database: Path
) -> None:
    snapshot = repository.backup(database).snapshot
    assert snapshot is not None
    entries = repository.open_snapshot(snapshot).segment(0)
    first, second, *_ = entries.extents()
    assert lost_entries(entries, {first.ref}) == list(range(first.pages))
    assert lost_entries(entries, {second.ref})[0] == first.pages
    assert lost_entries(entries, set()) == []


def test_a_group_that_no_snapshot_needs_any_more_is_a_warning(database: Path) -> None:
    store = MemoryStore()
    repository = Repository.create(store)
    repository.backup(database)
    update(database, "id = 300", seed=1)
    middle = repository.backup(database, BackupOptions(always=True)).snapshot
    assert middle is not None
    update(database, "id % 5 = 0", seed=2)
    newest = repository.backup(database, BackupOptions(always=True)).snapshot
    assert newest is not None
    own = repository.catalog.body(middle.id).segments[0][-1].ref.pack
    key = next(key for key in store.objects if key.endswith(own.hex()) and key != "config")
    data = bytearray(store.objects[key])
    data[60] ^= 1
    store.objects[key] = bytes(data)
    report = repository.verify(read_data=1.0)
    assert report.damaged_snapshots == (middle.id,)
    repository.forget(repository.plan_forget([middle.id]))
    report = repository.verify(read_data=1.0)
    assert report.findings == ()
