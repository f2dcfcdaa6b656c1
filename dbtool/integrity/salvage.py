"""Every row that can still be read out of a damaged database, into a new one.

The last rung before a restore. Rows are read from the pages themselves, not through SQLite:

1. The schema comes from page 1, or, for what is lost there, from a snapshot; without one, from
   leaves of the schema that page 1 no longer leads to.
2. Every tree is walked as far as it is whole; its rows go into their table.
3. Pages with rows that no tree leads to (orphans) are matched to the tables with gaps; rows that
   match none go to lost_and_found.
4. Indexes, views, triggers and virtual tables are made again; text indexes are rebuilt.
5. The result must pass `PRAGMA integrity_check`.

Invariants: the damaged file is only read; the new file is private (0600), beside the target, and
removed unless it is returned. A row in its tree wins over an orphan with the same key. Memory is
bounded by the longest row and an eighth of a byte for each page and purpose.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

import apsw

from dbtool.core.atomicfile import SYSTEM_FILES, failures_named, temporary_name
from dbtool.core.connection import classified
from dbtool.core.progress import Progress, Silent
from dbtool.integrity.filling import Filling, Table
from dbtool.integrity.finishing import finish
from dbtool.integrity.newdatabase import NewDatabase
from dbtool.integrity.schemafind import find_schema
from dbtool.pages.header import DatabaseHeader
from dbtool.pages.schematable import SchemaRow, read_schema
from dbtool.pages.source import PageInvalid, PageSource

__all__ = ["DamagedSource", "LostGroup", "Salvaged", "TableSalvaged", "salvage"]

_KEPT_NOTES: Final = 200


class DamagedSource(PageSource, Protocol):
    """A damaged database; `DamagedFile` is one."""

    header: DatabaseHeader
    raw_header: bytes
    """The first 100 bytes, mended so that they parse."""
    mended: list[str]
    unreadable: list[int]


@dataclass(frozen=True, slots=True)
class TableSalvaged:
    """What became of one table."""

    name: str
    rows_in_tree: int
    """Rows in the new table that the table's own tree leads to."""
    rows_orphaned: int
    """Rows in the new table from pages that no tree leads to."""
    rows_rescued: int
    """Of all these, and of those rejected, rows that lost a part of their values."""
    rows_rejected: dict[str, int]
    """Reason -> rows that the table refused; they are in lost_and_found."""
    cells_lost: int
    """Damaged entries on readable pages that gave no row."""
    branches_lost: int
    """Pages that the tree leads to and that cannot be read as a part of it."""

    @property
    def rows(self) -> int:
        """Rows in the new table."""
        return self.rows_in_tree + self.rows_orphaned


@dataclass(frozen=True, slots=True)
class LostGroup:
    """Rows in lost_and_found that lie under one page."""

    root: int
    """The page; rootpgno in lost_and_found."""
    pages: int
    rows: int
    guesses: tuple[str, ...]
    """Tables whose rows look alike, best first."""


@dataclass(frozen=True, slots=True)
class Salvaged:
    """A new database and what it took to fill it."""

    path: Path
    """The new file; the caller moves or removes it."""
    tables: tuple[TableSalvaged, ...]
    lost_and_found: str
    """The name of the table of rows without a table; empty: there are none."""
    lost_rows: int
    """Rows in it."""
    lost_groups: tuple[LostGroup, ...]
    """Where they come from, the first 200 groups; rows rejected by their table not included."""
    unreadable_pages: tuple[int, ...]
    """Pages that the system cannot read."""
    schema_from_snapshot: tuple[str, ...]
    """Objects whose definition was lost on page 1."""
    notes: tuple[str, ...] = field(default=())
    """What could not be made again or was guessed, for people; the first 200."""

    @property
    def rows(self) -> int:
        """Rows in the tables of the database, those of lost_and_found not counted."""
        return sum(table.rows for table in self.tables)


def salvage(
    source: DamagedSource,
    near: Path,
    *,
    schema: Sequence[SchemaRow] = (),
    take_freelist: bool = False,
    progress: Progress | None = None,
) -> Salvaged:
    """Read all that can be read of `source` into a new database beside `near`.

    Args:
        source: the damaged database, which nobody writes meanwhile.
        near: the new file is made in the folder of this path, with a private name.
        schema: the rows of sqlite_schema in a snapshot, for what is lost.
        take_freelist: also take rows from free pages, that is deleted ones.
        progress: hears how many pages were read; may raise to stop.

    Raises:
        Damaged: `salvage-failed`, the new database does not pass its check.
        StorageFailed: no space, or the system refuses to write.
        DbtoolError: the source cannot be read at all.
    """
    progress = progress or Silent()
    path = near.absolute().with_name(f".{near.name}.{temporary_name()}")
    try:
        with failures_named("create", path):
            os.close(SYSTEM_FILES.open_new(path))
        with classified(path):
            found = _salvage(source, path, schema, progress, take_freelist=take_freelist)
        with failures_named("write", path):
            _make_durable(path)
    except BaseException:
        for suffix in ("", "-journal", "-wal", "-shm"):
            with suppress(OSError):
                path.with_name(path.name + suffix).unlink()
        raise
    return found


def merged_schema(
    source: DamagedSource, fallback: Sequence[SchemaRow], notes: list[str]
) -> tuple[list[SchemaRow], list[str]]:
    """Return the schema of page 1 with what only `fallback` has, and the names of the latter."""
    rows: list[SchemaRow] = []
    if source.page_count:
        try:
            rows = read_schema(source, notes.append)
        except PageInvalid as error:
            notes.append(f"the schema on page 1 is lost: {error}")
    if not rows and not fallback and source.page_count:
        usable = source.page_size - source.header.reserved_bytes
        rows = find_schema(source, usable=usable, encoding=source.header.encoding)
        if rows:
            notes.append("the schema was found on pages that page 1 no longer leads to")
    known = {(row.kind, row.name.lower()) for row in rows if row.sql or row.root_page}
    added = [row for row in fallback if (row.kind, row.name.lower()) not in known]
    if not notes and rows:
        # Page 1 is whole: what only the snapshot has was dropped since.
        return rows, []
    return rows + added, [row.name for row in added]


def _salvage(
    source: DamagedSource,
    path: Path,
    fallback: Sequence[SchemaRow],
    progress: Progress,
    *,
    take_freelist: bool,
) -> Salvaged:
    damage: list[str] = []
    schema, from_snapshot = merged_schema(source, fallback, damage)
    database = NewDatabase(
        path,
        source.header,
        source.raw_header,
        longest_bytes=source.page_size * source.page_count,
        interrupted=lambda: progress.advance(0),
    )
    whole = False
    try:
        filling = Filling(source, source.header, database, schema, progress)
        filling.make_tables()
        filling.claim_trees(take_freelist=take_freelist)
        filling.fill_from_trees()
        filling.fill_from_orphans()
        finish(database, schema, filling.sequences, progress)
        whole = True
    finally:
        if not whole:
            with suppress(apsw.Error):
                database.close(whole=False)
    database.close(whole=True)
    notes = [*source.mended, *damage, *filling.notes, *database.notes]
    return Salvaged(
        path=path,
        tables=tuple(map(_outcome, filling.tables)),
        lost_and_found=filling.lost.name,
        lost_rows=filling.lost.rows,
        lost_groups=tuple(LostGroup(*group) for group in filling.lost_groups),
        unreadable_pages=tuple(sorted(set(source.unreadable))),
        schema_from_snapshot=tuple(from_snapshot),
        notes=tuple(notes[:_KEPT_NOTES]),
    )


def _outcome(table: Table) -> TableSalvaged:
    totals = table.loader.totals
    return TableSalvaged(
        name=table.loader.shape.name,
        rows_in_tree=totals.in_tree,
        rows_orphaned=totals.orphans,
        rows_rescued=totals.rescued,
        rows_rejected=dict(totals.rejected),
        cells_lost=totals.lost_cells,
        branches_lost=table.branches_lost,
    )


def _make_durable(path: Path) -> None:
    """Sync the new file; no connection has it open any more."""
    descriptor = SYSTEM_FILES.open_read(path)
    try:
        SYSTEM_FILES.fsync(descriptor)
    finally:
        SYSTEM_FILES.close(descriptor)
