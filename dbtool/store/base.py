"""What dbtool asks of a place where repository objects lie: flat keys, write-once byte strings.

Keys are relative POSIX paths of `[a-z0-9./-]`, built by dbtool only. Every method may raise
`StorageFailed` (no space, permissions, I/O), `Unreachable` (a remote that does not answer) and,
where an object is missing, `NotFound` with the code `object-missing`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Protocol

__all__ = ["ObjectWriter", "Store"]


class ObjectWriter(Protocol):
    """An object being written; nobody sees it before `commit`."""

    def write(self, data: bytes) -> None:
        """Append `data`."""

    def commit(self) -> None:
        """Make the bytes durable, then visible under the key, never over an existing object."""

    def abort(self) -> None:
        """Forget what was written; does nothing after `commit`."""


class Store(Protocol):
    """A place for objects."""

    @property
    def location(self) -> str:
        """Where the store is, as a person would write it."""

    @property
    def is_remote(self) -> bool:
        """True: requests cross a network, and an object is in memory until it is committed."""

    def create(self, key: str) -> ObjectWriter:
        """Begin a new object under `key`."""

    def put(self, key: str, data: bytes) -> None:
        """Write a new object durably; `Refused` (`object-exists`) where one is there."""

    def replace(self, key: str, data: bytes) -> None:
        """Write an object atomically over an older one, for the few records that change."""

    def get(self, key: str) -> bytes:
        """Return the whole object."""

    def get_range(self, key: str, offset: int, length: int) -> bytes:
        """Return `length` bytes from `offset`; fewer where the object ends before."""

    def size(self, key: str) -> int:
        """Return the size of the object in bytes."""

    def list(self, prefix: str) -> Iterator[tuple[str, int]]:
        """Yield (key, size_bytes) of every object in the folder `prefix`, in any order."""

    def delete(self, key: str) -> None:
        """Remove the object; a missing one is not an error."""

    def withdraw(self, key: str) -> None:
        """Remove an object that this client has just written, also where it lost its lock since."""

    def sync(self) -> None:
        """Make the names of all objects committed so far durable.

        Called before the object that refers to them is written.
        """

    def lock(self, *, exclusive: bool) -> AbstractContextManager[None]:
        """Hold the lock, shared or exclusive; `Locked` (`repository-locked`) when it is taken.

        At once, except where the holder is somewhere else and has to be seen alive first: see
        `lease`.
        """

    def confirm_lock(self) -> None:
        """See that the locks held through this store were not taken away meanwhile.

        Called before what must not happen without them: the write that commits a snapshot, the
        removal of objects. And after that write, which nothing can do at the same moment. Raises
        `Locked` (`lock-lost`).
        """

    def sweep(self, *, older_than_s: float) -> int:
        """Remove what writers that died left half-written; return its size in bytes.

        Args:
            older_than_s: what was written to more recently than this stays.
        """

    def close(self) -> None:
        """End connections and threads; the next request begins them again."""
