"""A schema at one moment of a migration, with what the rules ask of it; read when first asked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import apsw

from dbtool.core.names import folded, identifier
from dbtool.core.schema import Item, Schema, Table
from dbtool.migrate.canonical import meaning, meaningful
from dbtool.migrate.replica import Replica

__all__ = ["ForeignKey", "Look", "checks_of"]

_FIRES: Final = frozenset({"CASCADE", "SET NULL", "SET DEFAULT"})


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """One foreign key."""

    child: str
    parent: str
    columns: tuple[str, ...]
    """Of the child."""
    on_delete: str

    @property
    def fires(self) -> bool:
        """Whether deleting a parent row changes the child."""
        return self.on_delete in _FIRES


class Look:
    """What a replica holds now; stays as it is when the replica goes on.

    Everything is read at once, as the replica is another one a moment later.
    """

    def __init__(self, replica: Replica) -> None:
        self.schema: Schema = replica.schema()
        self.foreign_keys = tuple(_foreign_keys(replica, self.schema))
        self.broken_views = _broken_views(replica, self.schema)
        """Views that cannot be read, by folded name, with what SQLite says."""
        self.strict = frozenset(
            folded(name)
            for (name,) in replica.rows(
                "SELECT name FROM pragma_table_list WHERE schema = 'main' AND strict"
            )
        )
        self.indexed = _indexed(replica, self.schema)
        """Leading columns of every index and key, by folded table."""

    @cached_property
    def tables(self) -> dict[str, Table]:
        """Tables that somebody made, by folded name."""
        return {
            name: table
            for name, table in self.schema.tables.items()
            if table.kind != "shadow" and not name.startswith("sqlite_")
        }

    def table(self, name: str) -> Table | None:
        """Return a table in any case."""
        return self.tables.get(folded(name))

    def columns(self, name: str) -> tuple[str, ...]:
        """Return the folded names of a table's columns that hold values."""
        table = self.table(name)
        return tuple(map(folded, table.stored)) if table else ()

    def parts(self, kind: str, table: str) -> dict[str, Item]:
        """Return the indexes or triggers that somebody made on a table, by folded name."""
        return {
            name: item
            for (each, name), item in self.schema.items.items()
            if each == kind and item.sql and folded(item.table) == folded(table)
        }

    def children(self, parent: str) -> list[ForeignKey]:
        """Return the foreign keys of other tables onto a table."""
        wanted = folded(parent)
        return [
            key
            for key in self.foreign_keys
            if folded(key.parent) == wanted and folded(key.child) != wanted
        ]


def checks_of(sql: str) -> dict[tuple[str, ...], str]:
    """Return the CHECK constraints of a CREATE TABLE: their meaning and their text."""
    listed = meaningful(sql)
    found: dict[tuple[str, ...], str] = {}
    for at, token in enumerate(listed):
        if token.kind != "word" or token.text.upper() != "CHECK":
            continue
        depth, end = 0, at + 1
        for end in range(at + 1, len(listed)):
            depth += (listed[end].text == "(") - (listed[end].text == ")")
            if depth == 0:
                break
        inner = listed[at + 1 : end + 1]
        text = sql[token.start : inner[-1].start + 1] if inner else ""
        found[meaning(inner)] = " ".join(text.split())
    return found


def _foreign_keys(replica: Replica, schema: Schema) -> list[ForeignKey]:
    keys: dict[tuple[str, int], ForeignKey] = {}
    for table in schema.tables.values():
        if table.kind != "table":
            continue
        rows = replica.rows(
            'SELECT id, "table", "from", on_delete FROM pragma_foreign_key_list(?)'
            " ORDER BY id, seq",
            (table.name,),
        )
        for number, parent, column, on_delete in rows:
            at = (table.name, number)
            old = keys.get(at) or ForeignKey(table.name, parent, (), on_delete)
            keys[at] = replace(old, columns=(*old.columns, column))
    return list(keys.values())


def _broken_views(replica: Replica, schema: Schema) -> dict[str, str]:
    broken = {}
    for (kind, name), item in schema.items.items():
        if kind != "view":
            continue
        try:
            replica.rows(f"EXPLAIN SELECT 1 FROM {identifier(item.name)}")  # noqa: S608 - quoted
        except apsw.Error as error:
            broken[name] = str(error)
    return broken


def _indexed(replica: Replica, schema: Schema) -> dict[str, list[tuple[str, ...]]]:
    found: dict[str, list[tuple[str, ...]]] = {}
    for key, table in schema.tables.items():
        listed = [(folded(table.alias),)] if table.alias else []
        rows = replica.rows(
            "SELECT l.name, x.name FROM pragma_index_list(?) l, pragma_index_xinfo(l.name) x "
            "WHERE NOT l.partial AND x.key ORDER BY l.name, x.seqno",
            (table.name,),
        )
        indexes: dict[str, list[str]] = {}
        for index, column in rows:
            indexes.setdefault(index, []).append(folded(column or ""))
        found[key] = [*listed, *map(tuple, indexes.values())]
    return found
