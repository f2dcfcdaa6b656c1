"""The rows of one table on both sides, joined by their key inside SQLite.

Rows are matched by what names them: the declared PRIMARY KEY, else the rowid (an INTEGER PRIMARY
KEY is the rowid). Two values are equal when their types and contents are: 1 is not 1.0, 'a' is not
'A' whatever the collation, and 0.0 is -0.0. Generated columns are not compared, as they follow from
the others.

Only rows in the ranges given are looked at; where there are none, the whole table is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Final, NamedTuple

import apsw

from dbtool.core.names import folded, identifier
from dbtool.core.schema import KeyPart, Table, select
from dbtool.errors import Refused
from dbtool.pages.records import RawText, Value
from dbtool.rows.sets import Ranges

__all__ = ["Counts", "OneSided", "Pair", "TableComparison", "common_columns"]

_MOST_SELECTED: Final = 1900
_RANGES_PER_PART: Final = 256
"""Most hold one or two leaves; so many fit in SQLite's cache of each side."""
_CODECS: Final = {"UTF-8": "utf-8", "UTF-16le": "utf-16-le", "UTF-16be": "utf-16-be"}


class Counts(NamedTuple):
    """How many rows differ."""

    added: int
    removed: int
    changed: int
    moved: int
    """The same values under another rowid."""


class Pair(NamedTuple):
    """A row on both sides; None where there is none."""

    old_rowid: int | None
    """Also None in tables without rowid."""
    new_rowid: int | None
    old: tuple[Value, ...] | None
    new: tuple[Value, ...] | None


class _Pass(NamedTuple):
    """One way to match rows, for a part of them."""

    match: str
    """Joins x and y; the same both ways round."""
    x_rows: str
    y_rows: str


def common_columns(a: Table, b: Table) -> list[tuple[str, str]]:
    """Return the names, on either side, of the columns that both store, in the order of `b`."""
    there = {folded(name): name for name in a.stored}
    return [(there[folded(name)], name) for name in b.stored if folded(name) in there]


class TableComparison:
    """One table of the schemas `a` and `b` of a connection.

    Args:
        connection: with both sides attached.
        a: the table in a.
        b: the table in b.
        ranges: rowids that may differ, merged; None: any row may.

    Raises:
        Refused: `rows-not-comparable`, nothing names the rows on both sides.
    """

    def __init__(
        self, connection: apsw.Connection, a: Table, b: Table, ranges: Ranges | None
    ) -> None:
        self._connection = connection
        self.a, self.b = a, b
        self.columns = common_columns(a, b)
        self.rowids = a.rowid is not None and b.rowid is not None
        self.key = _common_key(a, b)
        if not self.key and not self.rowids:
            raise Refused(
                "rows-not-comparable",
                f"the rows of {b.name} cannot be matched",
                context="nothing names a row on both sides: neither a rowid nor the same key",
            )
        self._ranges = ranges if self.rowids else None
        self._codec = _CODECS[str(connection.pragma("encoding"))]

    @property
    def key_columns(self) -> tuple[str, ...]:
        """Names of the columns that name a row; the name of the rowid where there are none."""
        if self.key:
            return tuple(part.column for part in self.key)
        return (self.b.alias or self.b.rowid or "rowid",)

    def count(self) -> Counts:
        """Count the rows that differ."""
        removed = changed = moved = added = 0
        # Within a LIMIT the columns stay out of the aggregate, which takes 2000 terms.
        apart = " LIMIT -1" if 4 * len(self.columns) > _MOST_SELECTED else ""
        for one in self._parts():
            states = f"(SELECT {self._state()} AS state {self._old_side(one)}{apart})"
            numbers = ", ".join(f"count(*) FILTER (WHERE state = {state})" for state in range(3))
            gone, differing, elsewhere = select(
                self._connection, f"SELECT {numbers} FROM {states}"
            )[0]
            removed, changed, moved = removed + gone, changed + differing, moved + elsewhere
            added += select(self._connection, f"SELECT count(*) {self._new_side(one)}")[0][0]
        return Counts(added, removed, changed, moved)

    def pairs(self, *, moved: bool = False) -> Iterator[Pair]:
        """Yield the rows that differ: removed and changed ones by key, then those added.

        Args:
            moved: those that differ in nothing but their rowid too.

        Raises:
            Refused: `table-too-wide`.
        """
        width = len(self.columns)
        if 4 * width + 2 > _MOST_SELECTED:
            raise too_wide(self.b.name, width)
        old = _values("x", [name for name, _ in self.columns])
        new = _values("y", [name for _, name in self.columns])
        state, most = self._state(), 2 if moved else 1
        grown = []
        for at, one in enumerate(self._parts()):
            sql = (
                f"SELECT {self._rowid('x')}, {self._rowid('y')}, {state},"
                f" {old}, {new} {self._old_side(one)} AND {state} <= {most}"
            )
            for row in self._connection.execute(sql):
                here = _decoded(row[3 : 3 + 2 * width], self._codec)
                gone = row[2] == 0
                there = None if gone else _decoded(row[3 + 2 * width :], self._codec)
                yield Pair(row[0], None if gone else row[1], here, there)
            if select(self._connection, f"SELECT EXISTS(SELECT 1 {self._new_side(one)})")[0][0]:
                grown.append(at)
        for one in self._parts(grown):
            sql = f"SELECT {self._rowid('y')}, {new} {self._new_side(one)}"
            for row in self._connection.execute(sql):
                yield Pair(None, row[0], None, _decoded(row[1:], self._codec))

    def _parts(self, chosen: Collection[int] | None = None) -> Iterator[_Pass]:
        """Yield what to run, with `temp.ranges` filled for it.

        A part looks at few enough ranges that their pages are still in memory when it looks from
        the other side. `chosen`: only these of them, counted from 0; None: all.
        """
        passes = self._passes()
        pieces = 1 if self._ranges is None else -(-len(self._ranges) // _RANGES_PER_PART)
        for piece in range(pieces):
            numbers = range(piece * len(passes), (piece + 1) * len(passes))
            wanted = [n for n in numbers if chosen is None or n in chosen]
            if wanted:
                self._load_ranges(piece)
            for number in wanted:
                yield passes[number - numbers.start]

    # -- the statements

    def _old_side(self, one: _Pass) -> str:
        source = f"a.{identifier(self.a.name)} AS x"
        there = f"b.{identifier(self.b.name)} AS y"
        return (
            f"FROM {self._within('x', source)} LEFT JOIN {there} ON {one.match} AND {one.y_rows}"
            f" WHERE {self._in_range('x')} AND {one.x_rows}"
        )

    def _new_side(self, one: _Pass) -> str:
        source = f"b.{identifier(self.b.name)} AS y"
        there = f"a.{identifier(self.a.name)} AS x"
        return (
            f"FROM {self._within('y', source)} LEFT JOIN {there} ON {one.match} AND {one.x_rows}"
            f" WHERE {self._in_range('y')} AND {one.y_rows} AND {self._absent('x')}"
        )

    def _within(self, _side: str, source: str) -> str:
        return source if self._ranges is None else f"temp.ranges AS r CROSS JOIN {source}"

    def _in_range(self, side: str) -> str:
        if self._ranges is None:
            return "true"
        return f"{self._rowid(side)} BETWEEN r.first AND r.last"

    def _rowid(self, side: str) -> str:
        if not self.rowids:
            return "NULL"
        table = self.a if side == "x" else self.b
        return f"{side}.{identifier(table.rowid or '')}"

    def _absent(self, side: str) -> str:
        table = self.a if side == "x" else self.b
        name = self._rowid(side) if self.rowids else f"{side}.{identifier(table.key[0].column)}"
        return f"{name} IS NULL"

    def _state(self) -> str:
        """0 removed, 1 changed, 2 moved, NULL the same."""
        differ = _any_of(
            [
                f"x.{identifier(old)} IS NOT y.{identifier(new)} COLLATE BINARY"
                f" OR typeof(x.{identifier(old)}) <> typeof(y.{identifier(new)})"
                for old, new in self.columns
            ]
        )
        elsewhere = f"WHEN {self._rowid('x')} <> {self._rowid('y')} THEN 2" if self.rowids else ""
        return f"CASE WHEN {self._absent('y')} THEN 0 WHEN {differ} THEN 1 {elsewhere} END"

    def _passes(self) -> list[_Pass]:
        rowids = f"{self._rowid('x')} = {self._rowid('y')}"
        if not self.key:
            return [_Pass(rowids, "true", "true")]
        matched = " AND ".join(
            f"x.{identifier(part.column)} = y.{identifier(part.column)}"
            f" COLLATE {identifier(part.collation)}"
            for part in self.key
        )
        if not self.rowids:
            return [_Pass(matched, "true", "true")]
        # SQLite lets a declared key be NULL, and then it names nothing: the rowid must do.
        return [
            _Pass(matched, self._some_null("x", negated=True), self._some_null("y", negated=True)),
            _Pass(rowids, self._some_null("x"), self._some_null("y")),
        ]

    def _some_null(self, side: str, *, negated: bool = False) -> str:
        nulls = " OR ".join(f"{side}.{identifier(part.column)} IS NULL" for part in self.key)
        return f"NOT ({nulls})" if negated else f"({nulls})"

    def _load_ranges(self, piece: int) -> None:
        if self._ranges is None:
            return
        self._connection.execute("CREATE TEMP TABLE IF NOT EXISTS ranges(first INT, last INT)")
        start = piece * _RANGES_PER_PART
        with self._connection:
            self._connection.execute("DELETE FROM temp.ranges")
            self._connection.executemany(
                "INSERT INTO temp.ranges VALUES(?, ?)",
                self._ranges.part(start, start + _RANGES_PER_PART),
            )


def too_wide(table: str, width: int) -> Refused:
    """Return the error for a table with more columns than a statement can compare."""
    return Refused(
        "table-too-wide",
        f"the rows of {table} cannot be shown",
        context=f"it has {width} columns; SQLite joins no more than {_MOST_SELECTED // 4}",
    )


def _decoded(values: Sequence[Value], codec: str) -> tuple[Value, ...]:
    return tuple(
        _text(values[at + 1], codec) if values[at] else values[at + 1]
        for at in range(0, len(values), 2)
    )


def _common_key(a: Table, b: Table) -> tuple[KeyPart, ...]:
    """Return the declared key, where both sides have the same; or else nothing."""

    def names(table: Table) -> list[tuple[str, str]]:
        return [(folded(part.column), folded(part.collation)) for part in table.key]

    return b.key if names(a) == names(b) else ()


def _values(side: str, names: Sequence[str]) -> str:
    """Select each column as (whether it is text, its value), text as its bytes."""
    parts = []
    for name in names:
        column = f"{side}.{identifier(name)}"
        parts.append(f"typeof({column}) = 'text'")
        parts.append(f"iif(typeof({column}) = 'text', CAST({column} AS BLOB), {column})")
    return ", ".join(parts) or "NULL"


def _text(raw: Value, codec: str) -> Value:
    assert isinstance(raw, bytes)
    try:
        return raw.decode(codec)
    except UnicodeDecodeError:
        return RawText(raw)


def _any_of(conditions: Sequence[str]) -> str:
    """Join conditions by OR as a tree that is no deeper than it must be."""
    if not conditions:
        return "false"
    if len(conditions) == 1:
        return f"({conditions[0]})"
    middle = len(conditions) // 2
    return f"({_any_of(conditions[:middle])} OR {_any_of(conditions[middle:])})"


class OneSided:
    """A table that only one side has: every row was added, or removed.

    Args:
        connection: with both sides attached.
        table: the table.
        side: the schema it is in, `a` or `b`.
    """

    def __init__(self, connection: apsw.Connection, table: Table, side: str) -> None:
        self._connection = connection
        self._side = side
        self._codec = _CODECS[str(connection.pragma("encoding"))]
        self._name = f"{side}.{identifier(table.name)}"
        self._rowid = f"x.{identifier(table.rowid)}" if table.rowid else "NULL"
        self.columns = [(name, name) for name in table.stored]
        self.key = table.key
        self.key_columns = tuple(part.column for part in table.key) or (
            table.alias or table.rowid or "rowid",
        )

    def count(self) -> Counts:
        """Count the rows."""
        number = select(self._connection, f"SELECT count(*) FROM {self._name}")[0][0]
        return Counts(number, 0, 0, 0) if self._side == "b" else Counts(0, number, 0, 0)

    def pairs(self, *, moved: bool = False) -> Iterator[Pair]:
        """Yield the rows; `moved` makes no difference."""
        del moved
        width = len(self.columns)
        if 2 * width + 1 > _MOST_SELECTED:
            raise too_wide(self._name, width)
        values = _values("x", [name for name, _ in self.columns])
        for row in self._connection.execute(
            f"SELECT {self._rowid}, {values} FROM {self._name} AS x"
        ):
            content = _decoded(row[1:], self._codec)
            if self._side == "b":
                yield Pair(None, row[0], None, content)
            else:
                yield Pair(row[0], None, content, None)
