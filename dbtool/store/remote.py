"""A store at the other end of a network: the rules for keys, whole objects, a lock of leases.

What it is made of is a `Remote`, which sends requests until they come through. Each object is sent
whole when it is committed: so nobody sees half of one, and one that broke off can be sent again.
That bounds what a writer holds in memory by the size of a pack.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Protocol

from dbtool.store.lease import LeaseLock, Rhythm
from dbtool.store.naming import checked_key, checked_prefix, is_key

__all__ = ["Remote", "RemoteStore"]


class Remote(Protocol):
    """Objects under any name, at the other end of a network."""

    location: str

    def create(self, key: str, data: bytes | bytearray) -> None:
        """Write an object that is not there, durably; `Refused` (`object-exists`) if it is."""

    def overwrite(self, key: str, data: bytes) -> None:
        """Write an object atomically and durably, be it there or not."""

    def read(self, key: str) -> bytes:
        """Return an object."""

    def read_range(self, key: str, offset: int, length: int) -> bytes:
        """Return `length` bytes from `offset`, fewer at the end of the object."""

    def size(self, key: str) -> int:
        """Return the size of an object in bytes."""

    def listed(self, folder: str) -> Iterator[tuple[str, int]]:
        """Yield (key, size_bytes) of the objects in a folder."""

    def remove(self, key: str) -> None:
        """Remove an object; a missing one is not an error."""

    def sweep(self, *, older_than_s: float) -> int:
        """Remove what was left half-written longer ago than that; return its size in bytes."""


class RemoteStore:
    """A `Store` of a remote; one instance may serve several threads."""

    def __init__(
        self, remote: Remote, *, rhythm: Rhythm | None = None, one_at_a_time: bool = False
    ) -> None:
        """Prepare, without asking the network.

        Args:
            remote: where the objects are.
            rhythm: how leases beat.
            one_at_a_time: every lock is exclusive.
        """
        self._remote = remote
        self._one_at_a_time = one_at_a_time
        self._lock = LeaseLock(remote, remote.location, rhythm)

    @property
    def location(self) -> str:
        """The URL that was given."""
        return self._remote.location

    @property
    def is_remote(self) -> bool:
        """Say yes: objects are sent whole."""
        return True

    def create(self, key: str) -> _BufferedWriter:
        """Begin a new object under `key`; it is in memory until its commit."""
        return _BufferedWriter(self._remote, checked_key(key))

    def put(self, key: str, data: bytes) -> None:
        """Write a new object durably."""
        self._remote.create(checked_key(key), bytes(data))

    def replace(self, key: str, data: bytes) -> None:
        """Write an object atomically over an older one."""
        self._remote.overwrite(checked_key(key), bytes(data))

    def get(self, key: str) -> bytes:
        """Return the whole object."""
        return self._remote.read(checked_key(key))

    def get_range(self, key: str, offset: int, length: int) -> bytes:
        """Return `length` bytes from `offset`, fewer at the end."""
        return self._remote.read_range(checked_key(key), offset, length)

    def size(self, key: str) -> int:
        """Return the size of the object in bytes."""
        return self._remote.size(checked_key(key))

    def list(self, prefix: str) -> Iterator[tuple[str, int]]:
        """Yield the objects under `prefix`, asking for a page of them at a time."""
        for key, size in self._remote.listed(checked_prefix(prefix)):
            if is_key(key):
                yield key, size

    def delete(self, key: str) -> None:
        """Remove the object, if there is one; `Locked` (`lock-lost`) when the lock is gone."""
        # What a client that was suspended had condemned may be in use by now.
        key = checked_key(key)
        self._lock.confirm_lately()
        self._remote.remove(key)

    def withdraw(self, key: str) -> None:
        """Remove an object that was just written, also where the lock was lost since."""
        self._remote.remove(checked_key(key))

    def sync(self) -> None:
        """Do nothing: what a request was answered for is durable."""

    def sweep(self, *, older_than_s: float) -> int:
        """Remove what writers that died left half-written; return its size in bytes."""
        return self._remote.sweep(older_than_s=older_than_s)

    def close(self) -> None:
        """Do nothing: what holds a connection ends it."""

    def lock(self, *, exclusive: bool) -> AbstractContextManager[None]:
        """Hold the lock; see `store.lease`."""
        return self._lock.hold(exclusive=exclusive or self._one_at_a_time)

    def confirm_lock(self) -> None:
        """See that the lock is still held."""
        self._lock.confirm()


class _BufferedWriter:
    """An object of a `RemoteStore` before its commit."""

    def __init__(self, remote: Remote, key: str) -> None:
        self._remote = remote
        self._key = key
        self._data: bytearray | None = bytearray()

    def write(self, data: bytes) -> None:
        """Append `data`."""
        self._open_data().extend(data)

    def commit(self) -> None:
        """Send the object."""
        data = self._open_data()
        self._data = None
        self._remote.create(self._key, data)

    def abort(self) -> None:
        """Forget what was written."""
        self._data = None

    def _open_data(self) -> bytearray:
        if self._data is None:
            message = "the object was committed or aborted already"
            raise ValueError(message)
        return self._data
