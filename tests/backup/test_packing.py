"""Packs being written: nothing half done is seen, and no key meets a nonce twice."""

from __future__ import annotations

import random

import pytest

from dbtool.backup.format import BLOB_PAGES, BLOBS_PER_PACK
from dbtool.backup.packing import PackSession
from dbtool.crypto.aead import MasterKey
from dbtool.store.memory import MemoryStore
from tests.backup.test_pack import REPOSITORY, filled


def fail_in_the_middle(store: MemoryStore) -> None:
    with PackSession(store, MasterKey.random(), REPOSITORY, compression=3) as session:
        for _ in range(20):
            session.submit(session.reserve(), BLOB_PAGES, b"x" * 100, pages=1)
        raise RuntimeError("in the middle")


def test_a_session_left_without_finish_shows_no_open_pack() -> None:
    store = MemoryStore()
    with pytest.raises(RuntimeError, match="in the middle"):
        fail_in_the_middle(store)
    assert list(store.list("packs/")) == []


def test_a_dry_run_counts_and_stores_nothing() -> None:
    store, master = MemoryStore(), MasterKey.random()
    with PackSession(store, master, REPOSITORY, compression=3, dry_run=True) as session:
        session.submit(session.reserve(), BLOB_PAGES, random.Random(0).randbytes(5000), pages=1)
        assert session.finish() > 5000
    assert list(store.list("packs/")) == []


def test_no_two_groups_share_key_and_nonce() -> None:
    store, master = MemoryStore(), MasterKey.random()
    content = filled(store, master, BLOBS_PER_PACK + 3)
    assert len(set(content)) == BLOBS_PER_PACK + 3


def test_packs_are_smaller_where_they_are_in_memory_until_they_are_sent() -> None:
    class Buffering(MemoryStore):
        is_remote = True

    store = Buffering()
    with PackSession(store, MasterKey.random(), REPOSITORY, compression=3) as session:
        refs = [session.reserve() for _ in range(130)]
        for ref in refs:
            session.submit(ref, BLOB_PAGES, b"x" * 512, pages=1)
        session.finish()
    assert [ref.ordinal for ref in refs] == [*range(64), *range(64), 0, 1]
    assert len(list(store.list("packs/"))) == 3
