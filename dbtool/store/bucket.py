"""Requests to one bucket: each sent again until it comes through, each failure named.

A create whose answer got lost may have come through: when the next attempt finds an object, that is
compared with what was sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Final, Literal, TypeVar

from dbtool.errors import NotFound, Refused, Unreachable
from dbtool.store.cloud import (
    CloudPlace,
    ObjectTaken,
    RangeRefused,
    cloud_client,
    failures_understood,
)
from dbtool.store.retry import Patience, Retrying

__all__ = ["Bucket"]

Result = TypeVar("Result")
_MUCH_BYTES: Final = 1024 * 1024
_PAGE: Final = 1000
"""Objects in one answer to a listing: what S3 gives at most."""


class Bucket:
    """Objects below a prefix, under any name. Thread-safe."""

    def __init__(self, location: str, patience: Patience | None = None) -> None:
        """Prepare, without asking the network.

        Raises:
            UsageError: `store-location-invalid`, `extra-missing`, `credentials-missing`.
        """
        self.location = location
        self.place = CloudPlace.parse(location)
        self._client: Any = cloud_client(self.place)
        self._sender: Any = cloud_client(self.place, sends_much=True)
        self._retrying = Retrying(patience)

    def create(self, key: str, data: bytes | bytearray) -> None:
        """Write an object that is not there.

        Raises:
            Refused: `object-exists`.
        """
        try:
            self._ask(f"write {key}", lambda failures: self._create(key, data, failures))
        except ObjectTaken:
            raise Refused("object-exists", f"{key} is in {self.location} already") from None

    def overwrite(self, key: str, data: bytes) -> None:
        """Write an object, be it there or not."""
        self._ask(f"write {key}", lambda _: self._send(key, data, "overwrite"))

    def read(self, key: str) -> bytes:
        """Return an object."""
        return self._ask(f"read {key}", lambda _: self._content(key))

    def read_range(self, key: str, offset: int, length: int) -> bytes:
        """Return `length` bytes from `offset`, fewer at the end of the object."""
        with suppress(RangeRefused):
            if length:
                return self._range(key, offset, length)
        # Stores answer in many ways to a range that is not within the object; and some refuse the
        # first byte alone, or all bytes, as a range.
        size = self.size(key)
        within = min(length, size - offset)
        if within <= 0:
            return b""
        with suppress(RangeRefused):
            return self._range(key, offset, within)
        return self.read(key)[offset : offset + within]

    def _range(self, key: str, offset: int, length: int) -> bytes:
        import obstore

        return self._ask(
            f"read {key}",
            lambda _: bytes(obstore.get_range(self._client, key, start=offset, length=length)),
        )

    def size(self, key: str) -> int:
        """Return the size of an object in bytes."""
        import obstore

        return int(self._ask(f"read {key}", lambda _: obstore.head(self._client, key))["size"])

    def listed(self, folder: str) -> Iterator[tuple[str, int]]:
        """Yield (key, size_bytes) of the objects in a folder, by name.

        A listing that breaks off goes on where it was.
        """
        last: str | None = None
        while True:
            page = self._ask(
                "list objects",
                lambda _: self._page(folder, last),  # noqa: B023  called at once
            )
            for found in page:
                last = found["path"]
                yield found["path"], found["size"]
            if len(page) < _PAGE:
                return

    def remove(self, key: str) -> None:
        """Remove an object; a missing one is not an error."""
        import obstore

        with suppress(NotFound):
            self._ask(f"remove {key}", lambda _: obstore.delete(self._client, key))

    def sweep(self, *, older_than_s: float) -> int:
        """Do nothing: what was not sent whole is not there."""
        del older_than_s
        return 0

    def _ask(self, action: str, work: Callable[[int], Result]) -> Result:
        def attempt(failures: int) -> Result:
            with failures_understood(action, self.location, self.place.scheme):
                return work(failures)

        return self._retrying(attempt)

    def _create(self, key: str, data: bytes | bytearray, failures: int) -> None:
        try:
            if not self.place.single_writer:
                self._send(key, data, "create")
            elif self._is_there(key):
                _taken()
            else:
                self._send(key, data, "overwrite")
        except (ObjectTaken, _exists_error()):
            # Ours, perhaps, from an attempt whose answer got lost.
            if not failures or self._arrived(key) != data:
                raise

    def _send(
        self, key: str, data: bytes | bytearray, mode: Literal["create", "overwrite"]
    ) -> None:
        import obstore

        client = self._client if len(data) < _MUCH_BYTES else self._sender
        obstore.put(client, key, data, mode=mode, use_multipart=False)

    def _content(self, key: str) -> bytes:
        import obstore

        return bytes(obstore.get(self._client, key).bytes())

    def _arrived(self, key: str) -> bytes:
        try:
            return self._content(key)
        except FileNotFoundError as error:  # in the way a moment ago: two creates met
            raise Unreachable(
                "store-unreachable", f"cannot write {key}: {self.location} is of two minds"
            ) from error

    def _is_there(self, key: str) -> bool:
        import obstore

        with suppress(FileNotFoundError):
            obstore.head(self._client, key)
            return True
        return False

    def _page(self, folder: str, after: str | None) -> list[Any]:
        import obstore

        listing = obstore.list(self._client, folder or None, offset=after, chunk_size=_PAGE)
        return list(next(iter(listing), []))


def _taken() -> None:
    raise ObjectTaken


def _exists_error() -> type[Exception]:
    from obstore.exceptions import AlreadyExistsError

    return AlreadyExistsError
