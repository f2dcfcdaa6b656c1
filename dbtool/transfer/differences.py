"""What differs between the tables of two databases of one connection, value by value.

Compared are the columns that the source has, row by row where a key names them, else as a heap of
rows in which equal ones are counted. Values are equal if type and bytes are: 1 is not 1.0, and no
collation makes `a` of `A`. Nothing is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import apsw

from dbtool.core.names import identifier

__all__ = ["STAGED", "Comparison", "TableDifference", "compare", "matching", "unequal"]

STAGED = "staged"
"""Name of the database that holds what the source has."""
_EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is compared."""

    table: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    """Empty: rows are compared whole."""


@dataclass(frozen=True, slots=True)
class TableDifference:
    """How a table of the database differs from the source."""

    table: str
    source_rows: int
    database_rows: int
    missing: int
    """Rows of the source that the database does not have."""
    changed: int
    """Rows of both whose values differ."""
    extra: int
    """Rows of the database that the source does not have."""
    columns: dict[str, int]
    """How many rows differ, by column; those that do not are left out."""
    examples: dict[str, tuple[tuple[Any, ...], ...]]
    """Keys of the first rows that are missing, changed or extra."""

    @property
    def equal(self) -> bool:
        """Return whether nothing differs."""
        return not (self.missing or self.changed or self.extra)


def compare(connection: apsw.Connection, what: Comparison) -> TableDifference:
    """Return how `main` differs from `staged` in one table, in the caller's transaction."""
    source = _count(connection, STAGED, what.table)
    database = _count(connection, "main", what.table)
    if not what.key:
        missing, extra = _unkeyed(connection, what)
        return TableDifference(what.table, source, database, missing, 0, extra, {}, {})
    examples: dict[str, tuple[tuple[Any, ...], ...]] = {}
    missing = _lacking(connection, what, (STAGED, "main"), "missing", examples)
    extra = _lacking(connection, what, ("main", STAGED), "extra", examples)
    changed, columns = _changed(connection, what, examples)
    return TableDifference(what.table, source, database, missing, changed, extra, columns, examples)


def matching(what: Comparison) -> str:
    """Return the condition under which `d`, of the database, and `s`, of the source, are a row."""
    return " AND ".join(f"d.{identifier(n)} IS s.{identifier(n)}" for n in what.key)


def unequal(names: Sequence[str]) -> str:
    """Return the condition under which `d` and `s` differ; balanced, as SQLite bounds the depth."""
    if len(names) > 1:
        half = len(names) // 2
        return f"({unequal(names[:half])} OR {unequal(names[half:])})"
    return _unequal(names[0])


def _unequal(name: str) -> str:
    d, s = f"d.{identifier(name)}", f"s.{identifier(name)}"
    return f"({d} COLLATE BINARY IS NOT {s} COLLATE BINARY OR typeof({d}) <> typeof({s}))"


def _count(connection: apsw.Connection, schema: str, table: str) -> int:
    return _number(connection, f"SELECT count(*) FROM {schema}.{identifier(table)}")  # noqa: S608 - quoted


def _number(connection: apsw.Connection, sql: str) -> int:
    return int(connection.execute(sql).fetchall()[0][0])  # type: ignore[arg-type]


def _lacking(
    connection: apsw.Connection,
    what: Comparison,
    schemas: tuple[str, str],
    kind: str,
    examples: dict[str, tuple[tuple[Any, ...], ...]],
) -> int:
    one, other = schemas
    a, b = ("s", "d") if one == STAGED else ("d", "s")
    table = identifier(what.table)
    rest = (
        f"FROM {one}.{table} AS {a} WHERE NOT EXISTS"  # noqa: S608 - quoted
        f" (SELECT 1 FROM {other}.{table} AS {b} WHERE {matching(what)})"
    )
    count = _number(connection, f"SELECT count(*) {rest}")
    if count:
        examples[kind] = _keys(connection, what, a, rest)
    return count


def _changed(
    connection: apsw.Connection,
    what: Comparison,
    examples: dict[str, tuple[tuple[Any, ...], ...]],
) -> tuple[int, dict[str, int]]:
    table = identifier(what.table)
    rest = (
        f"FROM {STAGED}.{table} AS s CROSS JOIN main.{table} AS d"
        f" WHERE {matching(what)} AND {unequal(what.columns)}"
    )
    count = _number(connection, f"SELECT count(*) {rest}")
    if not count:
        return 0, {}
    examples["changed"] = _keys(connection, what, "s", rest)
    sums = ", ".join(f"sum{_unequal(name)}" for name in what.columns)
    (counts,) = connection.execute(f"SELECT {sums} {rest}").fetchall()
    return count, {n: int(c) for n, c in zip(what.columns, counts, strict=True) if c}


def _keys(
    connection: apsw.Connection, what: Comparison, alias: str, rest: str
) -> tuple[tuple[Any, ...], ...]:
    names = ", ".join(f"{alias}.{identifier(name)}" for name in what.key)
    return tuple(connection.execute(f"SELECT {names} {rest} LIMIT {_EXAMPLES}"))


def _unkeyed(connection: apsw.Connection, what: Comparison) -> tuple[int, int]:
    """Return how many rows only the source has, and only the database; copies count."""
    names = [identifier(name) for name in what.columns]
    values = ", ".join(f"{name} COLLATE BINARY AS c{n}" for n, name in enumerate(names))
    types = ", ".join(f"typeof({name}) AS t{n}" for n, name in enumerate(names))
    grouped = ", ".join(f"c{n}, t{n}" for n in range(len(names)))
    table = identifier(what.table)
    sql = (
        "SELECT total(max(n, 0)), total(max(-n, 0)) FROM (SELECT sum(way) AS n FROM ("  # noqa: S608 - quoted
        f"SELECT {values}, {types}, 1 AS way FROM {STAGED}.{table}"
        f" UNION ALL SELECT {values}, {types}, -1 FROM main.{table}) GROUP BY {grouped})"
    )
    ((missing, extra),) = connection.execute(sql).fetchall()
    return int(float(str(missing))), int(float(str(extra)))
