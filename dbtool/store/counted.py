"""Reads of a store, counted: how much of a repository a question costs."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Lock
from typing import Protocol

__all__ = ["CountedReads", "Readable"]


class Readable(Protocol):
    """The part of a `Store` that reads pieces of objects."""

    @property
    def is_remote(self) -> bool:
        """Whether each request costs a round trip over a network."""

    def get_range(self, key: str, offset: int, length: int) -> bytes:
        """Return `length` bytes from `offset`; fewer where the object ends before."""

    def size(self, key: str) -> int:
        """Return the size of the object in bytes."""

    def list(self, prefix: str) -> Iterator[tuple[str, int]]:
        """Yield (key, size_bytes) of every object in the folder `prefix`, in any order."""


class CountedReads:
    """Passes reads on to a store and adds them up; for any number of threads."""

    def __init__(self, store: Readable) -> None:
        self._store = store
        self._lock = Lock()
        self.bytes_fetched = 0
        """Bytes read so far."""
        self.requests = 0
        """Requests for bytes so far."""

    @property
    def is_remote(self) -> bool:
        """Whether each request costs a round trip over a network."""
        return self._store.is_remote

    def get_range(self, key: str, offset: int, length: int) -> bytes:
        """Return `length` bytes from `offset`; fewer where the object ends before."""
        data = self._store.get_range(key, offset, length)
        with self._lock:
            self.bytes_fetched += len(data)
            self.requests += 1
        return data

    def size(self, key: str) -> int:
        """Return the size of the object in bytes."""
        return self._store.size(key)

    def list(self, prefix: str) -> Iterator[tuple[str, int]]:
        """Yield (key, size_bytes) of every object in the folder `prefix`, in any order."""
        return self._store.list(prefix)
