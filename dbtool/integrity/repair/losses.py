"""The loss table: how many rows each table had, has in the snapshot, and has now.

Tables that other tables are made of (shadow tables of full-text indexes and r-trees) are counted
where they hold data of their own; statistics are not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import apsw

from dbtool.core.connection import connect
from dbtool.core.names import identifier
from dbtool.core.progress import Progress
from dbtool.core.stoppable import stoppable
from dbtool.errors import DbtoolError
from dbtool.integrity.findings import DAMAGES, Code, Kind, VerifyReport
from dbtool.integrity.objects import read_objects
from dbtool.integrity.rawpages import RawPages
from dbtool.integrity.repair.job import Job
from dbtool.integrity.repair.model import TableLoss

__all__ = ["compared", "counted", "hides_commits", "rows_before", "rows_in", "rows_of"]

_STATISTICS: Final = "sqlite_stat"
_INTERNAL: Final = frozenset({"sqlite_schema", "sqlite_sequence"})


def rows_of(path: Path, progress: Progress) -> list[str]:
    """Return the tables of a sound private file that hold data of their own."""
    connection = connect(path, apsw.SQLITE_OPEN_READWRITE, busy_timeout_s=0)
    try:
        with stoppable(connection, progress):
            return _tables(connection, path)
    finally:
        connection.close()


def counted(path: Path, tables: Iterable[str], progress: Progress) -> dict[str, int | None]:
    """Count the rows of tables of a private file; None: the table cannot be read."""
    connection = connect(path, apsw.SQLITE_OPEN_READWRITE, busy_timeout_s=0)
    try:
        with stoppable(connection, progress):
            return {table: rows_in(connection, table) for table in tables}
    finally:
        connection.close()


def rows_in(connection: apsw.Connection, table: str) -> int | None:
    """Count the rows of one table by the table itself, as an index may be damaged."""
    try:
        count = connection.execute(f"SELECT count(*) FROM {identifier(table)} NOT INDEXED").get  # noqa: S608 - quoted
    except (apsw.InterruptError, apsw.FullError):
        raise
    except apsw.Error:
        return None
    return int(count)


def rows_before(job: Job, tables: Iterable[str]) -> dict[str, int | None]:
    """Count the rows of the tables that the damage left whole, in the damaged database."""
    whole = [table for table in tables if table.lower() not in _hit(job.plan.report)]
    known: dict[str, int | None] = {}
    if not whole or hides_commits(job):
        return known
    # SQLite recovers a WAL or journal where it finds one, so it is given a copy of its own.
    path = job.copy("counted")
    try:
        known = counted(path, whole, job.progress)
    except (apsw.CorruptError, apsw.NotADBError, apsw.CantOpenError, apsw.SQLError):
        return {}
    finally:
        job.discard(path)
    return known


def hides_commits(job: Job) -> bool:
    """Say whether there were commits that cannot be read, so that no number of rows is known."""
    return any(finding.code == Code.WAL_DAMAGED for finding in job.plan.damage)


def compared(job: Job, path: Path, *, lossless: bool = False) -> tuple[TableLoss, ...]:
    """Compare a healed copy with the damaged database and the newest snapshot, table by table."""
    after = counted(path, rows_of(path, job.progress), job.progress)
    snapshot = _rows_in_snapshot(job)
    names = list(dict.fromkeys([*after, *snapshot]))
    before = after if lossless else rows_before(job, names)
    return tuple(_compared(name, before, snapshot, after) for name in names)


def _compared(
    name: str,
    before: Mapping[str, int | None],
    snapshot: Mapping[str, int | None],
    after: Mapping[str, int | None],
) -> TableLoss:
    was, now = before.get(name), after.get(name)
    lost = None if was is None else max(0, was - (now or 0))
    return TableLoss(name, was, snapshot.get(name), now, lost)


def _rows_in_snapshot(job: Job) -> dict[str, int | None]:
    """Count the rows of the newest snapshot, read where it lies; nothing where it cannot be."""
    if job.repository is None or job.snapshot is None or not job.snapshot.page_count:
        return {}
    try:
        connection = job.repository.connect(job.snapshot)
    except DbtoolError:
        return {}
    try:
        with stoppable(connection, job.progress):
            return {table: rows_in(connection, table) for table in _names(connection)}
    except (apsw.Error, DbtoolError):
        return {}
    finally:
        connection.close()


def _tables(connection: apsw.Connection, path: Path) -> list[str]:
    page_size = int(connection.pragma("page_size"))
    with RawPages(path, page_size) as pages:
        catalogue = read_objects(connection, pages)
    return [
        item.name
        for item in catalogue.objects
        if item.kind == Kind.TABLE
        and not item.part_of
        and item.name not in _INTERNAL
        and not item.name.startswith(_STATISTICS)
    ] + [
        item.name
        for item in catalogue.objects
        if item.kind in (Kind.FTS, Kind.RTREE) and not item.part_of
    ]


def _names(connection: apsw.Connection) -> list[str]:
    rows = connection.execute(
        "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'virtual')"
    )
    return [
        str(name)
        for (name,) in rows
        if name not in _INTERNAL and not str(name).startswith(_STATISTICS)
    ]


def _hit(report: VerifyReport) -> frozenset[str]:
    """Return the tables whose own rows are damaged, in lower case."""
    return frozenset(
        (finding.table or finding.object).lower()
        for finding in report.findings
        if finding.verdict in DAMAGES and finding.kind != Kind.INDEX
    )
