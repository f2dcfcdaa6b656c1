"""One job at a time for each database, and one follower, on this machine and for this user.

`flock` on a file in the user's state folder: the kernel lets go of it however the process ends, so
a killed job never blocks the next one. The process id in the file is for people.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dbtool.core.atomicfile import failures_named
from dbtool.errors import Locked

__all__ = ["follow_lock", "job_lock", "note_told", "take_told"]


@contextmanager
def job_lock(folder: Path, database: str) -> Iterator[None]:
    """Hold the lock of the jobs of `database`, or fail at once.

    Args:
        folder: where lock files lie; created with mode 0700.
        database: what tells one database from another, its absolute path.

    Raises:
        Locked: `job-running`, with the process that holds it.
        StorageFailed: the folder cannot be written.
    """
    busy = Locked(
        "job-running",
        f"a job of {database} is running already",
        hint="wait for it to end, or use --skip-if-running where that is no failure",
    )
    with _held(_file(folder, database, "lock"), busy):
        take_told(folder, database)  # of an older job
        yield


@contextmanager
def follow_lock(folder: Path, database: str, repository: str) -> Iterator[None]:
    """Hold the lock of the one who follows `database` into a repository, or fail at once.

    Two of them would each store what changed, as snapshots that differ in nothing.

    Args:
        folder: as of `job_lock`.
        database: its absolute path.
        repository: what tells one repository from another.

    Raises:
        Locked: `follow-running`, with the process that holds it.
        StorageFailed: the folder cannot be written.
    """
    busy = Locked(
        "follow-running",
        f"{database} is followed into this repository already",
        hint="stop the other one first: two would store every change twice",
    )
    with _held(_file(folder, f"{database}\n{repository}", "follow"), busy):
        yield


def note_told(folder: Path, database: str) -> None:
    """Note that the job told of its failure, for whoever is called because the job failed.

    A note that cannot be written has the failure told twice.
    """
    with suppress(OSError):
        _file(folder, database, "told").touch(mode=0o600)


def take_told(folder: Path, database: str) -> bool:
    """Remove that note; return whether it was there."""
    try:
        _file(folder, database, "told").unlink()
    except OSError:
        return False
    return True


def _file(folder: Path, database: str, suffix: str) -> Path:
    digest = hashlib.sha256(os.fsencode(database)).hexdigest()[:16]
    return folder / f"{digest}.{suffix}"


@contextmanager
def _held(path: Path, busy: Locked) -> Iterator[None]:
    with failures_named("write", path):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        _take(descriptor, busy)
        # Never removed: a second process could hold the lock of the file that was just unlinked.
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int, busy: Locked) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
        busy.context = f"process {holder if holder.isdigit() else 'unknown'} holds its lock"
        raise busy from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
