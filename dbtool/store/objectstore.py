"""Objects in a bucket of S3, Google Cloud Storage or Azure.

Each object is sent with one request: it is there whole or not at all, and nothing half-sent stays
in the bucket to be paid for. That bounds what a writer holds in memory by the size of a pack. An
object that shall be new is created with a condition (`If-None-Match: *`, or what the cloud has for
it), and with a checksum that the store compares.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import AbstractContextManager

from dbtool.errors import Refused, UsageError
from dbtool.store.bucket import Bucket
from dbtool.store.lease import FOLDER, LeaseLock, Rhythm
from dbtool.store.naming import checked_key, checked_prefix, is_key
from dbtool.store.retry import Patience

__all__ = ["ObjectStore"]


class ObjectStore:
    """A `Store` in a bucket; one instance may serve several threads."""

    def __init__(
        self, location: str, *, patience: Patience | None = None, rhythm: Rhythm | None = None
    ) -> None:
        """Prepare, without asking the network.

        Raises:
            UsageError: `store-location-invalid`, `extra-missing`, `credentials-missing`.
        """
        self._bucket = Bucket(location, patience)
        self._lock = LeaseLock(self._bucket, location, rhythm)

    def require_conditions(self) -> None:
        """See that the bucket is there, and that it never overwrites what shall be new.

        Raises:
            UsageError: `store-unconditional`, it overwrites.
            NotFound: `store-not-found`, there is no such bucket.
        """
        if self._bucket.place.single_writer:
            return
        probe = f"{FOLDER}/probe-{secrets.token_hex(8)}"
        try:
            self._bucket.create(probe, b"first")
            self._bucket.create(probe, b"second")
        except Refused:
            self._bucket.remove(probe)
            return
        self._bucket.remove(probe)
        raise UsageError(
            "store-unconditional",
            f"{self.location} overwrites objects that shall be new",
            context="it ignores If-None-Match, so two clients could destroy each other's work",
            hint="use a store that has conditional writes, or let in one client at a time:\n"
            f"{self.location}{'&' if '?' in self.location else '?'}single-writer=true",
        )

    @property
    def location(self) -> str:
        """The URL that was given."""
        return self._bucket.location

    def create(self, key: str) -> _BufferedWriter:
        """Begin a new object under `key`; it is in memory until its commit."""
        return _BufferedWriter(self._bucket, checked_key(key))

    def put(self, key: str, data: bytes) -> None:
        """Write a new object durably."""
        self._bucket.create(checked_key(key), bytes(data))

    def replace(self, key: str, data: bytes) -> None:
        """Write an object atomically over an older one."""
        self._bucket.overwrite(checked_key(key), bytes(data))

    def get(self, key: str) -> bytes:
        """Return the whole object."""
        return self._bucket.read(checked_key(key))

    def get_range(self, key: str, offset: int, length: int) -> bytes:
        """Return `length` bytes from `offset`, fewer at the end."""
        return self._bucket.read_range(checked_key(key), offset, length)

    def size(self, key: str) -> int:
        """Return the size of the object in bytes."""
        return self._bucket.size(checked_key(key))

    def list(self, prefix: str) -> Iterator[tuple[str, int]]:
        """Yield the objects under `prefix`, asking for a page of them at a time."""
        for key, size in self._bucket.listed(checked_prefix(prefix)):
            if is_key(key):
                yield key, size

    def delete(self, key: str) -> None:
        """Remove the object, if there is one."""
        self._bucket.remove(checked_key(key))

    def sync(self) -> None:
        """Do nothing: what a request was answered for is durable."""

    def lock(self, *, exclusive: bool) -> AbstractContextManager[None]:
        """Hold the lock; see `store.lease`. A store without conditions lets in one at a time."""
        return self._lock.hold(exclusive=exclusive or self._bucket.place.single_writer)

    def confirm_lock(self) -> None:
        """See that the lock is still held."""
        self._lock.confirm()


class _BufferedWriter:
    """An object of an `ObjectStore` before its commit."""

    def __init__(self, bucket: Bucket, key: str) -> None:
        self._bucket = bucket
        self._key = key
        self._data: bytearray | None = bytearray()

    def write(self, data: bytes) -> None:
        """Append `data`."""
        self._open_data().extend(data)

    def commit(self) -> None:
        """Send the object."""
        data = self._open_data()
        self._data = None
        self._bucket.create(self._key, data)

    def abort(self) -> None:
        """Forget what was written."""
        self._data = None

    def _open_data(self) -> bytearray:
        if self._data is None:
            message = "the object was committed or aborted already"
            raise ValueError(message)
        return self._data
