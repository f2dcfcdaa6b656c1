"""Rows written: a block in one transaction, with the journal; a bad row alone is left out.

A block is written by one `executemany`. Where that fails, the block is rolled back and written
again row by row, which finds the rows that SQLite or a conversion refuses.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import apsw

from dbtool.core.names import identifier
from dbtool.transfer.columns import ColumnPlan, TablePlan, affinity
from dbtool.transfer.conversions import CONVERSIONS
from dbtool.transfer.formats.batch import Bad, Batch, Step
from dbtool.transfer.options import Mode
from dbtool.transfer.scan import with_nulls

__all__ = ["QUARANTINE_TABLE", "Loader", "insert_sql", "quarantine"]

QUARANTINE_TABLE: Final = "_dbtool_quarantine"

_REFUSED: Final = (
    ValueError,
    OverflowError,
    TypeError,
    apsw.ConstraintError,
    apsw.MismatchError,
    apsw.TooBigError,
    apsw.SQLError,
)
"""What a row can be refused with; all else ends the import."""
_BEGUN: Final = "when the import was begun"
_GUARDS: Final = {
    "integer": "guarded",
    "numeric": "guarded",
    "real": "guarded_real",
    "text": "only_text",
}
"""By affinity: the conversion of values of which it is not known that the column keeps them."""


class Loader:
    """Writes the rows of one import."""

    def __init__(
        self,
        connection: apsw.Connection,
        plans: Sequence[TablePlan],
        mode: Mode,
        nulls: frozenset[str],
        left_out: frozenset[str] = frozenset(),
    ) -> None:
        self._connection = connection
        self._plans = {plan.table: plan for plan in plans}
        self._nulls = nulls
        self._left_out = left_out
        self.unseen = False
        """The rows are not those that the plans were made for; each is looked at."""
        self._sql = {plan.table: insert_sql(plan, mode) for plan in plans}

    def write(self, step: Step) -> tuple[dict[str, int], list[Bad]]:
        """Write the rows of a step, in the caller's transaction.

        Returns:
            How many rows each table was given, and the records that were refused. A record that is
            refused in one table is in none.
        """
        counts = self._all_at_once(step)
        if counts is not None:
            return counts, []
        refused: dict[int, str] = {}
        counts = self._one_by_one(step, refused)
        bad = []
        for index in sorted(refused):
            line, raw = step.origin(index)
            bad.append(Bad(line, refused[index], raw))
        return counts, bad

    def _all_at_once(self, step: Step) -> dict[str, int] | None:
        counts: dict[str, int] = {}
        self._connection.execute("SAVEPOINT block")
        try:
            for batch in step.batches:
                if batch.rows:
                    bound = self._bound(batch, batch.rows)
                    self._connection.executemany(self._sql[batch.table], bound)
                counts[batch.table] = counts.get(batch.table, 0) + len(batch.rows)
        except _REFUSED:
            self._connection.execute("ROLLBACK TO block; RELEASE block")
            return None
        # What else fails, such as a full disk, has ended the transaction and all savepoints in it.
        self._connection.execute("RELEASE block")
        return counts

    def _one_by_one(self, step: Step, refused: dict[int, str]) -> dict[str, int]:
        """Write record by record, with all of its rows; note those that are refused."""
        counts = {batch.table: 0 for batch in step.batches}
        for index, rows in _by_record(step):
            self._connection.execute("SAVEPOINT record")
            try:
                for batch, row in rows:
                    for bound in self._bound(batch, [row]):
                        self._connection.execute(self._sql[batch.table], bound)
            except _REFUSED as error:
                self._connection.execute("ROLLBACK TO record; RELEASE record")
                refused[index] = _reason(error)
                continue
            self._connection.execute("RELEASE record")
            for batch, _ in rows:
                counts[batch.table] += 1
        return counts

    def _bound(self, batch: Batch, rows: Sequence[Sequence[Any]]) -> Sequence[Sequence[Any]]:
        """Return rows as they are bound."""
        plan = self._plans.get(batch.table)
        if plan is None:
            raise ValueError(f"it has rows of {batch.table}, which were not there {_BEGUN}")
        wanted = tuple(column.source for column in plan.columns)
        if (
            wanted == batch.names
            and not self.unseen
            and not self._nulls
            and all(column.conversion == "as_is" for column in plan.columns)
        ):
            return rows
        places = {name: place for place, name in enumerate(batch.names)}
        columns = list(zip(*rows, strict=True))
        if self.unseen:
            self._require_planned(wanted, batch.names, columns)
        absent = (None,) * len(rows)
        made = []
        for column in plan.columns:
            place = places.get(column.source)
            values = absent if place is None else with_nulls(columns[place], self._nulls)
            conversion = _guard(column) if self.unseen else column.conversion
            made.append(CONVERSIONS[conversion](values))
        return list(zip(*made, strict=True))

    def _require_planned(
        self, wanted: Sequence[str], names: Sequence[str], columns: Sequence[Sequence[Any]]
    ) -> None:
        for name, values in zip(names, columns, strict=True):
            known = name in wanted or name in self._left_out
            if not known and any(value is not None for value in values):
                raise ValueError(f"it has {name!r}, which was not there {_BEGUN}")


def _guard(column: ColumnPlan) -> str:
    if column.conversion != "as_is":
        return column.conversion
    return _GUARDS.get(affinity(column.declared), "as_is")


def _by_record(step: Step) -> Iterator[tuple[int, list[tuple[Batch, Sequence[Any]]]]]:
    grouped: dict[int, list[tuple[Batch, Sequence[Any]]]] = {}
    for batch in step.batches:
        for place, row in enumerate(batch.rows):
            index = place if batch.records is None else batch.records[place]
            grouped.setdefault(index, []).append((batch, row))
    yield from grouped.items()


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeEncodeError):
        return "it has half a surrogate pair, which no database text can have"
    return str(error)


def insert_sql(plan: TablePlan, mode: Mode) -> str:
    """Return the statement that writes one row."""
    names = [identifier(column.name) for column in plan.columns]
    verb = "INSERT OR REPLACE" if mode == "replace" else "INSERT"
    table = f"main.{identifier(plan.table)}"
    marks = ", ".join("?" * len(names))
    sql = f"{verb} INTO {table} ({', '.join(names)}) VALUES ({marks})"
    if mode == "ignore":
        return f"{sql} ON CONFLICT DO NOTHING"
    if mode != "upsert":
        return sql
    key = [identifier(name) for name in plan.key]
    sets = ", ".join(f"{name} = excluded.{name}" for name in names if name not in key)
    action = f"DO UPDATE SET {sets}" if sets else "DO NOTHING"
    return f"{sql} ON CONFLICT ({', '.join(key)}) {action}"


def quarantine(
    connection: apsw.Connection, source: str, table: str | None, bad: Sequence[Bad]
) -> None:
    """Keep records that were left out, with the reason, in the caller's transaction."""
    connection.execute(
        f"CREATE TABLE IF NOT EXISTS {QUARANTINE_TABLE}"
        '(source TEXT, "table" TEXT, line INTEGER, reason TEXT, raw)'
    )
    connection.executemany(
        f"INSERT INTO {QUARANTINE_TABLE} VALUES (?, ?, ?, ?, ?)",  # noqa: S608 - a constant
        ((source, table, each.line, each.reason, _as_text(each.raw)) for each in bad),
    )


def _as_text(raw: bytes) -> str | bytes:
    """Return text where it is; what is none is kept as the bytes that it was."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw
