"""One migration, one transaction: all of it and its row in the history, or nothing.

The transaction begins as a writer's, so nobody writes between the look at the history and the first
change. Before it commits everything that must hold is checked; whatever does not hold rolls it
back. A section that asks for no transaction gets none: its statements stand alone, and a failure
says how many are done.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import apsw

from dbtool.core.clock import Clock
from dbtool.core.connection import classified
from dbtool.core.foreignkeys import Violation, foreign_key_violations
from dbtool.core.names import folded
from dbtool.core.progress import Progress
from dbtool.errors import CheckFailed, DbtoolError
from dbtool.migrate.checks import Broken, broken_objects
from dbtool.migrate.execute import VERIFY, Place, beginning, named_failure, run_python, run_section
from dbtool.migrate.fingerprint import schema_fingerprint
from dbtool.migrate.history import Applied, Kind, forget, read_history, record
from dbtool.migrate.model import Migration
from dbtool.migrate.options import Done, Way, allows
from dbtool.migrate.watch import Watch

__all__ = [
    "Baseline",
    "Job",
    "applied_row",
    "apply_migration",
    "roll_back",
    "run_verify",
    "transaction",
]

_SHOWN_ROWS = 3


@dataclass(frozen=True, slots=True)
class Baseline:
    """What was wrong before a migration; what one was allowed to break is not for the next."""

    violations: Counter[Violation]
    broken: set[Broken]

    @classmethod
    def of(cls, connection: apsw.Connection) -> Baseline:
        """Look at a database."""
        return cls(foreign_key_violations(connection), set(broken_objects(connection)))


@dataclass(frozen=True, slots=True)
class Job:
    """What all migrations of a run share."""

    connection: apsw.Connection
    database: Path
    watch: Watch
    clock: Clock
    baseline: Baseline
    allow: frozenset[str]
    snapshot: str | None
    progress: Progress


def apply_migration(job: Job, migration: Migration, way: Way) -> Done | None:
    """Run one migration in one direction.

    Returns:
        What was done; None where somebody else has done it meanwhile.

    Raises:
        DbtoolError: see `run_section`; `migration-partly-done`, a statement without a transaction
            failed.
        CheckFailed: `migration-verify-failed`, `migration-lost-rows`, `migration-foreign-keys`,
            `migration-broke-objects`.
        Locked: `database-locked`.
    """
    section = migration.up if way == "up" else migration.down
    assert section is not None
    place = Place(_file(migration, way), job.database)
    job.watch.begin(transactional=section.transactional)
    began_s = time.monotonic()
    if section.transactional:
        with transaction(job, migration.label):
            if _is_done(job.connection, migration, way):
                return None
            locked_s = time.monotonic()
            before = schema_fingerprint(job.connection)
            rows = _work(job, migration, way, place)
            _note(job, migration, way, (before, time.monotonic() - began_s), rows)
        return _done(migration, way, began_s, locked_s, rows)
    if _is_done(job.connection, migration, way):
        return None
    before = schema_fingerprint(job.connection)
    with _partly_told(job, place):
        rows = _work(job, migration, way, place)
        with transaction(job, migration.label):
            _note(job, migration, way, (before, time.monotonic() - began_s), rows)
    return _done(migration, way, began_s, began_s, rows)


@contextmanager
def transaction(job: Job, label: str) -> Iterator[None]:
    """Hold the write lock in the block; commit at its end, roll back on any error."""
    connection = job.connection
    with _at(f"at the beginning of {label}"), classified(job.database), job.watch.paused():
        connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        with _at(f"at the end of {label}"), classified(job.database), job.watch.paused():
            connection.execute("COMMIT")
    except BaseException:
        with job.watch.paused():
            roll_back(connection)
        raise


@contextmanager
def _at(when: str) -> Iterator[None]:
    """Say of an error in the block when it happened."""
    try:
        yield
    except DbtoolError as error:
        error.context = f"{when}: {error.context}" if error.context else when
        raise


def roll_back(connection: apsw.Connection) -> None:
    """End a transaction after an error, whatever state it is in.

    Where even that fails, as on a full disk, the journal stays, and whoever opens the database next
    rolls it back; the first error is the one to be told.
    """
    if connection.in_transaction:
        with suppress(apsw.Error):
            connection.execute("ROLLBACK")


def run_verify(
    connection: apsw.Connection, migration: Migration, watch: Watch, place: Place
) -> None:
    """Run the verify queries of a migration; they can only read.

    Raises:
        CheckFailed: `migration-verify-failed`, one of them returns rows.
        UsageError: `migration-syntax`.
    """
    with _reading(connection, watch):
        _ask(connection, migration, watch, place)


@contextmanager
def _reading(connection: apsw.Connection, watch: Watch) -> Iterator[None]:
    with watch.paused():
        before = connection.pragma("query_only")
        connection.pragma("query_only", 1)
    try:
        yield
    finally:
        with watch.paused():
            connection.pragma("query_only", before)


def _ask(connection: apsw.Connection, migration: Migration, watch: Watch, place: Place) -> None:
    for statement in migration.verify:
        place.line, place.sql, place.doing = statement.line, statement.text, VERIFY
        with named_failure(place, watch):
            cursor = connection.cursor()
            rows = []
            for row in cursor.execute(statement.text, can_cache=False):
                rows.append(row)
                if len(rows) > _SHOWN_ROWS:
                    break
        if rows:
            shown = ", ".join(repr(row) for row in rows[:_SHOWN_ROWS])
            more = ", ..." if len(rows) > _SHOWN_ROWS else ""
            raise CheckFailed(
                "migration-verify-failed",
                f"{place.where}: a query of dbtool:verify returns rows",
                context=f"{beginning(statement.text)}\nreturns {shown}{more}",
                hint="correct the migration, or the query",
            )


def applied_row(
    migration: Migration, job_clock: Clock, *, schema: tuple[str, str], kind: Kind = "run"
) -> Applied:
    """Return a row of the history for a migration, as if it took no time and changed no rows."""
    import dbtool

    return Applied(
        version=migration.version,
        name=migration.name,
        file=migration.path.name,
        kind=kind,
        format=migration.format,
        sha256=migration.sha256,
        code_sha256=migration.code_sha256,
        up=migration.up.text,
        down=migration.down.text if migration.down else None,
        down_alone=int(migration.down is not None and not migration.down.transactional),
        applied_at=job_clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        duration_s=0.0,
        dbtool=dbtool.__version__,
        sqlite=apsw.sqlite_lib_version(),
        schema_before=schema[0],
        schema_after=schema[1],
    )


def _work(job: Job, migration: Migration, way: Way, place: Place) -> dict[str, tuple[int, int]]:
    """Run the section and check what must hold; return the rows of written tables."""
    section = migration.up if way == "up" else migration.down
    assert section is not None
    job.progress.start(f"{way} {migration.label}", len(section.steps) or None, "statements")
    if migration.is_python:
        run_python(job.connection, migration, way, job.watch, place)
    else:
        run_section(job.connection, section, job.watch, place, progress=job.progress)
    if way == "up":
        run_verify(job.connection, migration, job.watch, place)
    place.line, place.sql, place.doing = 0, "", "the checks after it"
    with job.watch.paused(), named_failure(place, job.watch):
        rows = job.watch.rows()
        _require_rows(job, migration, way, rows)
        _require_foreign_keys(job, migration)
        _require_objects(job, migration)
    return rows


def _require_rows(
    job: Job, migration: Migration, way: Way, rows: dict[str, tuple[int, int]]
) -> None:
    losses = job.watch.losses(rows)
    if not losses or allows("rows-lost", migration, job.allow):
        return
    first = losses[0]
    by = f"; its trigger {first.via} deletes them" if first.via else ""
    others = f", and {len(losses) - 1} more tables" if len(losses) > 1 else ""
    raise CheckFailed(
        "migration-lost-rows",
        f"{migration.label} {way}: {first.table} lost {first.before - first.after:,} of "
        f"{first.before:,} rows{others}",
        context=f"no DELETE of the migration names the table{by}",
        hint="correct it, or where that is meant:\n--allow rows-lost\n"
        "-- dbtool:ignore rows-lost WHY      in the file",
    )


def _require_foreign_keys(job: Job, migration: Migration) -> None:
    written = {*job.watch.before, *job.watch.drops, *job.watch.altered}
    now = foreign_key_violations(job.connection, written)
    new = now - job.baseline.violations
    if not new or allows("foreign-keys", migration, job.allow):
        job.baseline.violations.update(new)
        return
    first = next(iter(new))
    what = (
        first.why
        or (f"{first.table}" + (f" row {first.rowid}" if first.rowid is not None else ""))
        + f" refers to nothing in {first.parent}"
    )
    raise CheckFailed(
        "migration-foreign-keys",
        f"{migration.label} breaks a foreign key"
        if first.why
        else f"{migration.label} leaves {_rows(new.total())} to nothing",
        context=what,
        hint="correct it, or where that is meant: --allow foreign-keys",
    )


def _rows(number: int) -> str:
    return "1 more row that refers" if number == 1 else f"{number:,} more rows that refer"


def _require_objects(job: Job, migration: Migration) -> None:
    new = sorted(broken_objects(job.connection) - job.baseline.broken)
    if not new or allows("broken-objects", migration, job.allow):
        job.baseline.broken.update(new)
        return
    first = new[0]
    raise CheckFailed(
        "migration-broke-objects",
        f"{migration.label} leaves {first.kind} {first.name} that does not work any more",
        context=first.why,
        hint="drop it before, or create it anew, in the same migration",
    )


def _note(
    job: Job,
    migration: Migration,
    way: Way,
    start: tuple[str, float],
    rows: dict[str, tuple[int, int]],
) -> None:
    from dataclasses import replace

    with classified(job.database), job.watch.paused():
        if way == "down":
            forget(job.connection, migration.version)
            return
        before, duration_s = start
        row = applied_row(migration, job.clock, schema=(before, schema_fingerprint(job.connection)))
        record(
            job.connection,
            replace(row, duration_s=round(duration_s, 6), snapshot=job.snapshot, rows=rows),
        )


def _is_done(connection: apsw.Connection, migration: Migration, way: Way) -> bool:
    there = any(applied.order == migration.order for applied in read_history(connection))
    return there == (way == "up")


@contextmanager
def _partly_told(job: Job, place: Place) -> Iterator[None]:
    """Say of an error in the block how much is done and stays done."""
    try:
        yield
    except DbtoolError as error:
        with job.watch.paused():
            roll_back(job.connection)  # one that the migration began itself
        if not place.done:
            raise
        restore = f"dbtool restore {job.snapshot[:8]} --live DB" if job.snapshot else ""
        hint = f"{restore}      brings back what was before\nor " if restore else ""
        raise DbtoolError(
            "migration-partly-done",
            error.message,
            context=f"{error.context}\nit runs without a transaction, and {place.done} of its "
            "statements are done; it does not count as applied".lstrip(),
            hint=f"{hint}correct it so that it can run again from its start",
        ) from error


def _file(migration: Migration, way: Way) -> Path:
    return migration.down_path or migration.path if way == "down" else migration.path


def _done(
    migration: Migration,
    way: Way,
    began_s: float,
    locked_s: float,
    rows: dict[str, tuple[int, int]],
) -> Done:
    now_s = time.monotonic()
    kept = {
        table: counts for table, counts in rows.items() if not folded(table).startswith("_dbtool_")
    }
    return Done(migration.version, migration.label, way, now_s - began_s, now_s - locked_s, kept)
