"""A store that is written to no faster than a given rate.

The rate is an average over a few objects: an object store takes each object in one request, which
goes at the speed of the line, and the wait follows. Reading is not slowed down.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from dbtool.store.base import ObjectWriter, Store

__all__ = ["LimitedStore", "TokenBucket"]

_STEP_BYTES = 64 * 1024


class TokenBucket:
    """Lets bytes through at a rate; what was not used within the last second is lost."""

    def __init__(
        self,
        bytes_per_s: int,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._rate = bytes_per_s
        self._monotonic = monotonic
        self._sleep = sleep
        self._guard = threading.Lock()
        self._free_at = monotonic()
        """When all that was let through will have passed at the rate."""

    def take(self, size_bytes: int) -> None:
        """Wait until `size_bytes` may pass."""
        with self._guard:
            now = self._monotonic()
            self._free_at = max(self._free_at, now - 1.0) + size_bytes / self._rate
            wait_s = self._free_at - now
        if wait_s > 0:
            self._sleep(wait_s)


class LimitedStore:
    """Another store, behind a token bucket that all its writers share."""

    def __init__(
        self, store: Store, *, bytes_per_s: int, tokens: TokenBucket | None = None
    ) -> None:
        self._store = store
        self._tokens = tokens or TokenBucket(bytes_per_s)

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
        return _LimitedWriter(self._store.create(key), self._tokens)

    def put(self, key: str, data: bytes) -> None:
        """Write a new object durably."""
        self._tokens.take(len(data))
        self._store.put(key, data)

    def replace(self, key: str, data: bytes) -> None:
        """Write an object over an older one."""
        self._tokens.take(len(data))
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
        """Remove the object, if there is one."""
        self._store.delete(key)

    def withdraw(self, key: str) -> None:
        """Remove an object that was just written."""
        self._store.withdraw(key)

    def sync(self) -> None:
        """Make names durable."""
        self._store.sync()

    def sweep(self, *, older_than_s: float) -> int:
        """Remove what writers that died left half-written."""
        return self._store.sweep(older_than_s=older_than_s)

    def close(self) -> None:
        """End the connections of the other store."""
        self._store.close()

    def lock(self, *, exclusive: bool) -> AbstractContextManager[None]:
        """Hold the lock of the other store."""
        return self._store.lock(exclusive=exclusive)

    def confirm_lock(self) -> None:
        """See that the lock is still held."""
        self._store.confirm_lock()


class _LimitedWriter:
    """An object that is being written at the rate of its store."""

    def __init__(self, writer: ObjectWriter, tokens: TokenBucket) -> None:
        self._writer = writer
        self._tokens = tokens

    def write(self, data: bytes) -> None:
        """Append `data`, in steps that each wait for their time."""
        view = memoryview(data)
        for start in range(0, len(view), _STEP_BYTES):
            step = bytes(view[start : start + _STEP_BYTES])
            self._tokens.take(len(step))
            self._writer.write(step)

    def commit(self) -> None:
        """Make the object durable and visible."""
        self._writer.commit()

    def abort(self) -> None:
        """Forget what was written."""
        self._writer.abort()
