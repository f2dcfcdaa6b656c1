"""Locks where no `flock` reaches: leases, small objects that their holder keeps beating.

    locks/ID.shared      written once by its holder, removed when it is done
    locks/ID.exclusive
    locks/ID.beat        written over every `BEAT_S` while the lease is held

Taking one: write the lease under a new random id, then list. Whoever sees a lease that excludes its
own takes its own back and watches the other: a beat that changes is a live holder (`Locked`), one
that does not through `MISSED_BEATS` beats is a dead one, whose lease is removed. Two that write at
once both see both, since object stores list what was written; neither gets in, and both try again.

Nothing is judged by a host name or by a clock that two machines would have to share. A watcher
counts its own polls, so that a clock which jumps, or a sleep of its own, breaks no live lease.

Invariant: a lease that was removed never comes back, since beats are another object and ids are not
used twice. So a holder that was suspended finds out by looking for its lease (`confirm`), which it
does before whatever must not happen without the lock, and once more after the one write that names
data of others, a snapshot, which it takes back where the lease is gone. What remains: a process
that is suspended between the look and that write, for longer than all missed beats, and is killed
before the second look leaves a snapshot whose data may be gone. `dbtool verify --snapshots` names
it, and no backup builds on it.
"""

from __future__ import annotations

import logging
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final, Protocol

from dbtool.errors import DbtoolError, Locked, NotFound, StorageFailed

__all__ = ["BEAT_S", "FOLDER", "MISSED_BEATS", "LeaseLock", "Rhythm", "Shelf"]

logger = logging.getLogger(__name__)

FOLDER: Final = "locks"
BEAT_S: Final = 10.0
MISSED_BEATS: Final = 6
_POLLS_PER_BEAT: Final = 5
_NAME: Final = re.compile(r"[0-9a-f]{16}\.(?:shared|exclusive|beat)")
_LATELY_S: Final = 1.0
_ROUNDS: Final = 8
"""How often a lease that two clients took from each other is tried for."""


class Shelf(Protocol):
    """Where leases lie: what a store is made of, below its rules for keys."""

    def overwrite(self, key: str, data: bytes) -> None:
        """Write an object atomically, be it there or not."""

    def read(self, key: str) -> bytes:
        """Return an object; `NotFound` where it is missing."""

    def listed(self, folder: str) -> Iterator[tuple[str, int]]:
        """Yield (key, size_bytes) of the objects in a folder; none where it is missing."""

    def remove(self, key: str) -> None:
        """Remove an object; a missing one is not an error."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How leases beat; all clients of one store have to agree on it."""

    beat_s: float = BEAT_S
    missed_beats: int = MISSED_BEATS
    sleep: Callable[[float], None] = time.sleep
    threads: bool = True
    """False: nobody beats but whoever calls `LeaseLock.beat`."""


class LeaseLock:
    """The lock of one store, as this process holds it; several threads may hold it at once."""

    def __init__(self, shelf: Shelf, location: str, rhythm: Rhythm | None = None) -> None:
        self._shelf = shelf
        self._location = location
        self._rhythm = rhythm or Rhythm()
        self._guard = threading.Lock()
        self._held: set[str] = set()
        """Names of the leases of this process."""
        self._beats = 0
        self._confirmed_s = -_LATELY_S
        self._without = 0
        """Shared locks granted to whoever may not write leases."""

    @contextmanager
    def hold(self, *, exclusive: bool) -> Iterator[None]:
        """Hold the lock.

        Who may read the store but not write it gets a shared lock without a lease: see `confirm`.

        Raises:
            Locked: `repository-locked`, a live client holds it.
        """
        try:
            name = self._take(exclusive=exclusive)
        except StorageFailed as error:
            if exclusive or error.code != "permission-denied":
                raise
            with self._without_lease():
                yield
            return
        done = threading.Event()
        beating = threading.Thread(
            target=self._keep_beating, args=(name, done), name="dbtool-lease", daemon=True
        )
        if self._rhythm.threads:
            beating.start()
        try:
            yield
        finally:
            done.set()
            if self._rhythm.threads:
                # Not for ever: a beat may be waiting for a store that is out of reach.
                beating.join(self._rhythm.beat_s)
            self._release(name)

    def confirm(self) -> None:
        """See that nobody took the lock away; asks the store.

        Raises:
            Locked: `lock-lost`.
            StorageFailed: `permission-denied`, this client may not write leases.
        """
        if self._without:
            raise StorageFailed(
                "permission-denied",
                f"the credentials may not write to {FOLDER}/ in {self._location}",
                context="without a lock object of its own, what is written here could be removed",
                hint=f"allow them to put and to delete below {FOLDER}/",
            )
        with self._guard:
            held = sorted(self._held)
        for name in held:
            if self._read(name) is None:
                raise Locked(
                    "lock-lost",
                    f"the lock on {self._location} was taken away from this process",
                    context="it was suspended or cut off for so long that it counted as dead",
                    hint="run the command again; nothing was committed",
                )

    def confirm_lately(self) -> None:
        """As `confirm`, but ask the store no more than once in `_LATELY_S`."""
        if self._held or self._without:
            now_s = time.monotonic()
            if now_s - self._confirmed_s > _LATELY_S:
                self.confirm()
                self._confirmed_s = now_s

    def beat(self, name: str | None = None) -> None:
        """Show that a lease is alive, or all of them; a lease that is gone gets no more beats."""
        for lease in [name] if name else sorted(self._held):
            if self._read(lease) is not None:
                self._beats += 1
                self._write(_beat_name(lease), b"%d" % self._beats)

    def _take(self, *, exclusive: bool) -> str:
        for _round in range(_ROUNDS):
            name = f"{secrets.token_hex(8)}.{'exclusive' if exclusive else 'shared'}"
            self._write(name, b"")
            try:
                names = self._names()
                rivals = [other for other in names if _excludes(other, name)]
                if not rivals and name in names:
                    with self._guard:
                        self._held.add(name)
                        self._confirmed_s = -_LATELY_S
                    self._sweep(names)
                    return name
            except BaseException:
                self._forget(name)
                raise
            self._remove(name)
            self._watch(rivals, exclusive=exclusive)
        raise self._locked(exclusive=exclusive)

    def _watch(self, rivals: list[str], *, exclusive: bool) -> None:
        """Return when all rivals are gone; raise `Locked` when one is alive."""
        if self._held.intersection(rivals):
            raise self._locked(exclusive=exclusive)
        seen = {rival: self._read(_beat_name(rival)) for rival in rivals}
        poll_s = self._rhythm.beat_s / _POLLS_PER_BEAT
        for _poll in range(self._rhythm.missed_beats * _POLLS_PER_BEAT):
            # Jittered, so that two that keep each other out do not do so for ever.
            self._rhythm.sleep(poll_s * (0.75 + secrets.randbelow(500) / 1000))
            names = self._names()
            rivals = [rival for rival in rivals if rival in names]
            if not rivals:
                return
            if any(self._read(_beat_name(rival)) != seen[rival] for rival in rivals):
                raise self._locked(exclusive=exclusive)
        for rival in rivals:
            logger.warning("%s: lease %s is dead and was removed", self._location, rival)
            self._remove(rival)
            self._remove(_beat_name(rival))

    def _names(self) -> list[str]:
        names = (key.rpartition("/")[2] for key, _size in self._shelf.listed(FOLDER))
        return [name for name in names if _NAME.fullmatch(name)]

    def _read(self, name: str) -> bytes | None:
        with suppress(NotFound):
            return self._shelf.read(f"{FOLDER}/{name}")
        return None

    def _write(self, name: str, data: bytes) -> None:
        self._shelf.overwrite(f"{FOLDER}/{name}", data)

    def _remove(self, name: str) -> None:
        self._shelf.remove(f"{FOLDER}/{name}")

    def _sweep(self, names: list[str]) -> None:
        """Remove beats that a lease which is gone left behind."""
        for name in names:
            if name.endswith(".beat"):
                lease = name.removesuffix(".beat")
                if not any(other != name and other.startswith(f"{lease}.") for other in names):
                    with suppress(DbtoolError):
                        self._remove(name)

    def _keep_beating(self, name: str, done: threading.Event) -> None:
        while not done.wait(self._rhythm.beat_s):
            try:
                self.beat(name)
            except DbtoolError as error:  # the next beat may come through; `confirm` decides
                logger.info("a beat of lease %s failed: %s", name, error.message)

    def _release(self, name: str) -> None:
        with self._guard:
            self._held.discard(name)
        self._forget(name)

    def _forget(self, name: str) -> None:
        # The work is done: a lease that cannot be removed costs the next client a wait, no more.
        with suppress(DbtoolError):
            self._remove(name)
            if self._beats:
                self._remove(_beat_name(name))

    @contextmanager
    def _without_lease(self) -> Iterator[None]:
        with self._guard:
            self._without += 1
        try:
            yield
        finally:
            with self._guard:
                self._without -= 1

    def _locked(self, *, exclusive: bool) -> Locked:
        return Locked(
            "repository-locked",
            f"the repository {self._location} is in use by another client",
            context="this work needs it alone" if exclusive else "it is held exclusively",
            hint="wait for it to end and try again; the lock of a client that died is overcome "
            f"after {self._rhythm.beat_s * self._rhythm.missed_beats:.0f} s",
        )


def _beat_name(lease: str) -> str:
    return f"{lease.partition('.')[0]}.beat"


def _excludes(other: str, own: str) -> bool:
    """Tell whether the object `other` is a lease that cannot be held beside `own`."""
    if other == own or other.endswith(".beat"):
        return False
    return own.endswith(".exclusive") or other.endswith(".exclusive")
