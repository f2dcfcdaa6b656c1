"""Looking for lost pages."""

from __future__ import annotations

from pathlib import Path

from dbtool.backup.check import examine
from dbtool.backup.healing import Healing, HealOptions
from dbtool.backup.lostpages import LostPages
from dbtool.backup.newplaces import NewPlaces
from dbtool.backup.recovery import gather, hash_of, look_into_database
from dbtool.backup.repository import Repository
from dbtool.core.progress import Silent
from dbtool.store.memory import MemoryStore
from tests.backup.conftest import update


def test_pages_are_found_in_a_database_that_changed_elsewhere(database: Path) -> None:
    store = MemoryStore()
    repository = Repository.create(store)
    snapshot = repository.backup(database).snapshot
    assert snapshot is not None
    tree = repository.open_snapshot(snapshot)
    entries = tree.segment(0)
    first = next(entries.extents())
    (key,) = (key for key in store.objects if key.endswith(first.ref.pack.hex()))
    data = bytearray(store.objects[key])
    data[40] ^= 1
    store.objects[key] = bytes(data)
    update(database, "id = 1", seed=9)
    check, _share = examine(repository, read_data=1.0, names=None, progress=Silent())
    with LostPages() as lost, NewPlaces(repository, lost, apply=False) as places:
        healing = Healing(repository, HealOptions(database), Silent(), check, lost, places)
        gather(healing)
        assert healing.hurt == [snapshot.id]
        assert lost.count() == first.pages
        look_into_database(healing)
        sought = [page for page in range(first.pages) if lost.is_sought(hash_of(entries, page))]
    # The page of row 1, and the first, whose change counter moves without a WAL.
    assert 1 <= len(sought) <= 2
