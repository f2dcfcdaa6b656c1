"""The drill: the newest snapshot restored for real, checked, and compared with the database.

A backup is worth what its restore gives. The file is temporary, and the time it took is what a
restore would take.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import apsw

from dbtool.backup.model import RestoreOptions, Snapshot
from dbtool.backup.repository import Repository
from dbtool.core.atomicfile import failures_named
from dbtool.core.connection import connect
from dbtool.core.contenthash import row_count, table_content
from dbtool.core.progress import Progress
from dbtool.errors import Damaged
from dbtool.integrity.budget import Budget
from dbtool.integrity.findings import (
    DAMAGES,
    Code,
    DrillResult,
    Finding,
    Kind,
    Level,
    TableComparison,
    Verdict,
)
from dbtool.integrity.objects import Catalogue, read_objects
from dbtool.integrity.privatecopy import require_room
from dbtool.integrity.rawpages import RawPages
from dbtool.integrity.structure import check_table, schema_finding

__all__ = ["Drill", "run_drill"]


@dataclass(frozen=True, slots=True)
class Drill:
    """What to restore, and how to look at it."""

    repository: Repository
    snapshot: Snapshot
    live: apsw.Connection | None
    """Reads the live database; None: it cannot be read, and nothing is compared."""
    full: bool
    """Check with `integrity_check`, else with `quick_check`."""
    identical: bool
    """Every page of the live database was found to be that of the snapshot, so that its tables need
    not be read to compare them."""
    temp: Path | None
    """Folder for the file; None: the system's."""
    budget: Budget
    progress: Progress
    """Told of pages, in bytes."""


def run_drill(drill: Drill) -> tuple[DrillResult, list[Finding]]:
    """Restore the snapshot into a temporary file, check it, compare it, remove it.

    Raises:
        StorageFailed: `no-space`, before anything is restored.
        BudgetEnded: the time is over; the file is gone.
    """
    repository, snapshot, temp = drill.repository, drill.snapshot, drill.temp
    require_room(temp, snapshot.size_bytes)
    with failures_named("make a temporary folder in", temp or Path(tempfile.gettempdir())):
        folder = tempfile.TemporaryDirectory(prefix="dbtool-drill-", dir=temp)
    with folder as name:
        file = Path(name) / "restored.db"
        began_s = repository.clock.monotonic()
        try:
            repository.restore(snapshot, file, RestoreOptions(), progress=drill.progress)
        except Damaged as error:
            return _result(drill, began_s, sound=False), [_broken(snapshot, error.message)]
        restored = _result(drill, began_s, sound=True)
        return _checked(drill, file, restored)


def _checked(drill: Drill, file: Path, restored: DrillResult) -> tuple[DrillResult, list[Finding]]:
    if not drill.snapshot.page_count:
        return restored, []
    connection = connect(file, apsw.SQLITE_OPEN_READWRITE, busy_timeout_s=0)
    try:
        with drill.budget.watching(connection, drill.progress):
            with RawPages(file, drill.snapshot.page_size) as pages:
                catalogue = read_objects(connection, pages)
            found = _damage(drill, connection, catalogue)
            tables = _compare(drill, connection, catalogue)
    finally:
        connection.close()
    result = DrillResult(
        restored.snapshot, restored.restore_s, restored.size_bytes, not found, tables
    )
    return result, found


def _damage(drill: Drill, connection: apsw.Connection, catalogue: Catalogue) -> list[Finding]:
    drill.progress.start("checking restored file", len(catalogue.objects), "objects")
    schema = schema_finding(connection, catalogue)
    found = [] if schema is None else [schema]
    for table in catalogue.checkable() if schema is None else ():
        found += check_table(connection, table, catalogue, full=drill.full)
        drill.progress.advance(1)
    drill.progress.finish()
    return [
        _broken(drill.snapshot, f"{finding.object or 'the file'}: {finding.problem}")
        for finding in found
        if finding.verdict in DAMAGES
    ]


def _compare(
    drill: Drill, restored: apsw.Connection, catalogue: Catalogue
) -> tuple[TableComparison, ...]:
    """Compare every table of the snapshot with the live one."""
    live = drill.live
    if live is None:
        return ()
    tables = [item for item in catalogue.objects if item.kind == Kind.TABLE]
    drill.progress.start("comparing tables", len(tables), "tables")
    compared = []
    with drill.budget.watching(live, drill.progress):
        for table in tables:
            if drill.identical:
                rows = row_count(restored, table.name)
                compared.append(TableComparison(table.name, rows, rows, equal=True))
            else:
                compared.append(_comparison(restored, live, table.name, drill.progress))
            drill.progress.advance(1)
    drill.progress.finish()
    return tuple(compared)


def _comparison(
    restored: apsw.Connection, live: apsw.Connection, table: str, progress: Progress
) -> TableComparison:
    then, now = (table_content(connection, table, progress) for connection in (restored, live))
    return TableComparison(
        table,
        None if then is None else then.rows,
        None if now is None else now.rows,
        equal=then is not None and then == now,
    )


def _result(drill: Drill, began_s: float, *, sound: bool) -> DrillResult:
    took_s = drill.repository.clock.monotonic() - began_s
    return DrillResult(drill.snapshot, took_s, drill.snapshot.size_bytes, sound)


def _broken(snapshot: Snapshot, problem: str) -> Finding:
    return Finding(
        Level.DRILL,
        Code.BACKUP_DAMAGED,
        Verdict.DATA_DAMAGE,
        Kind.BACKUP,
        snapshot.id[:8],
        problem,
    )
