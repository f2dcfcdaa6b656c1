"""Pages of one snapshot brought into another repository."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbtool.backup.model import BackupOptions
from dbtool.backup.packing import PackSession
from dbtool.backup.repository import Repository
from dbtool.backup.transfer import SourceDamaged, Transfer
from dbtool.core.progress import Silent
from dbtool.store.memory import MemoryStore
from tests.backup.conftest import update


def test_without_a_base_pages_are_compared_with_the_parent(
    repository: Repository, database: Path
) -> None:
    target = Repository.create(MemoryStore())
    options = BackupOptions(name="app")
    parent = target.backup(database, options).snapshot
    update(database, "id = 100")
    source = repository.backup(database, options).snapshot
    assert parent is not None
    assert source is not None
    with PackSession(target.store, target.master, target.config.id, compression=3) as session:
        transfer = Transfer(
            session,
            hash_pages=target.hash_pages,
            source=repository.open_snapshot(source),
            parent=target.open_snapshot(parent),
        )
        (pieces,) = transfer.carry(Silent())
        session.finish()
    assert transfer.pages_read == source.page_count
    assert 1 <= transfer.pages_changed <= 2
    assert len(pieces) == 2


def test_what_the_source_lost_is_the_fault_of_the_source(tmp_path: Path, database: Path) -> None:
    store = MemoryStore()
    source = Repository.create(store)
    snapshot = source.backup(database).snapshot
    assert snapshot is not None
    tree = source.open_snapshot(snapshot)
    for key in [key for key in store.objects if key.startswith("packs/")]:
        del store.objects[key]
    target = Repository.create(MemoryStore())
    session = PackSession(target.store, target.master, target.config.id, compression=3)
    with session, pytest.raises(SourceDamaged) as caught:
        Transfer(session, hash_pages=target.hash_pages, source=tree).carry(Silent())
    assert caught.value.code == "pack-damaged"
