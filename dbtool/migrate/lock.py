"""One migration of a database at a time, between all processes of the machine.

`flock` on `DB-migrate.lock` beside the database: the kernel lets go of it however the process ends.
The file is removed by its holder, so whoever gets the lock makes sure that the file is still the
one of that name. The database itself is never opened for this: closing a descriptor of it would
drop the locks that SQLite has in this process.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from dbtool.core.atomicfile import failures_named
from dbtool.core.progress import Progress
from dbtool.errors import Locked

__all__ = ["migration_lock"]

_FIRST_PAUSE_S: Final = 0.005
_LONGEST_PAUSE_S: Final = 0.1


@contextmanager
def migration_lock(database: Path, *, wait_s: float, progress: Progress) -> Iterator[None]:
    """Hold the lock of a database, waiting for whoever has it.

    Args:
        database: the file.
        wait_s: how long to wait at most.
        progress: asked between attempts whether to stop.

    Raises:
        Locked: `migration-running`, with the process that holds it.
        StorageFailed: the folder cannot be written.
    """
    real = database.resolve()
    path = real.with_name(f"{real.name}-migrate.lock")
    descriptor = _take(path, database, time.monotonic() + wait_s, progress)
    try:
        yield
    finally:
        # Removed while it is held: nobody can hold the lock of a file that has no name any more
        # without finding out, see _is_current.
        path.unlink(missing_ok=True)
        os.close(descriptor)


def _take(path: Path, database: Path, deadline_s: float, progress: Progress) -> int:
    pause_s = _FIRST_PAUSE_S
    while True:
        with failures_named("write", path):
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
            descriptor = os.open(path, flags, 0o600)
        holder = ""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_current(descriptor, path):
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
                return descriptor
        except BlockingIOError:
            holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
        os.close(descriptor)
        if time.monotonic() + pause_s > deadline_s:
            raise _running(holder, database)
        progress.advance(0)
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)


def _is_current(descriptor: int, path: Path) -> bool:
    try:
        named = path.stat()
    except FileNotFoundError:
        return False
    mine = os.fstat(descriptor)
    return (named.st_dev, named.st_ino) == (mine.st_dev, mine.st_ino)


def _running(holder: str, database: Path) -> Locked:
    who = f"process {holder}" if holder.isdigit() else "another process"
    return Locked(
        "migration-running",
        f"another migration of {database} is running",
        context=f"{who} holds its lock",
        hint="wait for it to end, or give --wait a longer time",
    )
