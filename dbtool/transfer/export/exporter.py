"""One export: what is wanted, in which format, as bytes in a sink.

Formats that are files of another kind (SQLite, a folder) have their own modules; this one is what
can be a stream too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import apsw

from dbtool.core.names import folded
from dbtool.core.progress import Progress
from dbtool.core.query import PreparedQuery
from dbtool.core.schema import read_schema
from dbtool.errors import UsageError
from dbtool.transfer.export.losses import Losses
from dbtool.transfer.export.plan import DatabasePlan, plan_chosen, plan_database, plan_query
from dbtool.transfer.export.reading import RowSource
from dbtool.transfer.export.rowfile import (
    ROW_FORMATS,
    TableCount,
    write_source,
    write_sources,
)
from dbtool.transfer.export.sink import Sink
from dbtool.transfer.export.sqltext import write_sql
from dbtool.transfer.export.tables import named_source, query_source

__all__ = ["FORMATS", "ExportWanted", "plan_for", "write_stream"]

FORMATS: Final = (*ROW_FORMATS, "parquet", "sql", "sqlite")
"""Every format, by name."""
_TOGETHER: Final = ("json", "markdown")
"""Formats of rows that hold several tables in one file."""


@dataclass(frozen=True, slots=True)
class ExportWanted:
    """Which rows are exported; with nothing set, all of the database."""

    tables: tuple[str, ...] = ()
    query: PreparedQuery | None = None
    rows: Mapping[str, RowSource] = field(default_factory=dict)
    """Chosen rows of tables, by name."""

    @property
    def whole(self) -> bool:
        """Whether all of the database is wanted."""
        return not (self.tables or self.query or self.rows)

    @property
    def single(self) -> bool:
        """Whether it is one table or query, so that any format holds it."""
        return self.query is not None or (len(self.tables) == 1 and not self.rows)


def plan_for(connection: apsw.Connection, wanted: ExportWanted) -> DatabasePlan:
    """Return what is wanted with its definitions; the rows of a query or view become a table."""
    if wanted.query is not None:
        return plan_query(connection, query_source(wanted.query))
    if wanted.whole:
        return plan_database(connection)
    if wanted.single:
        schema = read_schema(connection, "main")
        name = wanted.tables[0]
        table = schema.tables.get(folded(name))
        if table is None or table.kind == "shadow":
            return plan_query(connection, named_source(connection, schema, name))
    chosen: dict[str, RowSource | None] = dict.fromkeys(wanted.tables)
    return plan_chosen(connection, {**chosen, **wanted.rows})


def write_stream(
    connection: apsw.Connection,
    wanted: ExportWanted,
    format_name: str,
    sink: Sink,
    losses: Losses,
    progress: Progress,
) -> tuple[list[TableCount], tuple[str, ...]]:
    """Write what is wanted to a sink.

    Args:
        connection: in its read transaction, so that all rows are of one moment.
        wanted: which rows.
        format_name: one of `FORMATS`, other than sqlite.
        sink: where the bytes go; not finished here.
        losses: counts what the format cannot hold.
        progress: counts the rows.

    Returns:
        The rows of each table, and sentences about what was left out.

    Raises:
        UsageError: `export-needs-folder`, several tables in a format that holds one.
        NotFound: `table-not-found`.
    """
    if format_name == "sql":
        plan = plan_for(connection, wanted)
        return write_sql(connection, plan, sink, progress), plan.left_out
    if wanted.single:
        source = _single(connection, wanted)
        count = write_source(connection, source, format_name, sink, losses, progress)
        if format_name == "json":
            sink.write(b"\n")
        return [count], ()
    if format_name not in _TOGETHER:
        raise UsageError(
            "export-needs-folder",
            f"a file of {format_name} holds one table, and several are to be exported",
            hint="choose one with --table, or name a folder: --to FOLDER/",
        )
    plan = plan_for(connection, wanted)
    sources = [table.source for table in plan.tables if table.source]
    counts = write_sources(connection, sources, format_name, sink, losses, progress)
    return counts, plan.left_out


def _single(connection: apsw.Connection, wanted: ExportWanted) -> RowSource:
    if wanted.query is not None:
        return query_source(wanted.query)
    return named_source(connection, read_schema(connection, "main"), wanted.tables[0])
