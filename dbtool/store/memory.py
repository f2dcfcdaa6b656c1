"""Objects in memory: a store for tests and for work that leaves nothing behind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from dbtool.errors import Locked, NotFound, Refused
from dbtool.store.naming import checked_key, checked_prefix

__all__ = ["MemoryStore"]


class MemoryStore:
    """A `Store` in a dictionary, which tests may read and damage through `objects`."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self._shared_holders = 0
        self._exclusive_held = False

    @property
    def location(self) -> str:
        """Say that this is no place on a disk."""
        return "memory:"

    @property
    def is_remote(self) -> bool:
        """Say no."""
        return False

    def create(self, key: str) -> _MemoryWriter:
        """Begin a new object under `key`."""
        return _MemoryWriter(self, checked_key(key))

    def put(self, key: str, data: bytes) -> None:
        """Keep a new object."""
        writer = self.create(key)
        writer.write(data)
        writer.commit()

    def replace(self, key: str, data: bytes) -> None:
        """Keep an object in the place of an older one."""
        self.objects[checked_key(key)] = bytes(data)

    def get(self, key: str) -> bytes:
        """Return the whole object."""
        try:
            return self.objects[checked_key(key)]
        except KeyError:
            raise NotFound("object-missing", f"{key} is missing from {self.location}") from None

    def get_range(self, key: str, offset: int, length: int) -> bytes:
        """Return `length` bytes from `offset`, fewer at the end."""
        return self.get(key)[offset : offset + length]

    def size(self, key: str) -> int:
        """Return the size of the object in bytes."""
        return len(self.get(key))

    def list(self, prefix: str) -> Iterator[tuple[str, int]]:
        """Yield the objects under `prefix` as they were when the listing began."""
        folder = checked_prefix(prefix)
        start = f"{folder}/" if folder else ""
        yield from [(key, len(data)) for key, data in self.objects.items() if key.startswith(start)]

    def delete(self, key: str) -> None:
        """Remove the object, if there is one."""
        self.objects.pop(checked_key(key), None)

    def withdraw(self, key: str) -> None:
        """Remove an object that was just written."""
        self.delete(key)

    def sync(self) -> None:
        """Do nothing: nothing here outlives the process."""

    def sweep(self, *, older_than_s: float) -> int:
        """Do nothing: what was not committed is gone with its writer."""
        del older_than_s
        return 0

    def close(self) -> None:
        """Do nothing: there is no connection."""

    @contextmanager
    def lock(self, *, exclusive: bool) -> Iterator[None]:
        """Hold the lock, shared or exclusive."""
        if self._exclusive_held or (exclusive and self._shared_holders):
            raise Locked("repository-locked", f"the repository in {self.location} is in use")
        if exclusive:
            self._exclusive_held = True
        else:
            self._shared_holders += 1
        try:
            yield
        finally:
            if exclusive:
                self._exclusive_held = False
            else:
                self._shared_holders -= 1

    def confirm_lock(self) -> None:
        """Do nothing: nobody takes a lock of this process away."""


class _MemoryWriter:
    """An object of a `MemoryStore` before its commit."""

    def __init__(self, store: MemoryStore, key: str) -> None:
        self._store = store
        self._key = key
        self._parts: list[bytes] | None = []

    def write(self, data: bytes) -> None:
        """Append `data`."""
        self._open_parts().append(bytes(data))

    def commit(self) -> None:
        """Show the object under its key."""
        data = b"".join(self._open_parts())
        self._parts = None
        if self._key in self._store.objects:
            raise Refused("object-exists", f"{self._key} is in {self._store.location} already")
        self._store.objects[self._key] = data

    def abort(self) -> None:
        """Forget what was written."""
        self._parts = None

    def _open_parts(self) -> list[bytes]:
        if self._parts is None:
            message = "the object was committed or aborted already"
            raise ValueError(message)
        return self._parts
