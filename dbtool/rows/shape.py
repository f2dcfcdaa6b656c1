"""What a table looks like to somebody who moves its rows: columns, key, unique indexes, kind.

Read from SQLite's own pragmas, never parsed out of SQL, apart from the one thing that they do not
tell: whether a full-text index keeps its content itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

import apsw

from dbtool.errors import NotFound, Refused, UsageError

__all__ = [
    "TableColumn",
    "TableShape",
    "UniqueIndex",
    "closest",
    "describe",
    "find_table",
]

_ROWID_NAMES: Final = ("rowid", "_rowid_", "oid")
_ROW_MODULES: Final = frozenset({"fts3", "fts4", "fts5", "rtree", "rtree_i32", "geopoly"})
_MODULE: Final = re.compile(r"""\bUSING\s+("(?:[^"]|"")*"|\[[^\]]*\]|`[^`]*`|\w+)""", re.IGNORECASE)
_CONTENT: Final = re.compile(r"[(,]\s*content\s*=", re.IGNORECASE)
_AFFINITIES: Final = (
    ("INT", "INTEGER"),
    ("CHAR", "TEXT"),
    ("CLOB", "TEXT"),
    ("TEXT", "TEXT"),
    ("BLOB", "BLOB"),
    ("REAL", "REAL"),
    ("FLOA", "REAL"),
    ("DOUB", "REAL"),
)
_GENERATED: Final = (2, 3)


@dataclass(frozen=True, slots=True)
class TableColumn:
    """One column that can be read; hidden columns of virtual tables are left out."""

    name: str
    affinity: str
    """INTEGER, TEXT, REAL, NUMERIC or BLOB (which leaves every value as it is)."""
    not_null: bool
    default: str | None
    """SQL of its default value; None where there is none."""
    generated: bool


@dataclass(frozen=True, slots=True)
class UniqueIndex:
    """A unique index over plain columns, apart from the key."""

    name: str
    columns: tuple[str, ...]
    collations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TableShape:
    """One table of one database."""

    name: str
    """As the database spells it."""
    sql: str
    columns: tuple[TableColumn, ...]
    key: tuple[str, ...]
    """Primary key columns; empty where the key is the rowid and no column is an alias of it."""
    key_collations: tuple[str, ...]
    """Of the key's columns; empty where the key is the rowid."""
    rowid: str | None
    """A name under which the rowid can be read; None for WITHOUT ROWID, or all names taken."""
    rowid_alias: str | None
    """The INTEGER PRIMARY KEY column; None where there is none."""
    virtual: bool
    unique: tuple[UniqueIndex, ...]

    @property
    def by_rowid(self) -> bool:
        """Whether a row is known by its rowid, under a name of its own or not."""
        return self.rowid_alias is not None or not self.key

    @property
    def stored(self) -> tuple[TableColumn, ...]:
        """The columns that hold values of their own: neither generated nor the rowid's alias."""
        return tuple(
            column
            for column in self.columns
            if not column.generated and column.name != self.rowid_alias
        )

    def column(self, name: str) -> TableColumn | None:
        """Return a column by its name, in any case; None where there is none."""
        folded = name.lower()
        return next((column for column in self.columns if column.name.lower() == folded), None)

    def require_column(self, name: str) -> TableColumn:
        """Return a column by its name.

        Raises:
            UsageError: `column-unknown`, with the nearest match.
        """
        found = self.column(name)
        if found is not None:
            return found
        names = [column.name for column in self.columns]
        close = closest(name, names)
        raise UsageError(
            "column-unknown",
            f"the table {self.name} has no column {name}",
            context=f"its columns are {', '.join(names)}",
            hint=f"did you mean {close}?" if close else "",
        )


def find_table(connection: apsw.Connection, name: str) -> tuple[str, str, bool, bool] | None:
    """Return (name, type, WITHOUT ROWID, STRICT) of a table or view; None where there is none."""
    row = connection.execute(
        "SELECT name, type, wr, strict FROM pragma_table_list"
        " WHERE schema = 'main' AND name = ? COLLATE NOCASE",
        (name,),
    ).fetchone()
    return None if row is None else (str(row[0]), str(row[1]), bool(row[2]), bool(row[3]))


def describe(connection: apsw.Connection, name: str, *, where_from: str) -> TableShape:
    """Describe a table whose rows can be read and written one by one.

    Args:
        connection: its database.
        name: of the table, in any case.
        where_from: what the database is called in messages.

    Raises:
        NotFound: `table-not-found`, with the nearest match.
        Refused: `table-kind`, a view, a shadow table, a table of SQLite itself, or a virtual table
            that only shows what lies elsewhere.
    """
    found = find_table(connection, name)
    if found is None:
        raise _no_table(connection, name, where_from)
    real, kind, without_rowid, strict = found
    sql = _sql(connection, real)
    _require_rows(real, kind, sql)
    columns = _columns(connection, real, strict=strict and kind == "table")
    indexes = _indexes(connection, real)
    declared = _declared_key(connection, real)
    primary = next((index for origin, index in indexes if origin == "pk"), None)
    alias = declared[0] if declared and primary is None and kind == "table" else None
    if kind == "virtual" and _module(sql).startswith("rtree"):
        alias = columns[0].name  # an R*Tree's first column is its rowid, undeclared
    taken = {column.name.lower() for column in columns}
    rowid = next((each for each in _ROWID_NAMES if each not in taken), None)
    return TableShape(
        name=real,
        sql=sql,
        columns=columns,
        key=(alias,) if alias else (primary.columns if primary else ()),
        key_collations=primary.collations if primary else (),
        rowid=None if without_rowid else (rowid or alias),
        rowid_alias=alias,
        virtual=kind == "virtual",
        unique=tuple(index for origin, index in indexes if origin != "pk"),
    )


def _sql(connection: apsw.Connection, name: str) -> str:
    row = connection.execute(
        "SELECT sql FROM main.sqlite_schema WHERE type = 'table' AND name = ?", (name,)
    ).fetchone()
    return str(row[0] or "") if row else ""


def _columns(connection: apsw.Connection, table: str, *, strict: bool) -> tuple[TableColumn, ...]:
    rows = connection.execute(
        "SELECT name, type, \"notnull\", dflt_value, hidden FROM pragma_table_xinfo(?, 'main')",
        (table,),
    )
    return tuple(
        TableColumn(
            str(name),
            _affinity(str(kind), strict=strict),
            bool(not_null),
            None if default is None else str(default),
            hidden in _GENERATED,
        )
        for name, kind, not_null, default, hidden in rows
        if hidden != 1
    )


def _affinity(declared: str, *, strict: bool) -> str:
    """Return the affinity of a declared type (https://sqlite.org/datatype3.html, 3.1)."""
    kind = declared.upper()
    if not kind or (strict and kind == "ANY"):
        return "BLOB"
    return next((affinity for part, affinity in _AFFINITIES if part in kind), "NUMERIC")


def _declared_key(connection: apsw.Connection, table: str) -> list[str]:
    rows = connection.execute(
        "SELECT name FROM pragma_table_xinfo(?, 'main') WHERE pk ORDER BY pk", (table,)
    )
    return [str(row[0]) for row in rows]


def _indexes(connection: apsw.Connection, table: str) -> list[tuple[str, UniqueIndex]]:
    """Return (origin, index) of each whole unique index over plain columns."""
    rows = connection.execute(
        "SELECT name, origin FROM pragma_index_list(?, 'main') WHERE \"unique\" AND NOT partial",
        (table,),
    ).fetchall()
    found = []
    for name, origin in rows:
        parts = connection.execute(
            "SELECT name, coll FROM pragma_index_xinfo(?, 'main') WHERE key ORDER BY seqno",
            (name,),
        ).fetchall()
        if all(column is not None for column, _collation in parts):
            columns = tuple(str(column) for column, _ in parts)
            collations = tuple(str(collation) for _, collation in parts)
            found.append((str(origin), UniqueIndex(str(name), columns, collations)))
    return found


def _require_rows(name: str, kind: str, sql: str) -> None:
    why = ""
    if kind == "view":
        why = "it is a view: its rows lie in other tables"
    elif kind == "shadow":
        why = "it is a shadow table, which only its virtual table may write"
    elif name.lower().startswith("sqlite_"):
        why = "SQLite keeps it itself"
    elif kind == "virtual":
        module = _module(sql)
        if module not in _ROW_MODULES:
            why = f"it is a virtual table of {module or 'an unknown module'}"
        elif module.startswith("fts") and _CONTENT.search(sql):
            why = (
                "it is a full-text index of what lies elsewhere: restore that table, "
                "or rebuild the index"
            )
    if why:
        raise Refused("table-kind", f"the rows of {name} cannot be taken one by one", context=why)


def _module(sql: str) -> str:
    found = _MODULE.search(sql)
    return found[1].strip('"`[]').lower() if found else ""


def _no_table(connection: apsw.Connection, name: str, where_from: str) -> NotFound:
    rows = connection.execute(
        "SELECT name FROM pragma_table_list WHERE schema = 'main'"
        " AND type IN ('table', 'virtual') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name"
    )
    names = [str(row[0]) for row in rows]
    close = closest(name, names)
    return NotFound(
        "table-not-found",
        f"{where_from} has no table {name}",
        context="" if names else "it has no tables at all",
        hint=f"did you mean {close}?" if close else "",
    )


def closest(name: str, names: list[str]) -> str | None:
    """Return the name that is most like another one, in any case; None where none is."""
    folded = {each.lower(): each for each in names}
    close = get_close_matches(name.lower(), list(folded), n=1, cutoff=0.6)
    return folded[close[0]] if close else None
