"""The way back: a snapshot becomes a file, every page proven by its hash before it is written.

Three ways, by what the target may be:

- `new`: the target does not exist. A temporary file beside it is filled, made durable and linked to
  the name.
- `delta`: the target exists and nobody has it open. Only pages that differ are rewritten, guarded
  by a genuine SQLite rollback journal: a crash at any moment is undone by whoever opens the file
  next, with dbtool or without. See `overwrite`.
- `live`: others have it open. The snapshot goes through SQLite's backup interface in one
  transaction, so open connections see the old content, then the new.

Before a readable database is overwritten, what it holds becomes a snapshot of its own, tagged
`safety`; no commit that came before the overwriting transaction is in no snapshot.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from dbtool.backup.compare import differing_in
from dbtool.backup.model import Replaced, RestorePlan, RestoreResult, Snapshot
from dbtool.backup.overwrite import UNREADABLE, Job, overwrite, write_new
from dbtool.backup.safety import take_safety_snapshot, withdraw_safety_snapshot
from dbtool.core.atomicfile import failures_named
from dbtool.core.connection import connect, open_live
from dbtool.core.holders import holders
from dbtool.errors import Damaged, Locked, NotFound, Refused, UsageError
from dbtool.pages.reader import PageReader

__all__ = ["plan_restore", "run_restore"]

_ATTEMPTS = 5
Protect = Callable[[], Snapshot | None]


def plan_restore(job: Job) -> RestorePlan:
    """Say what `run_restore` would do; write nothing."""
    exists = job.target.exists()
    _check_target(job, exists=exists)
    differing: int | None = job.snapshot.page_count
    if job.options.mode == "live":
        differing = None
    elif job.options.mode == "delta" and exists:
        differing = _count_differing(job)
    return RestorePlan(
        snapshot=job.snapshot,
        target=job.target,
        mode=job.options.mode,
        target_exists=exists,
        target_size_bytes=job.target.stat().st_size if exists else 0,
        pages_total=job.snapshot.page_count,
        pages_differing=differing,
        holders=tuple(str(holder) for holder in holders(job.target)) if exists else (),
    )


def run_restore(job: Job) -> RestoreResult:
    """Write the target.

    Raises:
        Refused: `target-exists`, `page-size-differs`.
        Locked: `restore-target-busy`, a process has the target open; `database-locked`.
        Damaged: a page cannot be proven; the target is as it was.
    """
    clock = job.repository.clock
    started_s = clock.monotonic()
    exists = job.target.exists()
    _check_target(job, exists=exists)
    safety: Snapshot | None = None
    if job.options.mode == "new" or not exists:
        written = write_new(job, job.target)
    else:
        written, safety = _write_over(job)
    return RestoreResult(
        snapshot=job.snapshot,
        target=job.target,
        mode=job.options.mode,
        pages_total=job.snapshot.page_count,
        pages_written=written,
        size_bytes=job.snapshot.size_bytes,
        duration_s=clock.monotonic() - started_s,
        safety_snapshot=safety,
    )


def _write_over(job: Job) -> tuple[int, Snapshot | None]:
    taken: list[Snapshot] = []

    def protect() -> Snapshot | None:
        safety = _take_safety_snapshot(job)
        taken.extend([safety] if safety else [])
        return safety

    try:
        return (_write_live if job.options.mode == "live" else overwrite)(job, protect)
    except (Damaged, Locked, Refused):  # the target is as it was
        for safety in taken:
            withdraw_safety_snapshot(job.repository, safety, job.progress)
        raise


def _check_target(job: Job, *, exists: bool) -> None:
    short = job.snapshot.id[:8]
    if job.target.is_dir():
        raise UsageError(
            "target-is-folder",
            f"{job.target} is a folder",
            hint=f"dbtool restore {short} --to {job.target / 'restored.db'}",
        )
    if job.options.mode == "new" and exists:
        raise Refused(
            "target-exists",
            f"{job.target} exists already",
            context="a restore writes a new file unless it is told to overwrite one",
            hint=f"dbtool restore {short} --to OTHER\n"
            f"dbtool restore {short} --over {job.target}      rewrites what differs",
        )
    if job.options.mode == "live" and not exists:
        raise NotFound(
            "database-not-found",
            f"{job.target} does not exist, so no application can have it open",
            hint=f"dbtool restore {short} --to {job.target}",
        )


def _count_differing(job: Job) -> int:
    try:
        reader = PageReader.open(job.target, busy_timeout_s=job.options.busy_timeout_s)
    except UNREADABLE:
        return job.snapshot.page_count
    with reader:
        if reader.page_size != job.snapshot.page_size:
            return job.snapshot.page_count
        return sum(
            len(differing_in(reader, entries, job.repository.hash_pages))
            for entries in job.tree.segments()
        )


def _take_safety_snapshot(job: Job) -> Snapshot | None:
    if not job.options.safety_snapshot:
        return None
    try:
        return take_safety_snapshot(
            job.repository,
            job.target,
            Replaced(job.snapshot.id),
            busy_timeout_s=job.options.busy_timeout_s,
            progress=job.progress,
        )
    except UNREADABLE as error:
        job.progress.warn(f"no safety snapshot, the old file is kept instead: {error.message}")
        return None


# -- live


def _write_live(job: Job, protect: Protect) -> tuple[int, Snapshot | None]:
    """Write through SQLite's backup interface: one transaction for all who have it open."""
    with _folder_beside(job.target) as folder:
        source_path = folder / "snapshot.db"
        written = write_new(job, source_path)
        live = open_live(job.target, busy_timeout_s=job.options.busy_timeout_s)
        try:
            _require_page_size(job, live)
            return written, _copy_into(job, live, source_path, protect)
        finally:
            live.close()


@contextmanager
def _folder_beside(target: Path) -> Iterator[Path]:
    parent = target.resolve().parent
    with failures_named("make a temporary folder in", parent):
        folder = tempfile.TemporaryDirectory(prefix=".dbtool-", dir=parent)
    with folder as name:
        yield Path(name)


def _require_page_size(job: Job, live: apsw.Connection) -> None:
    page_size = live.pragma("page_size")
    if job.snapshot.page_size and page_size != job.snapshot.page_size:
        raise Refused(
            "page-size-differs",
            f"{job.target} has pages of {page_size} bytes, "
            f"the snapshot of {job.snapshot.page_size}",
            context="SQLite cannot change the page size of a database that is open in WAL mode",
            hint=f"dbtool restore {job.snapshot.id[:8]} --over {job.target}      "
            "when no process has it open",
        )


def _copy_into(
    job: Job, live: apsw.Connection, source_path: Path, protect: Protect
) -> Snapshot | None:
    source = connect(source_path, apsw.SQLITE_OPEN_READONLY, busy_timeout_s=0)
    copy = _copy_in_wal_mode if live.pragma("journal_mode") == "wal" else _copy_in_rollback_mode
    try:
        return copy(job, live, source, protect)
    except apsw.BusyError as error:
        raise Locked(
            "database-locked",
            f"{job.target} stayed locked by a writer for {job.options.busy_timeout_s:g} s",
            hint="run it again when the writer is done; nothing was changed",
        ) from error
    finally:
        source.close()


def _copy_in_wal_mode(
    _job: Job, live: apsw.Connection, source: apsw.Connection, protect: Protect
) -> Snapshot | None:
    with live.backup("main", source, "main") as backup:
        # The first step takes the write lock, which keeps no reader out: what the safety snapshot
        # sees now is the last state before the restore, and nobody can commit in between.
        backup.step(1)
        safety = protect()
        _finish(backup)
    return safety


def _copy_in_rollback_mode(
    job: Job, live: apsw.Connection, source: apsw.Connection, protect: Protect
) -> Snapshot | None:
    for _ in range(_ATTEMPTS):
        safety = protect()
        with live.backup("main", source, "main") as backup:
            # Here the first step keeps readers out too, so the snapshot had to come before. The
            # change counter in the header tells whether somebody committed since.
            backup.step(1)
            if safety is None or _header_is_of(job, safety):
                _finish(backup)
                return safety
    raise Locked(
        "database-busy",
        f"{job.target} was written to each time between its safety snapshot and its lock",
        context="the last writes would be in no snapshot",
        hint="run it again when there is less to do",
    )


def _finish(backup: apsw.Backup) -> None:
    while not backup.done:
        backup.step(-1)


def _header_is_of(job: Job, safety: Snapshot) -> bool:
    head = job.repository.catalog.head(safety.database)
    if head is None or head.snapshot != safety.id:
        return False
    now = PageReader.state_now(job.target)
    before = head.state
    return (before.header_digest, before.size_bytes) == (now.header_digest, now.size_bytes)
