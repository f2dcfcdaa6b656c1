"""Who holds which lock of a database: from `/proc/locks`, so on Linux alone.

    -shm   120 writer   121 checkpointer   122 recovery   123 + n readers, n = 0 to 4   128 open
    database, at 0x40000000   + 0 PENDING   + 1 RESERVED   + 2 to 511 SHARED (whole: EXCLUSIVE)

A process shows as one holder however many of its connections share a lock. Nothing is opened here
but `/proc`. Source: https://sqlite.org/walformat.html#wal_locks, os_unix.c.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Final, NamedTuple

__all__ = ["DatabaseLocks", "Lock", "database_locks", "parse_locks"]

_PENDING: Final = 0x40000000
_RESERVED: Final = _PENDING + 1
_SHARED: Final = _PENDING + 2
_WRITER: Final = 120
_CHECKPOINTER: Final = 121
_RECOVERY: Final = 122
_READER: Final = 123
_READERS: Final = 5
_OPEN: Final = 128
_FAR: Final = 1 << 62


class Lock(NamedTuple):
    """One POSIX lock."""

    pid: int
    exclusive: bool
    start: int
    end: int
    """Inclusive."""

    def covers(self, at: int) -> bool:
        """Return whether it covers a byte."""
        return self.start <= at <= self.end


class DatabaseLocks(NamedTuple):
    """Who does what, by process id."""

    writers: tuple[int, ...]
    """Of a transaction that writes."""
    checkpointers: tuple[int, ...]
    recovering: tuple[int, ...]
    readers: tuple[tuple[int, int], ...]
    """(reader lock 0 to 4, process) of transactions that read in WAL mode."""
    users: tuple[int, ...]
    """Processes with the WAL open, or reading in rollback-journal mode."""


def parse_locks(text: bytes, device: int, inode: int) -> list[Lock]:
    """Return the locks of one file out of `/proc/locks`.

    Some file systems (btrfs, overlayfs) show another device to stat than to the kernel's list:
    where none has this device, those of the inode alone count.
    """
    if f":{inode} ".encode() not in text:
        return []
    exact: list[Lock] = []
    others: list[Lock] = []
    name = f"{os.major(device):02x}:{os.minor(device):02x}:{inode}".encode()
    number = f":{inode}".encode()
    for line in text.splitlines():
        fields = line.split()
        # "7: POSIX  ADVISORY  READ  5176 fe:00:2148068 124 124"; one that waits has "->" second.
        if len(fields) < 8 or fields[1] != b"POSIX" or not fields[5].endswith(number):  # noqa: PLR2004 - as above
            continue
        end = _FAR if fields[7] == b"EOF" else int(fields[7])
        lock = Lock(int(fields[4]), fields[3] == b"WRITE", int(fields[6]), end)
        (exact if fields[5] == name else others).append(lock)
    return exact or others


def database_locks(database: Iterable[Lock], index: Iterable[Lock]) -> DatabaseLocks:
    """Say what the locks of a database file and of its -shm mean."""
    shm, main = list(index), list(database)
    readers = {
        (slot, lock.pid)
        for slot in range(_READERS)
        for lock in shm
        if not lock.exclusive and lock.covers(_READER + slot)
    }
    shared = {lock.pid for lock in main if lock.covers(_SHARED)}
    return DatabaseLocks(
        writers=_pids(
            [lock for lock in shm if lock.exclusive and lock.covers(_WRITER)]
            + [lock for lock in main if lock.exclusive and lock.covers(_RESERVED)]
        ),
        checkpointers=_pids(lock for lock in shm if lock.exclusive and lock.covers(_CHECKPOINTER)),
        recovering=_pids(lock for lock in shm if lock.exclusive and lock.covers(_RECOVERY)),
        readers=tuple(sorted(readers)),
        users=tuple(sorted(shared | {lock.pid for lock in shm if lock.covers(_OPEN)})),
    )


def _pids(locks: Iterable[Lock]) -> tuple[int, ...]:
    return tuple(sorted({lock.pid for lock in locks}))
