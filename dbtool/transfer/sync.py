"""Sync and verify: a database made equal to its source again, or only compared with it.

The source is imported into a private temporary database, whose tables are defined as those of the
target, so that values are what an import would make of them; then the two are compared by SQL.
`verify` stops there. `sync` writes the differences in one transaction and compares once more: an
interrupted sync has changed nothing, and is repeated.

Invariants: rows are deleted only if every record of the source could be read and no table loses
more than half of its rows, unless that was confirmed; columns that the source does not have stay
as they are; a source that changes while it is read is read again.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import apsw

from dbtool.core.connection import classified, open_readonly
from dbtool.core.create import init_database
from dbtool.core.names import folded, identifier
from dbtool.core.progress import Progress
from dbtool.core.schema import read_schema
from dbtool.core.stoppable import stoppable
from dbtool.errors import DbtoolError, Refused, UsageError
from dbtool.transfer.differences import STAGED, Comparison, TableDifference, matching, unequal
from dbtool.transfer.options import ImportOptions, ImportResult
from dbtool.transfer.sources import Input
from dbtool.transfer.staging import Stage, columns_of, compare_all, comparison, staged_source
from dbtool.transfer.target import immediately, make_index, open_target, violations

__all__ = ["SyncResult", "SyncTable", "sync_rows", "verify_rows"]

_BUSY_TIMEOUT_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class SyncTable:
    """What became of one table."""

    difference: TableDifference
    """Before anything was written."""
    created: bool
    added: int
    updated: int
    deleted: int
    equal: bool
    """Whether source and database are the same now."""


@dataclass(frozen=True, slots=True)
class SyncResult:
    """What was compared, and written."""

    tables: tuple[SyncTable, ...]
    records: int
    """Of the source."""
    bad: int
    """Records of the source that cannot be read; the table of none loses rows then."""
    examples: tuple[tuple[str, int, str], ...]
    """Source, line and reason of the first of them."""
    warnings: tuple[str, ...]
    snapshot: str | None
    new_violations: int
    """Rows that refer to nothing now, and did not before."""
    duration_s: float

    @property
    def equal(self) -> bool:
        """Return whether source and database are the same."""
        return not self.bad and all(table.equal for table in self.tables)


def verify_rows(
    source: str,
    inputs: list[Input],
    database: Path,
    options: ImportOptions,
    *,
    progress: Progress,
) -> SyncResult:
    """Compare a source with a database, and write nothing.

    Args:
        source: what a person calls it.
        inputs: as `find_inputs` returns them.
        database: must exist.
        options: of the import; its mode does not matter.
        progress: told of bytes.

    Raises:
        Refused: `source-changing`.
        DbtoolError: as `import_rows`, except what is about writing.
    """
    began_s = time.monotonic()
    connection = open_readonly(database, busy_timeout_s=_BUSY_TIMEOUT_S)
    try:
        with (
            classified(database),
            staged_source(source, inputs, connection, options, progress) as stage,
        ):
            found = compare_all(connection, stage, inputs, options, progress)
    finally:
        connection.close()
    tables = tuple(
        SyncTable(d, created=False, added=0, updated=0, deleted=0, equal=d.equal) for d in found
    )
    return _result(tables, stage.result, began_s)


def sync_rows(
    source: str,
    inputs: list[Input],
    database: Path,
    options: ImportOptions,
    *,
    delete: bool,
    confirmed: bool,
    progress: Progress,
) -> SyncResult:
    """Make the tables of a database equal to a source.

    Args:
        source: what a person calls it.
        inputs: as `find_inputs` returns them.
        database: made where there is none.
        options: of the import; its mode does not matter.
        delete: rows that the source does not have go.
        confirmed: even if that is more than half of a table.
        progress: told of bytes.

    Raises:
        Refused: `source-changing`, `sync-deletes-much`.
        UsageError: `key-missing`, `key-not-unique`.
        DbtoolError: as `import_rows`; `sync-conflict`.
    """
    began_s = time.monotonic()
    made = not database.exists() or not database.stat().st_size
    if made:
        init_database(database)
    job: _Sync | None = None
    try:
        with (
            open_target(database) as connection,
            staged_source(source, inputs, connection, options, progress) as stage,
        ):
            asked = replace(options, before=None) if made else options
            job = _Sync(connection, inputs, asked, stage, progress)
            return job.run(
                delete=delete and not stage.result.bad, confirmed=confirmed, began_s=began_s
            )
    except BaseException:
        if made and (job is None or not job.written):
            for suffix in ("-wal", "-shm", ""):
                with suppress(OSError):
                    database.with_name(database.name + suffix).unlink()
        raise


class _Sync:
    """Writes the differences."""

    def __init__(
        self,
        connection: apsw.Connection,
        inputs: list[Input],
        options: ImportOptions,
        stage: Stage,
        progress: Progress,
    ) -> None:
        self._connection = connection
        self._inputs = inputs
        self._options = options
        self._stage = stage
        self._progress = progress
        self._warnings: list[str] = []
        self.written = False
        """Something was committed."""

    def run(self, *, delete: bool, confirmed: bool, began_s: float) -> SyncResult:
        """Compare, write, compare again."""
        schema = read_schema(self._connection, "main")
        new = [t.table for t in self._stage.result.tables if folded(t.table) not in schema.tables]
        before = self._compare(new)
        for difference in before:
            self._judge(difference, delete=delete, confirmed=confirmed)
        snapshot, broken = None, 0
        counts: dict[str, tuple[int, int, int]] = {}
        if new or not all(difference.equal for difference in before):
            if self._options.before is not None:
                snapshot = self._options.before()
            names = [difference.table for difference in before]
            orphans = violations(self._connection, names)
            with stoppable(self._connection, self._progress), immediately(self._connection):
                counts = self._write(new, before, delete=delete)
            self.written = True
            broken = max(violations(self._connection, [*names, *new]) - orphans, 0)
        after = {d.table: d for d in self._compare([])}
        created = tuple(self._created(name, after, counts) for name in new)
        tables = tuple(
            SyncTable(d, False, *counts.get(d.table, (0, 0, 0)), after[d.table].equal)  # noqa: FBT003 - a field
            for d in before
        )
        result = _result(created + tables, self._stage.result, began_s)
        warnings = (*result.warnings, *self._warnings)
        return replace(result, snapshot=snapshot, new_violations=broken, warnings=warnings)

    def _compare(self, without: list[str]) -> list[TableDifference]:
        return compare_all(
            self._connection, self._stage, self._inputs, self._options, self._progress, without
        )

    def _created(
        self,
        name: str,
        after: dict[str, TableDifference],
        counts: dict[str, tuple[int, int, int]],
    ) -> SyncTable:
        now = after[name]
        was = replace(now, database_rows=0, missing=now.source_rows)
        return SyncTable(was, True, *counts[name], now.equal)  # noqa: FBT003 - a field

    def _judge(self, difference: TableDifference, *, delete: bool, confirmed: bool) -> None:
        """Refuse what would do harm."""
        table = difference.table
        if difference.equal:
            return
        what = comparison(self._connection, table, self._columns(table), self._options)
        if not what.key:
            raise UsageError(
                "key-missing",
                f"a sync needs to know what names a row of {table}",
                context="it has no primary key, or --pk names columns that no unique index is on",
                hint="make a unique index on such columns, then name them: --pk id",
            )
        much = difference.extra * 2 > difference.database_rows
        if delete and much and not confirmed:
            raise Refused(
                "sync-deletes-much",
                f"the source lacks {difference.extra:,} of the {difference.database_rows:,} rows"
                f" of {table}",
                context="a sync would delete them, and nothing was changed yet",
                hint="--no-delete     keeps the rows that the source does not have\n"
                "--yes           deletes them\n"
                "--verify        only shows what differs",
            )

    def _columns(self, table: str) -> tuple[str, ...]:
        return columns_of(self._stage.result).get(folded(table), ())

    def _write(
        self, new: list[str], before: list[TableDifference], *, delete: bool
    ) -> dict[str, tuple[int, int, int]]:
        counts = {}
        for name in new:
            self._define(name)
            counts[name] = (self._insert(name, self._staged_columns(name)), 0, 0)
            self._index(name)
        for difference in before:
            if difference.equal:
                continue
            table = difference.table
            what = comparison(self._connection, table, self._columns(table), self._options)
            try:
                counts[table] = self._update(what, delete=delete)
            except apsw.ConstraintError as error:
                raise DbtoolError(
                    "sync-conflict",
                    f"{table} cannot be made equal to the source: {error}",
                    context="nothing was changed",
                    hint="--verify     shows which rows differ",
                ) from error
        return counts

    def _update(self, what: Comparison, *, delete: bool) -> tuple[int, int, int]:
        table = identifier(what.table)
        pair = matching(what)
        deleted = updated = 0
        if delete:
            deleted = self._run(
                f"DELETE FROM main.{table} AS d WHERE NOT EXISTS"  # noqa: S608 - quoted
                f" (SELECT 1 FROM {STAGED}.{table} AS s WHERE {pair})"
            )
        if what.columns:
            sets = ", ".join(f"{identifier(n)} = s.{identifier(n)}" for n in what.columns)
            updated = self._run(
                f"UPDATE main.{table} AS d SET {sets} FROM {STAGED}.{table} AS s"  # noqa: S608 - quoted
                f" WHERE {pair} AND {unequal(what.columns)}"
            )
        names = ", ".join(map(identifier, what.columns))
        added = 0
        if names:
            added = self._run(
                f"INSERT INTO main.{table} ({names}) SELECT {names} FROM {STAGED}.{table} AS s"  # noqa: S608 - quoted
                f" WHERE NOT EXISTS (SELECT 1 FROM main.{table} AS d WHERE {pair})"
            )
        return added, updated, deleted

    def _run(self, sql: str) -> int:
        self._connection.execute(sql)
        return self._connection.changes()

    def _staged_columns(self, name: str) -> tuple[str, ...]:
        table = read_schema(self._connection, STAGED).tables[folded(name)]
        return table.stored

    def _define(self, name: str) -> None:
        schema = read_schema(self._connection, STAGED)
        self._connection.execute(str(schema.tables[folded(name)].item.sql))

    def _insert(self, name: str, columns: tuple[str, ...]) -> int:
        names, table = ", ".join(map(identifier, columns)), identifier(name)
        return self._run(f"INSERT INTO main.{table} ({names}) SELECT {names} FROM {STAGED}.{table}")  # noqa: S608 - quoted

    def _index(self, name: str) -> None:
        for item in read_schema(self._connection, STAGED).indexes(name):
            if item.sql:
                self._warnings += make_index(self._connection, item.sql)


def _result(tables: tuple[SyncTable, ...], read: ImportResult, began_s: float) -> SyncResult:
    return SyncResult(
        tables=tables,
        records=read.records,
        bad=read.bad,
        examples=read.examples,
        warnings=read.warnings,
        snapshot=None,
        new_violations=0,
        duration_s=time.monotonic() - began_s,
    )
