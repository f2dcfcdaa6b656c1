"""Clients of one repository that can be killed or suspended at any of their operations."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from dbtool.errors import NotFound, Refused
from dbtool.store.lease import Rhythm
from dbtool.store.local import LocalStore
from dbtool.store.remote import RemoteStore
from tests.crash.faultyfiles import Killed


class FakeClock:
    """A wall clock that jumps, beside one that only goes on."""

    def __init__(self) -> None:
        self.wall = datetime(2026, 1, 1, tzinfo=UTC)
        self.running_s = 0.0

    def now(self) -> datetime:
        return self.wall

    def monotonic(self) -> float:
        self.running_s += 0.001
        return self.running_s

    def jump(self, hours: float) -> None:
        self.wall += timedelta(hours=hours)
        self.running_s += max(0.0, hours * 3600)


class Fault:
    """What happens at the n-th operation of a client: it dies, or others work meanwhile."""

    def __init__(
        self,
        n: int | None = None,
        meanwhile: Callable[[], object] | None = None,
        *,
        after_pack: bool = False,
    ) -> None:
        self._left = n
        """None: nothing happens."""
        self._meanwhile = meanwhile
        self._guard = threading.Lock()
        self.dead = False
        self.counting = not after_pack
        """Operations count only from the first pack that was written."""

    def step(self, *, interruptible: bool = True) -> None:
        """Count an operation that is about to begin."""
        with self._guard:
            if self.dead:
                raise Killed
            if self._left is None or not self.counting:
                return
            self._left -= 1
            if self._left > 0 or not (interruptible or self._meanwhile is None):
                return
            self._left = None
            self.dead = self._meanwhile is None
        if self.dead:
            raise Killed
        assert self._meanwhile is not None
        self._meanwhile()


class Bucket:
    """The objects of a store that knows no locks."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}


class Wire:
    """One client's way to a bucket: a `Remote`. A dead client leaves its lease behind."""

    location = "bucket:"

    def __init__(self, bucket: Bucket, fault: Fault) -> None:
        self._objects = bucket.objects
        self._fault = fault

    def create(self, key: str, data: bytes | bytearray) -> None:
        self._fault.step()
        if key in self._objects:
            raise Refused("object-exists", f"{key} is there already")
        self._objects[key] = bytes(data)
        self._fault.counting |= key.startswith("packs/")

    def overwrite(self, key: str, data: bytes) -> None:
        self._fault.step(interruptible=not key.startswith("snapshots/"))
        self._objects[key] = bytes(data)

    def read(self, key: str) -> bytes:
        self._fault.step()
        if key not in self._objects:
            raise NotFound("object-missing", f"{key} is missing")
        return self._objects[key]

    def read_range(self, key: str, offset: int, length: int) -> bytes:
        return self.read(key)[offset : offset + length]

    def size(self, key: str) -> int:
        return len(self.read(key))

    def listed(self, folder: str) -> Iterator[tuple[str, int]]:
        self._fault.step()
        start = f"{folder}/" if folder else ""
        found = [(key, len(data)) for key, data in list(self._objects.items())]
        yield from (entry for entry in found if entry[0].startswith(start))

    def remove(self, key: str) -> None:
        self._fault.step(interruptible=False)
        self._objects.pop(key, None)

    def sweep(self, *, older_than_s: float) -> int:
        del older_than_s
        return 0


class LocalClient(LocalStore):
    """A client of a folder; the system lets go of the locks of a dead one."""

    def __init__(self, root: Path, fault: Fault) -> None:
        super().__init__(root)
        self._fault = fault
        self._alone = False

    def lock(self, *, exclusive: bool) -> Any:
        self._alone = self._alone or exclusive
        return super().lock(exclusive=exclusive)

    def _step(self) -> None:
        # While it holds the lock alone the others would wait for it in real time.
        self._fault.step(interruptible=not self._alone)

    def create(self, key: str) -> Any:
        self._step()
        return super().create(key)

    def put(self, key: str, data: bytes) -> None:
        self._step()
        super().put(key, data)

    def replace(self, key: str, data: bytes) -> None:
        self._step()
        super().replace(key, data)

    def get(self, key: str) -> bytes:
        self._step()
        return super().get(key)

    def get_range(self, key: str, offset: int, length: int) -> bytes:
        self._step()
        return super().get_range(key, offset, length)

    def delete(self, key: str) -> None:
        self._step()
        super().delete(key)

    def sync(self) -> None:
        self._step()
        super().sync()


def bucket_client(bucket: Bucket, clock: FakeClock, fault: Fault) -> RemoteStore:
    """Return a client whose leases beat only while it works, and which waits in no time."""

    def sleep(seconds: float) -> None:
        clock.running_s += seconds

    rhythm = Rhythm(beat_s=10.0, missed_beats=2, sleep=sleep, threads=False)
    return RemoteStore(Wire(bucket, fault), rhythm=rhythm)
