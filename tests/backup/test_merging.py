"""Merged packs: sealed blobs copied, closed in time, gone after a failure."""

from __future__ import annotations

import pytest

from dbtool.backup import merging
from dbtool.backup.format import BLOB_PAGES, BlobRef, DirectoryEntry, pack_id, pack_key
from dbtool.backup.merging import MergedPacks
from dbtool.backup.moves import Moves
from dbtool.crypto.aead import MasterKey
from dbtool.store.memory import MemoryStore

MASTER = MasterKey.random()


def add(merged: MergedPacks, number: int, data: bytes):
    entry = DirectoryEntry(BLOB_PAGES, 1, 99, len(data), 512)
    return merged.add(BlobRef(bytes([number]) * 16, number), entry, data)


def test_a_pack_holds_what_was_added_and_says_so() -> None:
    store = MemoryStore()
    with MergedPacks(store, MASTER, bytes(16)) as merged:
        places = [add(merged, number, bytes([number]) * 50) for number in range(5)]
        assert list(store.list("packs/")) == []
        merged.finish()
    ((key, size),) = store.list("packs/")
    assert merged.bytes_written == size
    assert {pack_key(moved.home) for moved in places} == {key}
    for number, moved in enumerate(places):
        data = store.get_range(key, moved.entry.offset, moved.entry.stored_bytes)
        assert data == bytes([number]) * 50
    home = pack_id(key)
    assert home is not None
    said = Moves(store, MASTER, bytes(16)).directory(home, size)
    assert said == [(BlobRef(bytes([n]) * 16, n), moved.entry) for n, moved in enumerate(places)]


@pytest.mark.parametrize(("bytes_limit", "blobs_limit"), [(220, 1000), (1 << 20, 4)])
def test_a_full_pack_is_closed_and_the_next_begun(
    bytes_limit: int, blobs_limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merging, "MERGED_PACK_BYTES", bytes_limit)
    monkeypatch.setattr(merging, "BLOBS_PER_MERGED_PACK", blobs_limit)
    store = MemoryStore()
    with MergedPacks(store, MASTER, bytes(16)) as merged:
        homes = [add(merged, number, bytes(50)).home for number in range(10)]
        merged.finish()
    assert len(set(homes)) == len(merged.finished) == 3
    assert len(list(store.list("packs/"))) == 3


def test_finishing_nothing_writes_nothing() -> None:
    store = MemoryStore()
    with MergedPacks(store, MASTER, bytes(16)) as merged:
        merged.finish()
    assert (store.objects, merged.finished, merged.bytes_written) == ({}, [], 0)


def test_after_a_failure_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merging, "BLOBS_PER_MERGED_PACK", 2)
    store = MemoryStore()
    with pytest.raises(RuntimeError), MergedPacks(store, MASTER, bytes(16)) as merged:
        for number in range(5):
            add(merged, number, bytes(50))
        raise RuntimeError
    assert store.objects == {}
