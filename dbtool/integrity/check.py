"""Verify: is the data safe. The levels in their order, under one budget, into one report.

This is the front door: it opens what is checked, and gathers the report. Nothing writes to the
database, and nothing raises because of damage.
"""

from __future__ import annotations

from contextlib import ExitStack, suppress
from pathlib import Path

from dbtool.backup.model import Snapshot
from dbtool.backup.repository import Repository
from dbtool.backup.tree import SnapshotTree
from dbtool.core.clock import Clock, SystemClock
from dbtool.core.progress import Progress, Silent
from dbtool.errors import Damaged, NotFound
from dbtool.integrity.budget import Budget, Watched
from dbtool.integrity.findings import VerifyOptions, VerifyReport
from dbtool.integrity.inspection import Inspection
from dbtool.integrity.levels import run_levels
from dbtool.integrity.objects import Catalogue
from dbtool.integrity.opening import Opened, drop_cached, no_writer_since
from dbtool.integrity.resume import Course
from dbtool.integrity.verdicts import merged, object_verdicts

__all__ = ["verify_database"]


def verify_database(
    path: Path,
    options: VerifyOptions = VerifyOptions(),  # noqa: B008  frozen
    *,
    repository: Repository | None = None,
    name: str | None = None,
    cache: Path | None = None,
    progress: Progress | None = None,
    clock: Clock | None = None,
) -> VerifyReport:
    """Inspection a database, and its newest snapshot where it has one.

    Args:
        path: the database file.
        options: see `VerifyOptions`.
        repository: holds its snapshots; None: it has none.
        name: its name in the repository; None: its path.
        cache: folder in which a check whose budget ended leaves what it has done; None: nowhere.
        progress: told of bytes, pages and tables.
        clock: the time.

    Raises:
        NotFound, UsageError, WrongKey, Locked, StorageFailed: as `PageReader.open`; damage is no
            exception here.
    """
    clock = clock or SystemClock()
    budget = Budget(options.budget_s, clock)
    watched = Watched(progress or Silent(), budget)
    with ExitStack() as cleanup:
        check = _begin(path, options, repository, name, (budget, watched, cleanup, cache, clock))
        return _run(check, cache)


def _begin(
    path: Path,
    options: VerifyOptions,
    repository: Repository | None,
    name: str | None,
    surroundings: tuple[Budget, Watched, ExitStack, Path | None, Clock],
) -> Inspection:
    budget, watched, cleanup, cache, clock = surroundings
    notes: list[str] = []
    snapshot, tree = _newest(path, repository, name, notes)
    if options.drop_cache:
        drop_cached(path)
    opened = Opened.open(
        path, snapshot=snapshot, busy_timeout_s=options.busy_timeout_s, progress=watched
    )
    cleanup.callback(opened.close)
    course = Course(clock.now())
    file = _course_file(cache, opened.path, snapshot, options)
    if options.resume:
        earlier = Course.load(file) if file else None
        notes.append(_resumed(earlier))
        course = earlier or course
    check = Inspection(
        path=opened.path,
        options=options,
        opened=opened,
        repository=repository,
        snapshot=snapshot,
        tree=tree,
        budget=budget,
        progress=watched,
        course=course,
        connection=opened.connection,
        pages=opened.pages,
        catalogue=Catalogue(()),
        cleanup=cleanup,
        notes=notes,
    )
    check.unchanged = _is_unchanged(check)
    return check


def _run(check: Inspection, cache: Path | None) -> VerifyReport:
    drill, onset = run_levels(check)
    file = _course_file(cache, check.path, check.snapshot, check.options)
    if file is not None and check.unchecked:
        check.course.save(file)
    elif file is not None:
        with suppress(OSError):
            file.unlink(missing_ok=True)
    findings = tuple(merged(check.findings()))
    return VerifyReport(
        database=check.path,
        began=check.course.began,
        duration_s=check.budget.elapsed_s(),
        snapshot=check.snapshot,
        unchanged=check.unchanged,
        pages_total=check.pages.page_count,
        page_size=check.pages.page_size,
        pages_differing=len(check.course.pages.differing) + check.course.pages.missing,
        levels=tuple(check.levels),
        objects=object_verdicts(check.catalogue, findings, check.checked),
        findings=findings,
        unchecked=tuple(check.unchecked),
        notes=tuple(check.notes),
        drill=drill,
        onset=onset,
    )


def _newest(
    path: Path, repository: Repository | None, name: str | None, notes: list[str]
) -> tuple[Snapshot | None, SnapshotTree | None]:
    """Return the newest snapshot of the database, opened; a damaged one is done without."""
    if repository is None:
        return None, None
    database = name or str(path.resolve())
    try:
        snapshot = repository.find("latest", database=database, on_damaged=lambda _error: None)
    except NotFound:
        return None, None
    newest = repository.catalog.newest(snapshot.database)
    if newest is not None:  # a safety snapshot may be newer: what the file was last seen to be
        snapshot = repository.catalog.with_marks(newest)
    try:
        return snapshot, repository.open_snapshot(snapshot)
    except Damaged as error:
        notes.append(f"snapshot {snapshot.id[:8]} cannot be compared with: {error.message}")
        return snapshot, None


def _is_unchanged(check: Inspection) -> bool:
    if check.repository is None or check.snapshot is None:
        return False
    head = check.repository.catalog.head(check.snapshot.database)
    if head is None or head.snapshot != check.snapshot.id:
        return False
    return no_writer_since(head.state, check.opened)


def _course_file(
    cache: Path | None, path: Path, snapshot: Snapshot | None, options: VerifyOptions
) -> Path | None:
    if cache is None:
        return None
    return Course.path_in(cache, path, snapshot.id if snapshot else "", full=options.full)


def _resumed(earlier: Course | None) -> str:
    if earlier is None:
        return "there was nothing to resume: it began at the beginning"
    return (
        f"resumed: {len(earlier.done):,} parts were done since "
        f"{earlier.began.astimezone():%Y-%m-%d %H:%M:%S}"
    )
