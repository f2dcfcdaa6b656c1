"""Restoring over a file that nobody has open: in place page by page, or the whole file anew.

In place, the order is: safety snapshot, SQLite's EXCLUSIVE lock, proof that the file still is what
the safety snapshot holds, rewrite. Where somebody wrote between the snapshot and the lock, both are
taken again, so no commit is ever overwritten that no snapshot has.

A file that is no readable database, or has another page size, cannot be rewritten in place. A new
one is written beside it, and the old one keeps all its bytes under another name.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dbtool.backup.compare import differing_from, differing_in, equals
from dbtool.backup.format import SEGMENT_PAGES
from dbtool.backup.model import RestoreOptions, Snapshot
from dbtool.backup.pagemap import SegmentEntries
from dbtool.backup.tree import SnapshotTree
from dbtool.core.atomicfile import SYSTEM_FILES, temporary_name
from dbtool.core.holders import holders
from dbtool.core.progress import Progress
from dbtool.errors import Damaged, Locked, UsageError, WrongKey
from dbtool.pages.inplace import InPlaceTarget
from dbtool.pages.reader import PageReader
from dbtool.pages.sidecars import replace_keeping
from dbtool.pages.writer import NewFileTarget

if TYPE_CHECKING:
    from dbtool.backup.repository import Repository

__all__ = ["Job", "overwrite", "write_new"]

_ATTEMPTS = 5
UNREADABLE = (Damaged, UsageError, WrongKey)
"""What says that a target is no database that can be read."""


@dataclass(frozen=True, slots=True)
class Job:
    """One restore: what, where to, and how."""

    repository: Repository
    tree: SnapshotTree
    target: Path
    options: RestoreOptions
    progress: Progress

    @property
    def snapshot(self) -> Snapshot:
        """The snapshot that comes back."""
        return self.tree.snapshot


def write_new(job: Job, path: Path) -> int:
    """Write the snapshot to a file that does not exist; return the pages written."""
    snapshot = job.snapshot
    with NewFileTarget(path, snapshot.page_size, snapshot.page_count) as target:
        job.progress.start("restoring", snapshot.size_bytes, "bytes")
        for first, content in job.tree.pages():
            target.write(first, content)
            job.progress.advance(len(content))
        job.progress.finish()
        target.commit()
    return snapshot.page_count


def overwrite(
    job: Job, take_safety_snapshot: Callable[[], Snapshot | None]
) -> tuple[int, Snapshot | None]:
    """Restore over an existing file; return the pages written and the safety snapshot.

    Raises:
        Locked: `restore-target-busy`, `database-busy`.
    """
    _refuse_holders(job)
    for _ in range(_ATTEMPTS):
        safety = take_safety_snapshot()
        try:
            target = InPlaceTarget.open(job.target, busy_timeout_s=job.options.busy_timeout_s)
        except UNREADABLE:
            return _write_aside(job), safety
        with target:
            if target.page_size != job.snapshot.page_size:
                break
            if safety is None:
                return _rewrite(job, target, None), None
            present = _present(job, target, safety)
            if present is not None:
                return _rewrite(job, target, present), safety
    else:
        raise Locked(
            "database-busy",
            f"{job.target} was written to each time between its safety snapshot and its lock",
            context="the last writes would be in no snapshot",
            hint="stop the writer, or run it again",
        )
    return _write_aside(job), safety


def _present(job: Job, target: InPlaceTarget, safety: Snapshot) -> SnapshotTree | None:
    """Return the safety snapshot if the locked target equals it, by its state or by reading."""
    tree = job.repository.open_snapshot(safety)
    head = job.repository.catalog.head(safety.database)
    if (
        head is not None
        and head.snapshot == safety.id
        and head.state.proves_unchanged(PageReader.state_now(job.target))
    ):
        return tree
    return tree if equals(target, tree, job.repository.hash_pages, job.progress) else None


def _rewrite(job: Job, target: InPlaceTarget, present: SnapshotTree | None) -> int:
    """Rewrite what differs; `present` is what the target holds, None where it has to be read."""
    differing = {
        entries.segment: _differing(job, target, present, entries)
        for entries in job.tree.segments()
    }
    count = sum(len(pages) for pages in differing.values())
    job.progress.start("restoring", count * job.snapshot.page_size, "bytes")
    numbers = (
        number * SEGMENT_PAGES + page + 1
        for number in sorted(differing)
        for page in differing[number]
    )
    pages = job.tree.pages(lambda entries: differing[entries.segment])
    target.apply(job.snapshot.page_count, numbers, pages, advance=job.progress.advance)
    job.progress.finish()
    return count


def _differing(
    job: Job, target: InPlaceTarget, present: SnapshotTree | None, entries: SegmentEntries
) -> array[int]:
    """Return the differing pages of a segment, compactly: all of them are kept until the end."""
    if present is not None:
        return array("H", differing_from(present, entries))
    job.progress.start("comparing", len(entries) * target.page_size, "bytes")
    return array("H", differing_in(target, entries, job.repository.hash_pages, job.progress))


def _write_aside(job: Job) -> int:
    """Write a new file, then put it in the place of the old one, which is kept."""
    real = job.target.resolve()
    fresh = real.with_name(f".{real.name}.{temporary_name()}")
    written = write_new(job, fresh)
    try:
        _keep_owner(real, fresh)
        _refuse_holders(job)
        kept = replace_keeping(fresh, real, job.repository.clock.now())
    except BaseException:
        with suppress(OSError):
            SYSTEM_FILES.unlink(fresh)
        raise
    job.progress.warn(f"the old file is kept as {kept}")
    return written


def _keep_owner(old: Path, new: Path) -> None:
    """Give the new file the owner and mode of the old one, as far as the system allows."""
    status = old.stat()
    with suppress(PermissionError):
        os.chown(new, status.st_uid, status.st_gid)
    with suppress(PermissionError):
        new.chmod(status.st_mode & 0o777)


def _refuse_holders(job: Job) -> None:
    busy = holders(job.target)
    if busy:
        named = ", ".join(f"process {holder}" for holder in busy[:3])
        short = job.snapshot.id[:8]
        raise Locked(
            "restore-target-busy",
            f"cannot restore over {job.target}: {named} has it open",
            context="a file that is rewritten under a process makes it read a mixture",
            hint=f"dbtool restore {short} --live {job.target}      "
            "writes through SQLite, open connections see the new content\n"
            f"dbtool restore {short} --to restored.db",
        )
