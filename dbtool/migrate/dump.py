"""The schema of a database as text: canonical, so that two dumps differ only where schemas do.

Loading the text into an empty database gives the same schema. Left out is what SQLite or a virtual
table makes by itself (shadow tables, indexes of constraints, `sqlite_sequence`, statistics), and
the table in which dbtool keeps the history of migrations.
"""

from __future__ import annotations

from typing import Final

import apsw

from dbtool.core.names import folded
from dbtool.core.schema import Item, Schema, read_schema
from dbtool.migrate.canonical import canonical_sql
from dbtool.migrate.versions import HISTORY_TABLE

__all__ = ["HEADER", "own_items", "schema_sql"]

HEADER: Final = "-- dbtool schema, format 1: written by dbtool migrate dump"
_ORDER: Final = {"table": 0, "index": 1, "view": 2, "trigger": 3}


def schema_sql(connection: apsw.Connection) -> str:
    """Return the schema of `main`: tables, each with its indexes, then views, then triggers.

    Tables come by name, virtual tables after the others, as some read them when they are created.
    """
    schema = read_schema(connection, "main")
    parts = [HEADER]
    group: tuple[object, ...] = ()
    for item in sorted(own_items(schema), key=lambda item: _place(schema, item)):
        place = _place(schema, item)[:3]
        # Indexes stand right below their table.
        separator = "\n" if item.kind == "index" and place == group else "\n\n"
        parts.append(f"{separator}{canonical_sql(item.kind, item.sql or '')};")
        group = place
    return "".join(parts) + "\n"


def own_items(schema: Schema) -> list[Item]:
    """Return the objects that somebody defined, in the order of their creation."""
    return [item for item in schema.items.values() if _is_own(schema, item)]


def _is_own(schema: Schema, item: Item) -> bool:
    if item.sql is None or folded(item.name).startswith("sqlite_"):
        return False
    if folded(item.table) == HISTORY_TABLE:
        return False
    table = schema.tables.get(folded(item.table))
    return table is None or table.kind != "shadow"


def _place(schema: Schema, item: Item) -> tuple[int, bool, str, int, str]:
    table = schema.tables.get(folded(item.table))
    virtual = table is not None and table.kind == "virtual" and item.kind in ("table", "index")
    rank = _ORDER[item.kind]
    owner = folded(item.table) if rank <= 1 else ""
    return max(rank, 1), virtual, owner, rank, folded(item.name)
