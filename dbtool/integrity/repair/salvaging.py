"""Rung 4: every row that can still be read out of the damaged file, into a new one.

The work is done by `dbtool.integrity.salvage`. The schema comes from page 1 or, for what is lost
there, from the newest snapshot. Lossless is said only where no data page was damaged: rows of a
table with a lost branch came back from pages that no tree leads to, and that they are all there
is likely and not proven.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import apsw

from dbtool.core.journals import journal_is_pending
from dbtool.errors import Damaged, DbtoolError
from dbtool.integrity.damagedfile import DamagedFile
from dbtool.integrity.findings import Kind, Verdict
from dbtool.integrity.pagelevel import SnapshotPages
from dbtool.integrity.repair.copying import private_connection
from dbtool.integrity.repair.derived import contradicted
from dbtool.integrity.repair.job import Job, require_sound
from dbtool.integrity.repair.losses import compared, hides_commits
from dbtool.integrity.repair.model import Healed, RungFailed, TableLoss
from dbtool.integrity.salvage import Salvaged, salvage
from dbtool.pages.header import HEADER_BYTES
from dbtool.pages.schematable import SchemaRow, read_schema
from dbtool.pages.source import PageInvalid

if TYPE_CHECKING:
    from dbtool.integrity.salvage import TableSalvaged

__all__ = ["salvage_rows"]

_HOLDS_NO_ROWS: Final = frozenset({Kind.HEADER, Kind.FREELIST, Kind.SCHEMA, Kind.INDEX, Kind.FTS})


def salvage_rows(job: Job) -> Healed:
    """Make a new database of all rows that can be read.

    Raises:
        RungFailed: the result is not sound, or there is nothing to read.
        StorageFailed: no space, or an I/O error.
    """
    like, schema = _from_snapshot(job)
    path = _rolled_back(job)
    wal = path.with_name(path.name + "-wal")
    try:
        with DamagedFile(path, like=like, wal=wal if wal.exists() else None) as source:
            found = salvage(
                source,
                job.file("salvaged"),
                schema=schema,
                take_freelist=job.options.take_freelist,
                progress=job.progress,
            )
    except Damaged as error:
        raise RungFailed(f"{error.message}: {error.context}") from error
    rules = require_sound(found.path, job)
    if not found.rows and not found.lost_rows and (job.snapshot is not None or not found.tables):
        raise RungFailed("there is no row to read")
    tables = _tables(job, found)
    count = sum(loss.after or 0 for loss in tables)
    how = f"{count:,} rows read from the pages themselves" if count != 1 else "1 row read"
    if found.schema_from_snapshot:
        how += ", the schema from the snapshot"
    return Healed(
        found.path,
        lossless=_lossless(job, found),
        how=how,
        tables=tables,
        source=job.snapshot if found.schema_from_snapshot else None,
        rules=rules,
        notes=found.notes,
    )


def _rolled_back(job: Job) -> Path:
    """Return the damaged file without the transaction that a crashed writer left half done.

    Where SQLite cannot roll its journal back, the file is read as it is.
    """
    if not journal_is_pending(job.source):
        return job.source
    path = job.copy("recovered")
    try:
        with private_connection(path, job.progress) as connection:
            connection.pragma("schema_version")
    except (apsw.CorruptError, apsw.NotADBError, apsw.CantOpenError):
        job.discard(path)
        return job.source
    return path


def _from_snapshot(job: Job) -> tuple[bytes, list[SchemaRow]]:
    """Return the header and the schema of the newest snapshot; nothing where there is none."""
    if job.repository is None or job.snapshot is None or not job.snapshot.page_count:
        return b"", []
    try:
        pages = SnapshotPages(job.repository.open_snapshot(job.snapshot))
        try:
            return pages.page(1)[:HEADER_BYTES], read_schema(pages, lambda _problem: None)
        finally:
            pages.close()
    except (DbtoolError, PageInvalid):
        return b"", []


def _tables(job: Job, found: Salvaged) -> tuple[TableLoss, ...]:
    outcome = {table.name: table for table in found.tables}
    losses = compared(job, found.path)
    if not hides_commits(job):
        losses = tuple(_with_outcome(loss, outcome.get(loss.table)) for loss in losses)
    return tuple(loss for loss in losses if loss.table != found.lost_and_found) + tuple(
        replace(loss, lost=0, unproven=found.lost_rows)
        for loss in losses
        if loss.table == found.lost_and_found
    )


def _with_outcome(loss: TableLoss, table: TableSalvaged | None) -> TableLoss:
    """Put in what the salvage knows of a table: rows rejected are lost to it, whatever was."""
    if table is None:
        return loss
    rejected = sum(table.rows_rejected.values())
    complete = not (table.cells_lost or table.branches_lost or table.rows_orphaned)
    lost = loss.lost
    if lost is None and complete:
        lost = rejected
    return replace(loss, lost=lost, unproven=table.rows_orphaned + table.rows_rescued)


def _lossless(job: Job, found: Salvaged) -> bool:
    whole = not any(
        table.cells_lost or table.branches_lost or table.rows_rejected or table.rows_rescued
        for table in found.tables
    )
    data_is_whole = all(
        finding.kind in _HOLDS_NO_ROWS or finding.verdict == Verdict.DERIVED_DAMAGE
        for finding in job.plan.damage
    )
    certain = data_is_whole and not contradicted(job.plan.damage)
    return whole and certain and not found.lost_rows and not found.unreadable_pages
