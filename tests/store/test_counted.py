"""Counting what is read."""

from __future__ import annotations

from dbtool.store.counted import CountedReads
from dbtool.store.memory import MemoryStore


def test_what_is_read_is_passed_on_and_added_up() -> None:
    store = MemoryStore()
    store.put("packs/aa/b", b"0123456789")
    reads = CountedReads(store)
    assert reads.size("packs/aa/b") == 10
    assert list(reads.list("packs/")) == [("packs/aa/b", 10)]
    assert (reads.requests, reads.bytes_fetched) == (0, 0)
    assert reads.get_range("packs/aa/b", 2, 3) == b"234"
    assert reads.get_range("packs/aa/b", 8, 100) == b"89"
    assert (reads.requests, reads.bytes_fetched) == (2, 5)
