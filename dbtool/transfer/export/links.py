"""Foreign keys of a database: the declared ones, and those that only names and values show.

A key is detected where a column is called after another table (`user_id`, `UserId`, or as the
primary key of that table itself), has values, and each of them is there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import apsw

from dbtool.core.names import folded, identifier
from dbtool.core.progress import Progress
from dbtool.core.schema import Schema, Table, select
from dbtool.core.stoppable import stoppable

__all__ = ["Link", "declared_links", "detected_links", "key_columns"]

_REFERS: Final = re.compile(r"(.+?)_?id", re.IGNORECASE)
_PLURALS: Final = ("", "s", "es")


@dataclass(frozen=True, slots=True)
class Link:
    """Rows of one table that refer to rows of another."""

    child: str
    columns: tuple[str, ...]
    parent: str
    to: tuple[str, ...]
    declared: bool
    """False: detected by names and values."""

    def __str__(self) -> str:
        mark = "" if self.declared else " (detected)"
        return f"{self.child}({', '.join(self.columns)}) -> {self.parent}{mark}"


def key_columns(table: Table) -> tuple[str, ...]:
    """Return the columns of the primary key; none where there is none."""
    primary = sorted((c for c in table.columns if c.primary), key=lambda c: c.primary)
    return tuple(column.name for column in primary)


def declared_links(connection: apsw.Connection, schema: Schema) -> list[Link]:
    """Return the foreign keys between tables that are there; others refer to nothing."""
    found = []
    for table in _ordinary(schema):
        keys: dict[int, list[tuple[str, str, str | None]]] = {}
        for number, _, parent, column, to, *_ in select(
            connection, f"PRAGMA main.foreign_key_list({identifier(table.name)})"
        ):
            keys.setdefault(number, []).append((str(parent), str(column), to))
        for parts in reversed(keys.values()):
            other = schema.tables.get(folded(parts[0][0]))
            if other is None or other.kind != "table":
                continue
            to = tuple(str(part[2]) for part in parts if part[2] is not None) or key_columns(other)
            columns = tuple(part[1] for part in parts)
            if len(to) == len(columns):
                found.append(Link(table.name, columns, other.name, to, declared=True))
    return found


def detected_links(
    connection: apsw.Connection, schema: Schema, declared: list[Link], progress: Progress
) -> list[Link]:
    """Return foreign keys that are not declared, each proven by every value of its column."""
    taken = {(folded(link.child), folded(column)) for link in declared for column in link.columns}
    candidates = [
        link
        for link in _candidates(schema)
        if (folded(link.child), folded(link.columns[0])) not in taken
    ]
    progress.start("looking for foreign keys", len(candidates), "columns")
    found = []
    for link in candidates:
        with stoppable(connection, progress):
            if _holds(connection, link):
                found.append(link)
        progress.advance(1)
    progress.finish()
    return found


def _candidates(schema: Schema) -> Iterator[Link]:
    keyed = {
        folded(table.name): (table, key_columns(table)[0])
        for table in _ordinary(schema)
        if len(key_columns(table)) == 1
    }
    by_key = {folded(key): table for table, key in keyed.values() if folded(key) != "id"}
    for table in _ordinary(schema):
        own = key_columns(table)
        for column in table.stored:
            if own == (column,):
                continue
            parent = by_key.get(folded(column)) or _called(column, keyed)
            if parent is not None:
                key = keyed[folded(parent.name)][1]
                yield Link(table.name, (column,), parent.name, (key,), declared=False)


def _called(column: str, keyed: dict[str, tuple[Table, str]]) -> Table | None:
    match = _REFERS.fullmatch(column)
    stem = folded(match[1]) if match else ""
    names = [stem + plural for plural in _PLURALS] + [f"{stem[:-1]}ies"]
    return next((keyed[name][0] for name in names if stem and name in keyed), None)


def _holds(connection: apsw.Connection, link: Link) -> bool:
    child, column = identifier(link.child), identifier(link.columns[0])
    there = f"SELECT 1 FROM main.{identifier(link.parent)} p WHERE p.{identifier(link.to[0])}"
    some, lost = select(
        connection,
        f"SELECT EXISTS (SELECT 1 FROM main.{child} c WHERE c.{column} IS NOT NULL),"
        f" EXISTS (SELECT 1 FROM main.{child} c WHERE c.{column} IS NOT NULL"
        f" AND NOT EXISTS ({there} = c.{column}))",
    )[0]
    return bool(some) and not lost


def _ordinary(schema: Schema) -> Iterator[Table]:
    return (
        table
        for table in schema.tables.values()
        if table.kind == "table" and not folded(table.name).startswith("sqlite_")
    )
