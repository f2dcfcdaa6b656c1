"""The schema of an attached database, as far as comparing its rows needs it.

Read through SQLite, which knows what a definition means; no definition is parsed here. Names are
matched without regard to the case of ASCII letters, as SQLite does.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import apsw

from dbtool.core.names import folded, identifier
from dbtool.errors import Damaged

__all__ = ["Column", "Item", "KeyPart", "Schema", "Table", "read_schema", "select", "valid_text"]

_ROWID_NAMES: Final = ("rowid", "_rowid_", "oid")
_EXPRESSION: Final = -2
_SHADOW, _VIRTUAL = "shadow", "virtual"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table."""

    name: str
    definition: str
    """Type, NOT NULL and default, for people."""
    primary: int
    """Place in the primary key, from 1; 0: not in it."""
    generated: bool
    hidden: bool
    """A column of a virtual table that `SELECT *` does not show."""


@dataclass(frozen=True, slots=True)
class KeyPart:
    """One column of a key, and the collation that its index compares with."""

    column: str
    collation: str


@dataclass(frozen=True, slots=True)
class Item:
    """One row of sqlite_schema."""

    kind: str
    """table, index, trigger or view."""
    name: str
    table: str
    sql: str | None
    """None for the index of a constraint."""
    root: int
    """0 for views, triggers and virtual tables."""


@dataclass(frozen=True, slots=True)
class Table:
    """One table with its columns."""

    item: Item
    kind: str
    """table, virtual or shadow."""
    columns: tuple[Column, ...]
    rowid: str | None
    """A name of the rowid that no column hides; None: WITHOUT ROWID, or all are hidden."""
    alias: str | None
    """The INTEGER PRIMARY KEY, where there is one."""
    key: tuple[KeyPart, ...]
    """The declared primary key; empty where there is none, or the rowid is it."""
    without_rowid: bool
    unique: tuple[tuple[str, ...] | None, ...] = ()
    """Columns of each unique index; None for one on expressions or on part of the rows."""

    @property
    def name(self) -> str:
        """Name as it was declared."""
        return self.item.name

    @property
    def stored(self) -> tuple[str, ...]:
        """Names of the columns that hold values of their own."""
        return tuple(c.name for c in self.columns if not c.generated and not c.hidden)


@dataclass(frozen=True, slots=True)
class Schema:
    """Every object of one database."""

    items: dict[tuple[str, str], Item]
    """By kind and folded name, in the order of creation."""
    tables: dict[str, Table]
    """By folded name; those of SQLite itself included."""
    settings: dict[str, int] = field(default_factory=dict)
    """user_version and application_id."""

    def indexes(self, table: str) -> list[Item]:
        """Return the indexes of a table."""
        return [
            item
            for (kind, _), item in self.items.items()
            if kind == "index" and folded(item.table) == folded(table)
        ]

    def owner_of_shadow(self, name: str) -> Table | None:
        """Return the virtual table that keeps its content in the shadow table `name`."""
        table = self.tables.get(folded(name))
        if table is None or table.kind != _SHADOW:
            return None
        parts = folded(name).split("_")
        for end in range(len(parts) - 1, 0, -1):
            owner = self.tables.get("_".join(parts[:end]))
            if owner is not None and owner.kind == _VIRTUAL:
                return owner
        return None

    def shadows(self, table: Table) -> Iterator[Table]:
        """Yield the shadow tables of a virtual table."""
        for other in self.tables.values():
            if other.kind == _SHADOW and self.owner_of_shadow(other.name) is table:
                yield other


def select(connection: apsw.Connection, sql: str) -> list[tuple[Any, ...]]:
    """Return all rows of a statement, for few rows of known types."""
    return connection.execute(sql).fetchall()


@contextmanager
def valid_text() -> Iterator[None]:
    """Name what is wrong where a schema that is read in the block has text that is none.

    Raises:
        Damaged: `text-damaged`.
    """
    try:
        yield
    except UnicodeDecodeError as error:
        raise Damaged(
            "text-damaged",
            "the schema has text that is not valid in the database's encoding",
            context=str(error),
            hint="dbtool verify DB      looks at all of it",
        ) from error


def read_schema(connection: apsw.Connection, database: str) -> Schema:
    """Return the schema of the database attached as `database`.

    Raises:
        Damaged: `text-damaged`.
    """
    with valid_text():
        return _read(connection, database)


def _read(connection: apsw.Connection, database: str) -> Schema:
    schema_table = f"{identifier(database)}.sqlite_schema"
    rows = select(
        connection,
        f"SELECT type, name, tbl_name, sql, rootpage FROM {schema_table} ORDER BY rowid",  # noqa: S608 - quoted
    )
    items = [
        Item(_text(kind), _text(name), _text(table), None if sql is None else _text(sql), root or 0)
        for kind, name, table, sql, root in rows
    ]
    schema = Schema({(item.kind, folded(item.name)): item for item in items}, {})
    for _, name, kind, _, without_rowid, _ in select(connection, f"PRAGMA {database}.table_list"):
        item = schema.items.get(("table", folded(name)))
        if item is not None:
            schema.tables[folded(name)] = _table(
                connection, database, item, kind, without_rowid=bool(without_rowid)
            )
    for name in ("user_version", "application_id"):
        schema.settings[name] = select(connection, f"PRAGMA {database}.{name}")[0][0]
    return schema


def _text(value: Any) -> str:
    """Return what a schema table holds as text; a hostile one may hold anything."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value or "")


def _table(
    connection: apsw.Connection, database: str, item: Item, kind: str, *, without_rowid: bool
) -> Table:
    if kind == _VIRTUAL and not _is_known(connection, database, item.name):
        return Table(item, kind, (), None, None, (), without_rowid=False)
    columns = tuple(_columns(connection, database, item.name))
    primary = sorted((c for c in columns if c.primary), key=lambda c: c.primary)
    key, unique = _indexes(connection, database, item.name)
    alias = None
    if len(primary) == 1 and not key and not without_rowid and kind != _VIRTUAL:
        alias = primary[0].name
    taken = {folded(c.name) for c in columns}
    rowid = next((name for name in _ROWID_NAMES if name not in taken), None) or alias
    return Table(
        item, kind, columns, None if without_rowid else rowid, alias, key, without_rowid, unique
    )


def _is_known(connection: apsw.Connection, database: str, table: str) -> bool:
    """Return whether a virtual table is of a kind that this SQLite has."""
    try:
        select(connection, f"PRAGMA {database}.table_xinfo({identifier(table)})")
    except apsw.SQLError:
        return False
    return True


def _columns(connection: apsw.Connection, database: str, table: str) -> Iterator[Column]:
    for _, name, kind, not_null, default, primary, hidden in select(
        connection, f"PRAGMA {database}.table_xinfo({identifier(table)})"
    ):
        words = [kind] if kind else []
        words += ["NOT NULL"] if not_null else []
        words += [f"DEFAULT {default}"] if default is not None else []
        yield Column(name, " ".join(words), primary, hidden in (2, 3), hidden == 1)


def _indexes(
    connection: apsw.Connection, database: str, table: str
) -> tuple[tuple[KeyPart, ...], tuple[tuple[str, ...] | None, ...]]:
    """Return the declared primary key, and the columns of each unique index."""
    key: tuple[KeyPart, ...] = ()
    unique: list[tuple[str, ...] | None] = []
    listed = select(connection, f"PRAGMA {database}.index_list({identifier(table)})")
    for _, index, is_unique, origin, partial in listed:
        if not is_unique:
            continue
        parts = select(connection, f"PRAGMA {database}.index_xinfo({identifier(index)})")
        keyed = [
            KeyPart(str(name), str(collation))
            for _, column, name, _, collation, is_key in parts
            if is_key and column != _EXPRESSION
        ]
        if origin == "pk":
            key = tuple(keyed)
        whole = not partial and len(keyed) == sum(bool(part[5]) for part in parts)
        unique.append(tuple(part.column for part in keyed) if whole else None)
    return key, tuple(unique)
