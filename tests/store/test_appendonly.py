from __future__ import annotations

from pathlib import Path

import pytest

from dbtool.backup.follow import Follower, FollowOptions
from dbtool.backup.followrecord import read_follow_records
from dbtool.backup.repository import Repository
from dbtool.backup.retention import Retention
from dbtool.backup.thinning import THIN_EVERY_S
from dbtool.core.progress import Silent
from dbtool.crypto.secret import Secret
from dbtool.errors import Refused
from dbtool.integrity.check import verify_database
from dbtool.integrity.findings import VerifyOptions
from dbtool.store.appendonly import AppendOnlyStore
from dbtool.store.memory import MemoryStore
from tests.backup.conftest import make_database, update


@pytest.fixture
def inner() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def store(inner: MemoryStore) -> AppendOnlyStore:
    return AppendOnlyStore(inner)


def test_nothing_is_removed_or_written_over_but_heads(
    store: AppendOnlyStore, inner: MemoryStore
) -> None:
    store.put("packs/a", b"one")
    store.replace("heads/x", b"one")
    store.replace("heads/x", b"two")
    for work in (
        lambda: store.delete("packs/a"),
        lambda: store.delete("heads/x"),
        lambda: store.withdraw("packs/a"),
        lambda: store.replace("packs/a", b"two"),
        lambda: store.replace("marks/verified", b"two"),
        lambda: store.sweep(older_than_s=0),
    ):
        with pytest.raises(Refused) as raised:
            work()
        assert raised.value.code == "append-only"
    assert inner.objects == {"packs/a": b"one", "heads/x": b"two"}


def test_everything_else_goes_through(store: AppendOnlyStore, inner: MemoryStore) -> None:
    writer = store.create("packs/b")
    writer.write(b"0123")
    writer.commit()
    assert store.get("packs/b") == b"0123"
    assert store.get_range("packs/b", 1, 2) == b"12"
    assert store.size("packs/b") == 4
    assert list(store.list("packs")) == [("packs/b", 4)]
    assert store.location == inner.location
    store.sync()
    with store.lock(exclusive=True):
        store.confirm_lock()


def test_backups_restores_checks_and_new_keys_work_and_removals_do_not(
    inner: MemoryStore, store: AppendOnlyStore, tmp_path: Path
) -> None:
    secret = Secret("key-file", bytes(32))
    Repository.create(inner, secret=secret)
    repository = Repository.open(store, secret=lambda: secret)
    database = make_database(tmp_path / "app.db")
    first = repository.backup(database)
    assert repository.backup(database).unchanged
    assert first.snapshot
    repository.restore(first.snapshot, tmp_path / "back.db")
    assert repository.verify(read_data=1.0).findings == ()
    added = repository.keys.add(repository.master, Secret("key-file", bytes(31) + b"x"))
    with pytest.raises(Refused) as raised:
        repository.remove_key(added.id)
    assert raised.value.code == "append-only"


def test_follow_shows_that_it_lives_and_leaves_thinning_to_others(
    store: AppendOnlyStore, tmp_path: Path
) -> None:
    repository = Repository.create(store)
    database = make_database(tmp_path / "app.db", rows=5)
    warnings: list[str] = []
    progress = Silent()
    progress.warn = warnings.append  # type: ignore[method-assign]
    keep = FollowOptions(retention=Retention(last=1))
    follower = Follower(repository, database, keep, progress)
    follower.look()
    update(database)
    follower.look()
    follower._thinned_s -= THIN_EVERY_S
    follower.look()
    (record,) = read_follow_records(repository)
    assert record.running
    assert record.snapshot == (follower.newest and follower.newest.id)
    follower.close()
    assert len(repository.snapshots()) == 2
    assert warnings == []


def test_a_drill_proves_though_it_can_mark_nothing(store: AppendOnlyStore, tmp_path: Path) -> None:
    repository = Repository.create(store)
    database = make_database(tmp_path / "app.db", rows=5)
    repository.backup(database)
    options = VerifyOptions(drill=True)
    report = verify_database(database, options, repository=repository)
    assert report.drill
    assert report.drill.sound
    assert any("was not marked" in note for note in report.notes)
