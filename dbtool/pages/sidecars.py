"""The files beside a database (-wal, -shm, -journal), moved and removed without losing content."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from dbtool.core.atomicfile import SYSTEM_FILES, FileOps, failures_named, temporary_name
from dbtool.core.connection import classified, locked
from dbtool.core.journals import journal_is_pending
from dbtool.core.rawfile import RawFile

__all__ = ["beside", "has_pending", "move_orphans", "remove_leftovers", "replace_keeping"]

_SIDECARS: Final = ("-wal", "-shm", "-journal")


def replace_keeping(
    fresh: Path, path: Path, now: datetime, *, files: FileOps = SYSTEM_FILES
) -> Path:
    """Put the file `fresh` in the place of a database; return where the old one is kept, whole.

    The kept sidecars get their names first and lose the old ones last: at no moment is the old
    database anywhere without the WAL or journal that completes it. Without sidecars there is a
    database under the name at every moment. With them there is none for a moment, because a new
    file beside an old WAL or journal would be taken for the one it belongs to.

    Args:
        fresh: complete and durable, in the folder of the database; its name is gone afterwards.
        path: the database; symbolic links are followed and stay.
        now: names what is kept.
        files: the system calls, replaced in tests.

    Raises:
        Locked: `database-locked`, somebody uses it.
        StorageFailed: the system refuses.
    """
    real = path.resolve()
    kept = _free_name(real, now)
    with classified(real), RawFile(real, writable=True) as file:
        if not file.try_lock_exclusive():
            raise locked(real)
        with failures_named("replace", real):
            moved = [suffix for suffix in _SIDECARS if beside(real, suffix).exists()]
            for suffix in (*moved, ""):
                files.link(beside(real, suffix), beside(kept, suffix))
            files.fsync_folder(real.parent)
            if moved:
                for suffix in ("", *moved):
                    files.unlink(beside(real, suffix))
                files.link(fresh, real)
                files.unlink(fresh)
            else:
                files.replace(fresh, real)
            files.fsync_folder(real.parent)
    return kept


def beside(path: Path, suffix: str) -> Path:
    """Return the path of the sidecar file of `path` with `suffix`."""
    return path.with_name(path.name + suffix)


def move_orphans(target: Path, files: FileOps) -> None:
    """Keep a WAL or journal whose database is gone off the new one; its bytes are kept."""
    for suffix in _SIDECARS:
        orphan = beside(target, suffix)
        if not os.path.lexists(orphan):
            continue
        if suffix == "-shm" or not orphan.stat().st_size:
            files.unlink(orphan)
        else:
            files.replace(orphan, target.with_name(f"{orphan.name}.orphan-{temporary_name()}"))


def has_pending(real: Path) -> bool:
    """Say whether a WAL or journal holds something that belongs into the file."""
    wal = beside(real, "-wal")
    return (wal.exists() and wal.stat().st_size > 0) or journal_is_pending(real)


def remove_leftovers(real: Path) -> None:
    """Remove sidecar files without content, which nobody uses while EXCLUSIVE is held."""
    for suffix in _SIDECARS:
        beside(real, suffix).unlink(missing_ok=True)


def _free_name(real: Path, now: datetime) -> Path:
    stamp = f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    kept = real.with_name(f"{real.name}.replaced-{stamp}")
    count = 1
    while os.path.lexists(kept):
        count += 1
        kept = real.with_name(f"{real.name}.replaced-{stamp}-{count}")
    return kept
