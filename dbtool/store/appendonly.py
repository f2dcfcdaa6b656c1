"""A store that is only added to: no object is removed, none is written over but the hints.

What a client does to itself, so that a mistake of its own destroys nothing. Against somebody who
has taken the machine over, the storage has to refuse the same: see dbtool-repository(5) for the
policy.

Heads are still replaced: they say where the newest snapshot is, and losing one costs a scan. So are
the signs of life of `follow`: without them nobody would see that it is stuck. Locks are no objects
of the repository and come and go as ever.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager

from dbtool.errors import Refused
from dbtool.store.base import ObjectWriter, Store

__all__ = ["AppendOnlyStore"]

_REPLACED = ("heads/", "marks/follow-")


class AppendOnlyStore:
    """Another store, without the ways to lose something in it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @property
    def location(self) -> str:
        """Where the other store is."""
        return self._store.location

    @property
    def is_remote(self) -> bool:
        """Whether the other store is."""
        return self._store.is_remote

    def create(self, key: str) -> ObjectWriter:
        """Begin a new object under `key`."""
        return self._store.create(key)

    def put(self, key: str, data: bytes) -> None:
        """Write a new object durably."""
        self._store.put(key, data)

    def replace(self, key: str, data: bytes) -> None:
        """Write over a head or a sign of life; `Refused` (`append-only`) for anything else."""
        if not key.startswith(_REPLACED):
            raise self._refused(f"write over {key}")
        self._store.replace(key, data)

    def get(self, key: str) -> bytes:
        """Return the whole object."""
        return self._store.get(key)

    def get_range(self, key: str, offset: int, length: int) -> bytes:
        """Return `length` bytes from `offset`, fewer at the end."""
        return self._store.get_range(key, offset, length)

    def size(self, key: str) -> int:
        """Return the size of the object in bytes."""
        return self._store.size(key)

    def list(self, prefix: str) -> Iterator[tuple[str, int]]:
        """Yield the objects under `prefix`."""
        return self._store.list(prefix)

    def delete(self, key: str) -> None:
        """Raise `Refused` (`append-only`)."""
        raise self._refused(f"remove {key}")

    def withdraw(self, key: str) -> None:
        """Raise `Refused` (`append-only`)."""
        raise self._refused(f"remove {key}")

    def sync(self) -> None:
        """Make names durable."""
        self._store.sync()

    def sweep(self, *, older_than_s: float) -> int:
        """Raise `Refused` (`append-only`)."""
        raise self._refused("remove what was left half-written")

    def close(self) -> None:
        """End the connections of the other store."""
        self._store.close()

    def lock(self, *, exclusive: bool) -> AbstractContextManager[None]:
        """Hold the lock of the other store."""
        return self._store.lock(exclusive=exclusive)

    def confirm_lock(self) -> None:
        """See that the lock is still held."""
        self._store.confirm_lock()

    def _refused(self, what: str) -> Refused:
        return Refused(
            "append-only",
            f"cannot {what}: {self.location} may only be added to",
            context="append_only = true is set under [repository]",
            hint="do this from a machine that keeps the repository in order, not from one that "
            "fills it",
        )
