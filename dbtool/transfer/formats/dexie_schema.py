"""Schema strings of Dexie (`++id, &unique, *multi, [a+b], address.zip`) as keys and indexes in SQL.

The first part of a string is the primary key, which may be empty: then the keys lie beside the
records (out of line) and get a column of their own. `++` numbers records, `&` is unique, `*`
indexes every entry of an array, `[a+b]` is a compound key, dots go into objects.

Source: https://dexie.org/docs/Version/Version.stores() and `parseIndexSyntax` of Dexie.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from dbtool.core.names import folded, identifier

__all__ = ["KEY_COLUMN", "MultiIndex", "Store", "StoreIndex", "parse_store", "within"]

KEY_COLUMN = "_key"
"""Holds keys that are no part of the record."""
_MARKS = "&*+ \t"


@dataclass(frozen=True, slots=True)
class StoreIndex:
    """One index; its entries are values of the record."""

    paths: tuple[str, ...]
    """Key paths, several for a compound index."""
    unique: bool
    multi: bool
    """Each entry of the array at the path is an entry of the index."""


@dataclass(frozen=True, slots=True)
class MultiIndex:
    """A multi-entry index, which is a table in SQL."""

    table: str
    path: str
    unique: bool

    def index_sql(self) -> str:
        """Return the statement that makes the index over the entries."""
        unique = "UNIQUE " if self.unique else ""
        name = identifier(f"idx_{self.table}_value")
        return f'CREATE {unique}INDEX {name} ON {identifier(self.table)}("value")'


@dataclass(frozen=True, slots=True)
class Store:
    """One object store, and the table that it becomes."""

    name: str
    key_paths: tuple[str, ...]
    """Empty: keys are out of line."""
    auto: bool
    """Keys were given out by counting."""
    indexes: tuple[StoreIndex, ...]
    multis: tuple[MultiIndex, ...]
    rows: int
    """As the export counts them."""

    @property
    def key(self) -> tuple[str, ...]:
        """Return the columns that name a row; a path into an object is a column of its own."""
        return self.key_paths or (KEY_COLUMN,)

    @property
    def child_key(self) -> tuple[str, ...]:
        """Return the columns of a child table that refer to the row."""
        return tuple(f"{self.name}_{name}" for name in self.key)

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the columns that a table has even if no record has a value for them."""
        paths = [path for index in self.indexes for path in index.paths]
        tops = [path.partition(".")[0] for path in paths]
        return tuple(dict.fromkeys((*self.key, *tops)))

    def index_sql(self) -> tuple[str, ...]:
        """Return the statements that make the indexes of the table itself."""
        plain = [index for index in self.indexes if not index.multi]
        return tuple(_index_sql(self.name, index, self.key) for index in plain)


def parse_store(name: str, schema: str, rows: int, taken: set[str]) -> Store:
    """Return what a schema string says.

    Args:
        name: of the object store.
        schema: the string.
        rows: how many the export says it has.
        taken: folded names that child tables must not have; theirs are added.

    Raises:
        ValueError: the string is none.
    """
    first, *others = [_index(part) for part in schema.split(",")]
    indexes = tuple(index for index in others if index.paths)
    multis = []
    for index in indexes:
        if index.multi:
            table = f"{name}_{index.paths[0].replace('.', '_')}"
            while folded(table) in taken:
                table += "_"
            taken.add(folded(table))
            multis.append(MultiIndex(table, index.paths[0], index.unique))
    auto = "++" in schema.split(",", maxsplit=1)[0]
    return Store(name, first.paths, auto, indexes, tuple(multis), rows)


def _index(part: str) -> StoreIndex:
    text = part.partition(":")[0].strip()  # what follows a colon is a type that Dexie made up
    path = text.lstrip(_MARKS)
    marks = text[: len(text) - len(path)]
    paths: tuple[str, ...] = (path,) if path else ()
    if path.startswith("["):
        if not path.endswith("]"):
            raise ValueError(f"{part.strip()!r} has no ] at its end")
        paths = tuple(each.strip() for each in path[1:-1].split("+"))
        if not all(paths):
            raise ValueError(f"{part.strip()!r} has a part without a name")
    return StoreIndex(paths, "&" in marks, "*" in marks)


def _index_sql(table: str, index: StoreIndex, key: tuple[str, ...]) -> str:
    name = identifier("_".join(("idx", table, *index.paths)))
    on = ", ".join(path_sql(path, path in key) for path in index.paths)
    return f"CREATE {'UNIQUE ' if index.unique else ''}INDEX {name} ON {identifier(table)}({on})"


def path_sql(path: str, is_column: bool = False) -> str:  # noqa: FBT001, FBT002 - one caller
    """Return the expression for the value at a key path; objects are JSON in their column."""
    top, dot, rest = path.partition(".")
    if is_column or not dot:
        return identifier(path)
    steps = "".join("." + json.dumps(part, ensure_ascii=False) for part in rest.split("."))
    quoted = ("$" + steps).replace("'", "''")
    column = identifier(top)
    return f"CASE WHEN json_valid({column}) THEN json_extract({column}, '{quoted}') END"


def within(record: object, path: str) -> object:
    """Return the value at a key path; None where there is none."""
    for name in path.split("."):
        if not isinstance(record, dict):
            return None
        record = record.get(name)
    return record
