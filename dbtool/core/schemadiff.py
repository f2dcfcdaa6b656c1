"""What differs between two schemas: objects and columns that came, went or changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from dbtool.core.names import folded
from dbtool.core.schema import Column, Item, Schema, Table

__all__ = ["SchemaChange", "What", "schema_changes"]

What = Literal["added", "removed", "changed"]
"""Seen from a to b."""


@dataclass(frozen=True, slots=True)
class SchemaChange:
    """One object of the schema that is not the same on both sides."""

    what: What
    kind: str
    """table, virtual table, column, index, trigger, view or setting."""
    name: str
    table: str
    """The table it belongs to; its own name for a table; empty for a view or a setting."""
    old: str | None
    """Its definition in a; None: it was not there, or SQLite made it."""
    new: str | None


_ORDER = ("table", "index", "view", "trigger")


def schema_changes(a: Schema, b: Schema) -> tuple[SchemaChange, ...]:
    """Return the differences: tables with their columns, indexes, views, triggers, settings.

    Tables that SQLite and virtual tables keep for themselves are left out, and so are indexes of
    constraints: they come and go with what they belong to.
    """
    found: list[SchemaChange] = []
    for kind in _ORDER:
        names = dict.fromkeys(
            name for items in (a.items, b.items) for k, name in items if k == kind
        )
        for name in names:
            old, new = a.items.get((kind, name)), b.items.get((kind, name))
            if not _is_internal(a, old) and not _is_internal(b, new):
                found.extend(_object(a, b, old, new))
    found.extend(
        SchemaChange("changed", "setting", name, "", str(old), str(b.settings[name]))
        for name, old in a.settings.items()
        if old != b.settings[name]
    )
    return tuple(found)


def _is_internal(schema: Schema, item: Item | None) -> bool:
    if item is None:
        return False
    table = schema.tables.get(folded(item.table))
    if folded(item.name).startswith("sqlite_") or item.sql is None:
        return True
    return table is not None and table.kind == "shadow"


def _object(a: Schema, b: Schema, old: Item | None, new: Item | None) -> Iterator[SchemaChange]:
    one = new or old
    assert one is not None
    tables = (a.tables.get(folded(one.name)), b.tables.get(folded(one.name)))
    virtual = one.kind == "table" and any(table and table.kind == "virtual" for table in tables)
    kind = "virtual table" if virtual else one.kind
    owner = "" if one.kind == "view" else one.table
    if old is None:
        yield SchemaChange("added", kind, one.name, owner, None, one.sql)
    elif new is None:
        yield SchemaChange("removed", kind, one.name, owner, one.sql, None)
    elif old.sql != new.sql or folded(old.table) != folded(new.table):
        yield SchemaChange("changed", kind, one.name, owner, old.sql, new.sql)
        if one.kind == "table" and tables[0] and tables[1]:
            yield from _columns(tables[0], tables[1])


def _columns(a: Table, b: Table) -> Iterator[SchemaChange]:
    old = {folded(column.name): column for column in a.columns if not column.hidden}
    new = {folded(column.name): column for column in b.columns if not column.hidden}
    for name in dict.fromkeys([*old, *new]):
        before, after = old.get(name), new.get(name)
        one = after or before
        assert one is not None
        if before is None:
            yield SchemaChange("added", "column", one.name, b.name, None, one.definition)
        elif after is None:
            yield SchemaChange("removed", "column", one.name, b.name, one.definition, None)
        elif _differs(before, after):
            old_text, new_text = before.definition, after.definition
            yield SchemaChange("changed", "column", one.name, b.name, old_text, new_text)


def _differs(before: Column, after: Column) -> bool:
    return (before.definition, before.primary, before.generated) != (
        after.definition,
        after.primary,
        after.generated,
    )
