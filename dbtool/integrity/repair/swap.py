"""The swap: a proven copy takes the place of the damaged database, under the lock.

Without files beside it there is a database under the name at every moment: one rename. With them
there is none for a moment, because a new file beside an old WAL or journal would be taken for the
one it belongs to; if that moment fails, the old files get their names back, and if the process dies
in it, the evidence and the proven copy are both there, whole. Owner and mode are those of the old
file.

A process that opened the database while it was locked still waits at the old file. Let in, it would
in WAL mode write a WAL of the old file beside the new one, and so destroy the healed database. So
the header of the old file is zeroed before the lock is given up: that process is told that its file
is no database.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import apsw

from dbtool.core.atomicfile import FileOps, failures_named
from dbtool.errors import Refused
from dbtool.integrity.repair.copying import sync_file
from dbtool.integrity.repair.preserve import SIDECARS, Held
from dbtool.pages.header import HEADER_BYTES
from dbtool.pages.sidecars import beside, move_orphans

__all__ = ["exists_already", "publish", "swap"]

_NO_HARD_LINKS: Final = frozenset(
    {errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK}
)


def swap(healed: Path, held: Held, folder: Path, files: FileOps) -> None:
    """Put `healed` in the place of the database that `held` locks.

    Args:
        healed: a proven copy on the same file system; its name is gone afterwards.
        held: the damaged database, whose bytes are kept elsewhere already.
        folder: a private folder on the same file system.
        files: the system calls, replaced in tests.

    Raises:
        StorageFailed: the system refuses; the database is as it was, or healed.
    """
    real = held.path
    with failures_named("replace", real):
        other_names = real.stat().st_nlink > 1
        _take_owner(healed, real)
        sync_file(healed, files)
        moved = [suffix for suffix in SIDECARS if os.path.lexists(beside(real, suffix))]
        if moved:
            _exchange(healed, real, folder, moved, files)
        else:
            files.replace(healed, real)
        files.fsync_folder(real.parent)
    if not other_names:
        with suppress(apsw.Error):  # the database is healed either way
            held.file.write(0, bytes(HEADER_BYTES))


def publish(healed: Path, target: Path, like: Path, files: FileOps) -> None:
    """Give a proven copy a new name, never over another file.

    Args:
        healed: on the same file system.
        target: its name; the folder exists.
        like: whose owner and mode it gets.
        files: the system calls, replaced in tests.

    Raises:
        Refused: `target-exists`.
        StorageFailed: the system refuses.
    """
    with failures_named("write", target):
        _take_owner(healed, like)
        sync_file(healed, files)
        if os.path.lexists(target):
            raise exists_already(target)
        move_orphans(target, files)
        try:
            files.link(healed, target)
        except FileExistsError:
            raise exists_already(target) from None
        except OSError as error:
            if error.errno not in _NO_HARD_LINKS:
                raise
            files.close(files.open_new(target))  # taken first, so that the rename hits our own
            files.replace(healed, target)
        files.fsync_folder(target.absolute().parent)


def exists_already(target: Path) -> Refused:
    """Return the error that says that a file is in the way."""
    return Refused(
        "target-exists",
        f"{target} exists already",
        context="the healed database is written to a new file",
        hint="name another file",
    )


def _exchange(healed: Path, real: Path, folder: Path, moved: Sequence[str], files: FileOps) -> None:
    old = folder / "replaced.db"
    away: list[str] = []
    try:
        for suffix in ("", *moved):  # the database first: it is never there without its WAL
            files.replace(beside(real, suffix), beside(old, suffix))
            away.append(suffix)
        files.replace(healed, real)
    except BaseException:
        for suffix in reversed(away):
            with suppress(OSError):
                files.replace(beside(old, suffix), beside(real, suffix))
        raise


def _take_owner(healed: Path, real: Path) -> None:
    status = real.stat()
    with suppress(PermissionError):
        os.chown(healed, status.st_uid, status.st_gid)
    healed.chmod(stat.S_IMODE(status.st_mode))
