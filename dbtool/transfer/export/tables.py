"""Which rows are exported: of one table or view, of a query, or of every table of a database.

table with rowids   all columns that store values; the rowid too where no column is it
WITHOUT ROWID       all columns that store values
FTS3/4/5, R*Tree    through the module, as documents; shadow tables follow from them
FTS with content elsewhere    nothing: the index is built again from the other table
contentless FTS, other modules    nothing, and that is a loss
sqlite_sequence     as counters in the manifest;  sqlite_stat*: made again by ANALYZE
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

import apsw

from dbtool.core.names import folded, identifier
from dbtool.core.query import PreparedQuery
from dbtool.core.schema import Schema, Table, select
from dbtool.core.sqlerror import nearest
from dbtool.errors import NotFound
from dbtool.transfer.export.reading import RowSource
from dbtool.transfer.manifest import ManifestColumn

__all__ = [
    "DatabaseTable",
    "declared_types",
    "named_source",
    "query_source",
    "row_tables",
    "table_source",
]

_MODULE: Final = re.compile(
    r"""\s*CREATE\s+VIRTUAL\s+TABLE\s+(?:"(?:[^"]|"")*"|\[[^]]*\]|`(?:[^`]|``)*`|"""
    r"""'(?:[^']|'')*'|[^\s(]+)\s+USING\s+["'`\[]?(\w+)["'`\]]?(.*)""",
    re.IGNORECASE | re.DOTALL,
)
_CONTENT: Final = re.compile(r"""[(,]\s*content\s*=\s*('[^']*'|"[^"]*"|\w*)""", re.IGNORECASE)
_FULL_TEXT: Final = frozenset({"fts3", "fts4", "fts5"})
_ROWS: Final = frozenset({"rtree", "rtree_i32", "geopoly"})
_KEYED: Final = frozenset({"rtree", "rtree_i32"})
"""Modules whose first column is the rowid."""
_FOLLOWS: Final = frozenset({"fts5vocab", "fts4aux", "dbstat", "spellfix1_aux"})
"""Modules that show what lies elsewhere and keep nothing."""
_OWN_PREFIX: Final = "sqlite_"


@dataclass(frozen=True, slots=True)
class DatabaseTable:
    """One table of a database that is exported whole."""

    name: str
    fill: str
    """As in the manifest: rows, rebuild or none."""
    source: RowSource | None
    """None without rows of its own."""
    rowid: str | None
    """Name under which each row begins with its rowid."""
    lost: str
    """What is not exported of it, a sentence without a full stop; empty: nothing."""


def named_source(connection: apsw.Connection, schema: Schema, name: str) -> RowSource:
    """Return the rows of a table or view as `SELECT *` shows them.

    Raises:
        NotFound: `table-not-found`, with the nearest name.
    """
    key = folded(name)
    item = schema.items.get(("table", key)) or schema.items.get(("view", key))
    if item is None:
        names = [item.name for (kind, _), item in schema.items.items() if kind in ("table", "view")]
        close = nearest(name, names)
        shown = ", ".join(names[:12]) + (" ..." if len(names) > 12 else "")  # noqa: PLR2004  a line
        raise NotFound(
            "table-not-found",
            f"there is no table or view {name}",
            hint=f"did you mean {close}?" if close else f"it has {shown or 'none at all'}",
        )
    table = schema.tables.get(key)
    if table is not None and table.kind == "table":
        return table_source(connection, table, generated=True)
    columns = _columns(connection, item.name)
    return RowSource(item.name, columns, f"SELECT {_list(columns)} FROM {identifier(item.name)}")


def table_source(
    connection: apsw.Connection, table: Table, *, generated: bool = False, rowid: bool = False
) -> RowSource:
    """Return the rows of an ordinary table, in the order of its key.

    Args:
        connection: to read the declared types.
        table: which.
        generated: True: generated columns too.
        rowid: True: the rowid first.
    """
    types = declared_types(connection, table.name)
    columns = tuple(
        ManifestColumn(c.name, types.get(c.name, ""))
        for c in table.columns
        if not c.hidden and (generated or not c.generated)
    )
    if rowid and table.rowid is not None:
        columns = (ManifestColumn(table.rowid, "INTEGER"), *columns)
    sql = (
        f"SELECT {_list(columns)} FROM main.{identifier(table.name)} {_in_order(connection, table)}"
    )
    return RowSource(table.name, columns, sql)


def query_source(prepared: PreparedQuery) -> RowSource:
    """Return the rows of a query."""
    columns = tuple(ManifestColumn(c.name, c.decltype or "") for c in prepared.columns)
    return RowSource("query", columns, prepared.sql, (prepared.bindings,))


def row_tables(connection: apsw.Connection, schema: Schema) -> list[DatabaseTable]:
    """Return every table that is exported with a database, in the order of creation."""
    found = []
    created = [schema.tables.get(name) for kind, name in schema.items if kind == "table"]
    for table in filter(None, created):
        if folded(table.name).startswith(_OWN_PREFIX) or table.kind == "shadow":
            continue
        if table.kind == "virtual":
            found.append(_virtual(connection, table))
            continue
        named = table.rowid is not None and table.alias is None
        source = table_source(connection, table, rowid=named)
        lost = ""
        if table.rowid is None and not table.without_rowid:
            lost = "its rowids cannot be read, as columns have all of their names"
        found.append(
            DatabaseTable(table.name, "rows", source, table.rowid if named else None, lost)
        )
    return found


def declared_types(connection: apsw.Connection, table: str) -> dict[str, str]:
    """Return the declared type of each column; empty text where nothing is declared."""
    return {str(name): str(kind or "") for _, name, kind, *_ in _xinfo(connection, table)}


def _virtual(connection: apsw.Connection, table: Table) -> DatabaseTable:
    found = _MODULE.match(table.item.sql or "")
    module = found[1].lower() if found else ""
    content = _CONTENT.search(found[2]) if found and module in _FULL_TEXT else None
    if module in _FULL_TEXT and content:
        if content[1].strip("'\""):
            return DatabaseTable(table.name, "rebuild", None, None, _set(connection, table))
        return DatabaseTable(table.name, "none", None, None, "contentless: its text is not kept")
    if module in _FULL_TEXT or module in _ROWS:
        return _documents(connection, table, named=module not in _KEYED)
    lost = "" if module in _FOLLOWS else f"only the module {module} knows what it holds"
    return DatabaseTable(table.name, "none", None, None, lost)


def _documents(connection: apsw.Connection, table: Table, *, named: bool) -> DatabaseTable:
    types = declared_types(connection, table.name)
    columns = tuple(
        ManifestColumn(c.name, types.get(c.name, "")) for c in table.columns if not c.hidden
    )
    rowid = table.rowid if named else None
    if rowid is not None:
        columns = (ManifestColumn(rowid, "INTEGER"), *columns)
    order = " ORDER BY 1"
    sql = f"SELECT {_list(columns)} FROM main.{identifier(table.name)}{order}"
    source = RowSource(table.name, columns, sql)
    return DatabaseTable(table.name, "rows", source, rowid, _set(connection, table))


def _set(connection: apsw.Connection, table: Table) -> str:
    """Say which settings an FTS5 table keeps beside its definition, such as its rank."""
    config = identifier(f"{table.name}_config")
    try:
        names = select(connection, f"SELECT k FROM main.{config} WHERE k <> 'version'")
    except apsw.SQLError:  # no FTS5 table
        return ""
    listed = ", ".join(str(name) for (name,) in names)
    return f"its settings are not kept: {listed}" if listed else ""


def _in_order(connection: apsw.Connection, table: Table) -> str:
    """Keep an index that has all the columns from giving the rows in its own order."""
    if not table.without_rowid:
        return "NOT INDEXED"
    listed = select(connection, f"PRAGMA main.index_list({identifier(table.name)})")
    names = [str(name) for _, name, _, origin, _ in listed if origin == "pk"]
    return f"INDEXED BY {identifier(names[0])}" if names else ""


def _columns(connection: apsw.Connection, name: str) -> tuple[ManifestColumn, ...]:
    return tuple(
        ManifestColumn(str(column), str(kind or ""))
        for _, column, kind, _, _, _, hidden in _xinfo(connection, name)
        if hidden != 1
    )


def _list(columns: tuple[ManifestColumn, ...]) -> str:
    return ", ".join(identifier(column.name) for column in columns)


def _xinfo(connection: apsw.Connection, table: str) -> list[tuple[Any, ...]]:
    return select(connection, f"PRAGMA main.table_xinfo({identifier(table)})")
