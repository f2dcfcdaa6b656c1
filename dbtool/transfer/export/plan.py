"""What an export of several tables is made of: definitions, rows, settings, counters.

Of a whole database, of chosen tables, of chosen rows of them, or of the rows of one query as a
table. Triggers and views belong to a whole database only: they may need what was not chosen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import apsw

from dbtool.core.names import distinct, folded, identifier
from dbtool.core.schema import Item, Schema, read_schema
from dbtool.errors import Refused
from dbtool.transfer.export.definitions import Definitions, counters, definitions, settings_of
from dbtool.transfer.export.reading import RowSource
from dbtool.transfer.export.tables import DatabaseTable, named_source, row_tables
from dbtool.transfer.manifest import ManifestColumn, Sequence, Settings

__all__ = ["DatabasePlan", "plan_chosen", "plan_database", "plan_query"]


@dataclass(frozen=True, slots=True)
class DatabasePlan:
    """All that is exported together."""

    whole: bool
    """True: a whole database."""
    tables: tuple[DatabaseTable, ...]
    definitions: Definitions
    settings: Settings
    sequences: tuple[Sequence, ...]
    analyzed: bool
    left_out: tuple[str, ...]
    """Sentences about what is not exported."""


def plan_database(connection: apsw.Connection) -> DatabasePlan:
    """Plan the export of a whole database."""
    schema = read_schema(connection, "main")
    tables = tuple(row_tables(connection, schema))
    sequences, odd = counters(connection, schema)
    left_out = [f"{each.name}: {each.lost}" for each in tables if each.lost]
    if odd:
        left_out.append(f"sqlite_sequence: {odd} of its rows are no counters of a table")
    return DatabasePlan(
        whole=True,
        tables=tables,
        definitions=definitions(schema),
        settings=settings_of(connection),
        sequences=sequences,
        analyzed="sqlite_stat1" in schema.tables,
        left_out=tuple(left_out),
    )


def plan_chosen(
    connection: apsw.Connection, chosen: Mapping[str, RowSource | None]
) -> DatabasePlan:
    """Plan the export of some tables.

    Args:
        connection: in its read transaction.
        chosen: names of tables; the rows of each that are wanted, as `table_source` reads them
            (columns that store values, the rowid first where no column is it), or None: all.

    Raises:
        NotFound: `table-not-found`.
        Refused: `table-kind`, a view or a shadow table.
    """
    schema = read_schema(connection, "main")
    whole = plan_database(connection)
    known = {folded(table.name): table for table in whole.tables}
    wanted = {folded(name): rows for name, rows in chosen.items()}
    for name in chosen:
        _require_table(connection, schema, known, name)
    tables = tuple(
        table if wanted[key] is None else replace(table, source=wanted[key])
        for key, table in known.items()
        if key in wanted
    )
    kept = Definitions(
        tuple(item for item in whole.definitions.tables if folded(item.name) in wanted),
        tuple(
            item
            for item in whole.definitions.after
            if item.kind == "index" and folded(item.table) in wanted
        ),
    )
    return replace(
        whole,
        whole=False,
        tables=tables,
        definitions=kept,
        sequences=tuple(each for each in whole.sequences if folded(each.table) in wanted),
        analyzed=False,
        left_out=tuple(f"{each.name}: {each.lost}" for each in tables if each.lost),
    )


def plan_query(connection: apsw.Connection, source: RowSource) -> DatabasePlan:
    """Plan the export of rows as a table of their own, made of their columns."""
    names = distinct([column.name for column in source.columns])
    columns = tuple(
        ManifestColumn(name, column.type)
        for name, column in zip(names, source.columns, strict=True)
    )
    described = ", ".join(f"{identifier(c.name)} {_type(c.type)}".rstrip() for c in columns)
    item = Item(
        "table", source.name, source.name, f"CREATE TABLE {identifier(source.name)}({described})", 0
    )
    table = DatabaseTable(source.name, "rows", replace(source, columns=columns), None, "")
    return DatabasePlan(
        whole=False,
        tables=(table,),
        definitions=Definitions((item,), ()),
        settings=settings_of(connection),
        sequences=(),
        analyzed=False,
        left_out=(),
    )


def _require_table(
    connection: apsw.Connection, schema: Schema, known: Mapping[str, DatabaseTable], name: str
) -> None:
    if folded(name) in known:
        return
    named_source(connection, schema, name)
    raise Refused(
        "table-kind",
        f"{name} is no table with rows of its own",
        context="several tables are exported with their definitions, which a view does not have",
        hint=f"export it alone: --table {name}, as csv, json or another format of rows",
    )


def _type(declared: str) -> str:
    """Return a declared type so that it is one and nothing else."""
    return declared if all(c.isalnum() or c in " _" for c in declared) else identifier(declared)
