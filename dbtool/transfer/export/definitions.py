"""`schema.sql`, settings and counters: all of a database but its rows.

The definitions are the very text that SQLite keeps, so that running them makes the same schema.
First come the tables; indexes, views and triggers follow after the place where the rows go in, so
that indexes are built once and no trigger fires.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import apsw

from dbtool.core.names import folded
from dbtool.core.schema import Item, Schema, select
from dbtool.transfer.manifest import Sequence, Settings

__all__ = ["Definitions", "counters", "definitions", "settings_of", "statement"]

_OWN_PREFIX: Final = "sqlite_"
_AFTER: Final = ("index", "view", "trigger")
_FIRST_LINE: Final = "-- Tables first; below the place for the rows: indexes, views, triggers.\n"


class Definitions(NamedTuple):
    """The two halves of a schema."""

    tables: tuple[Item, ...]
    after: tuple[Item, ...]
    """Indexes, then views, then triggers, as each may need the ones before it."""

    def texts(self) -> tuple[bytes, bytes]:
        """Return both halves of the file."""
        before = _FIRST_LINE + "".join(map(_line, self.tables))
        return before.encode(), "".join(map(_line, self.after)).encode()


def definitions(schema: Schema) -> Definitions:
    """Return what creates the schema; what SQLite or a module makes by itself is left out."""
    made = [
        item
        for item in schema.items.values()
        if item.sql and not folded(item.name).startswith(_OWN_PREFIX)
    ]
    tables = tuple(item for item in made if item.kind == "table" and not _is_shadow(schema, item))
    after = tuple(
        item
        for kind in _AFTER
        for item in made
        if item.kind == kind and not (kind == "index" and _is_shadow(schema, item))
    )
    return Definitions(tables, after)


def statement(item: Item) -> str:
    """Return the definition of an object, with its semicolon."""
    sql = item.sql or ""
    # A semicolon behind a comment would be part of it; elsewhere a line feed would be kept.
    return f"{sql}\n;" if "--" in sql.rpartition("\n")[2] else f"{sql};"


def settings_of(connection: apsw.Connection) -> Settings:
    """Return the settings of a database."""

    def value(name: str) -> Any:
        return connection.pragma(name)

    return Settings(
        encoding=str(value("encoding")),
        page_size=int(value("page_size")),
        auto_vacuum=int(value("auto_vacuum")),
        user_version=int(value("user_version")),
        application_id=int(value("application_id")),
        journal_mode="wal" if value("journal_mode") == "wal" else "delete",
    )


def counters(connection: apsw.Connection, schema: Schema) -> tuple[tuple[Sequence, ...], int]:
    """Return the AUTOINCREMENT counters, and how many rows of sqlite_sequence are none."""
    if "sqlite_sequence" not in schema.tables:
        return (), 0
    rows = select(connection, "SELECT name, seq FROM main.sqlite_sequence ORDER BY rowid")
    found: dict[str, Sequence] = {}
    for name, value in rows:
        if isinstance(name, str) and isinstance(value, int) and folded(name) in schema.tables:
            found.setdefault(folded(name), Sequence(name, value))
    return tuple(found.values()), len(rows) - len(found)


def _is_shadow(schema: Schema, item: Item) -> bool:
    table = schema.tables.get(folded(item.table))
    return table is not None and table.kind == "shadow"


def _line(item: Item) -> str:
    return f"{statement(item)}\n"
