"""Rows into the tables of the new database, and those that no table takes into lost_and_found.

A row that a table refuses (its rowid or a unique value is there already, NOT NULL, CHECK) is
counted by the reason and goes to lost_and_found, so nothing that was read is dropped.
The columns of lost_and_found are those of the `.recover` command of sqlite3: rootpgno, pgno,
nfield, id, c0, c1 and so on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import length_hint
from typing import Final

import apsw

from dbtool.integrity.newdatabase import NewDatabase
from dbtool.integrity.rowreader import PageRows, Row
from dbtool.integrity.shapes import TableShape
from dbtool.pages.records import RawText, Value

__all__ = ["Loader", "LostAndFound", "Totals"]

_MOST_FIELDS: Final = 1900
"""SQLite allows 2000 columns; rows with more are cut in lost_and_found, and counted."""
_REFUSALS: Final = (apsw.ConstraintError, apsw.MismatchError, apsw.TooBigError)
_REASONS: Final = {
    apsw.SQLITE_CONSTRAINT_PRIMARYKEY: "key exists already",
    apsw.SQLITE_CONSTRAINT_ROWID: "key exists already",
    apsw.SQLITE_CONSTRAINT_UNIQUE: "unique value exists already",
    apsw.SQLITE_CONSTRAINT_NOTNULL: "NULL where it is not allowed",
    apsw.SQLITE_CONSTRAINT_CHECK: "CHECK failed",
    apsw.SQLITE_CONSTRAINT_DATATYPE: "type that STRICT does not allow",
}


class Totals:
    """Counts of one table while it is loaded."""

    def __init__(self) -> None:
        self.in_tree = 0
        self.orphans = 0
        self.rescued = 0
        self.lost_cells = 0
        self.rejected: dict[str, int] = {}


class LostAndFound:
    """The table of rows without a table, made with its first row.

    Attributes:
        name: empty while there are no rows.
        rows: how many there are.
        cut: how many of them had more fields than a table can have columns.
    """

    def __init__(self, database: NewDatabase) -> None:
        self.name = ""
        self.rows = 0
        self.cut = 0
        self._database = database
        self._columns = 0

    def add(self, root: int, page: int, rows: Iterable[tuple[int | None, Sequence[Value]]]) -> None:
        """Keep rows of a page.

        Args:
            root: the highest page that leads there.
            page: where they lie.
            rows: (rowid, None where there is none; fields).
        """
        for count, group in groupby(rows, key=lambda row: len(row[1])):
            kept = min(count, _MOST_FIELDS)
            self._widen(kept)
            for rowid, values in group:
                self.cut += count > kept
                self.rows += 1
                row = [root, page, count, rowid, *values[:kept]]
                marks = ",".join(
                    "CAST(? AS TEXT)" if isinstance(value, RawText) else "?" for value in row
                )
                names = ",".join(f"c{at}" for at in range(kept))
                columns = "rootpgno,pgno,nfield,id" + ("," if kept else "") + names
                self._database.connection.execute(
                    f"INSERT INTO {self.name}({columns}) VALUES ({marks})",  # noqa: S608 - our names
                    row,
                )

    def _widen(self, count: int) -> None:
        connection = self._database.connection
        if not self.name:
            taken = {
                name.lower() for (name,) in connection.execute("SELECT name FROM sqlite_schema")
            }
            names = ("lost_and_found", *(f"lost_and_found_{at}" for at in range(len(taken) + 1)))
            self.name = next(name for name in names if name not in taken)
            columns = "".join(f", c{at}" for at in range(count))
            connection.execute(
                f"CREATE TABLE {self.name}"
                f"(rootpgno INTEGER, pgno INTEGER, nfield INTEGER, id INTEGER{columns})"
            )
            self._columns = count
        for at in range(self._columns, count):
            connection.execute(f"ALTER TABLE {self.name} ADD COLUMN c{at}")
        self._columns = max(self._columns, count)


class Loader:
    """Puts the rows of pages into one table.

    Attributes:
        shape: of the table.
        totals: of what was put, and what was not.
    """

    def __init__(self, database: NewDatabase, shape: TableShape, lost: LostAndFound) -> None:
        self.shape = shape
        self.totals = Totals()
        self._database = database
        self._lost = lost
        self._statements: dict[int, str] = {}

    def load(self, found: PageRows, *, root: int, page: int, orphan: bool) -> None:
        """Put rows.

        Args:
            found: the rows of one page.
            root: the highest page that leads to them.
            page: where they lie.
            orphan: whether no tree leads there.
        """
        before = sum(self.totals.rejected.values())
        for count, rows in _runs(found.rows):
            if count > len(self.shape.fields):
                self._reject(rows, "more fields than the table has columns", root, page)
            elif found.has_raw_text:
                for row in rows:
                    self._insert(count, [row], root, page, raw=_raw_fields(row))
            else:
                self._insert(count, rows, root, page)
        kept = len(found.rows) - sum(self.totals.rejected.values()) + before
        if orphan:
            self.totals.orphans += kept
        else:
            self.totals.in_tree += kept
        self.totals.rescued += found.rescued
        self.totals.lost_cells += found.lost

    def _insert(
        self, count: int, rows: list[Row], root: int, page: int, *, raw: Sequence[int] = ()
    ) -> None:
        converted = self.shape.rows(rows, count)
        if raw:
            marks = [at for at, value in enumerate(converted[0]) if isinstance(value, RawText)]
            sql = self.shape.insertion(count, marks)
        else:
            sql = self._statements.get(count) or self._statement(count)
        waiting = iter(converted)
        while True:
            try:
                self._database.connection.executemany(sql, waiting)
                return
            except _REFUSALS as error:
                # The iterator stands behind the row that was refused.
                at = len(converted) - length_hint(waiting) - 1
                self._reject([rows[at]], _reason(error), root, page)

    def _statement(self, count: int) -> str:
        sql = self._statements[count] = self.shape.insertion(count)
        return sql

    def _reject(self, rows: list[Row], reason: str, root: int, page: int) -> None:
        rejected = self.totals.rejected
        rejected[reason] = rejected.get(reason, 0) + len(rows)
        without_rowid = self.shape.without_rowid
        kept = ((None if without_rowid else rowid, values) for rowid, values in rows)
        self._lost.add(root, page, kept)


def _runs(rows: list[Row]) -> Iterator[tuple[int, list[Row]]]:
    """Yield runs of rows with equally many fields, mostly all of a page."""
    if len({len(values) for _, values in rows}) == 1:
        yield len(rows[0][1]), rows
        return
    for count, group in groupby(rows, key=lambda row: len(row[1])):
        yield count, list(group)


def _raw_fields(row: Row) -> list[int]:
    return [at for at, value in enumerate(row[1]) if isinstance(value, RawText)]


def _reason(error: apsw.Error) -> str:
    if isinstance(error, apsw.TooBigError):
        return "longer than SQLite allows"
    return _REASONS.get(getattr(error, "extendedresult", 0), "refused by a constraint")
