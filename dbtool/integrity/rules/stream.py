"""One pass over the rows of a table for all rules that are judged in Python."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import apsw

from dbtool.core.names import identifier
from dbtool.integrity.rules.model import Offender, RuleResult
from dbtool.integrity.rules.resolve import Prepared
from dbtool.integrity.rules.table import (
    SHOWN_BYTES,
    Table,
    cells,
    decoder,
    read_cells,
    shown,
)
from dbtool.integrity.rules.watch import Watch

__all__ = ["judge_stream"]

LONGEST_BYTES: Final = 8 << 20
"""Longer values are not judged but reported, so that memory stays bounded."""
_ROWS_A_STEP: Final = 1000


def judge_stream(
    rules: list[Prepared], connection: apsw.Connection, table: Table, limit: int, watch: Watch
) -> dict[int, RuleResult]:
    """Return what became of rules with validators, by their numbers."""
    stream = _Stream(connection, table, sorted({rule.columns[0] for rule in rules}))
    totals = dict.fromkeys((rule.number for rule in rules), 0)
    found: dict[int, list[Offender]] = {rule.number: [] for rule in rules}
    plan = [(rule, rule.validator, stream.place(rule.columns[0])) for rule in rules]
    since = 0
    for row in stream.rows():
        for rule, validator, at in plan:
            kind = row[at]
            if kind == "null" or validator is None:
                continue
            value, note = stream.value(kind, row[at + 1])
            note = note or validator(value)
            if note is not None:
                totals[rule.number] += 1
                if len(found[rule.number]) < limit:
                    found[rule.number].append(stream.offender(rule, row, at, note))
        since += 1
        if since == _ROWS_A_STEP:
            watch.rows(since)
            since = 0
    watch.rows(since)
    return {
        rule.number: replace(
            rule.result, total=totals[rule.number], offenders=tuple(found[rule.number])
        )
        for rule in rules
    }


class _Stream:
    """Rows as key cells, then type and value of each column."""

    def __init__(self, connection: apsw.Connection, table: Table, columns: list[str]) -> None:
        self._connection = connection
        self._table = table
        self._columns = columns
        self._codec = decoder(connection)
        self._key_cells = 3 * len(table.key)

    def place(self, column: str) -> int:
        """Return where the type of a column stands in a row; its value follows."""
        return self._key_cells + 2 * self._columns.index(column)

    def rows(self) -> Iterator[Any]:
        """Yield every row."""
        selected = [cells(self._table.key)] if self._table.key else []
        for column in self._columns:
            name = identifier(column)
            selected.append(
                f"typeof({name}), CASE WHEN octet_length({name}) > {LONGEST_BYTES} THEN NULL "
                f"WHEN typeof({name}) = 'text' THEN CAST({name} AS BLOB) ELSE {name} END"
            )
        statement = f"SELECT {', '.join(selected)} FROM {self._table.sql}"  # noqa: S608 - quoted
        return iter(self._connection.execute(statement))

    def value(self, kind: str, value: Any) -> tuple[Any, str | None]:
        """Return a value as a validator wants it, or what is wrong with it at once."""
        if value is None:
            return None, f"longer than {LONGEST_BYTES >> 20} MiB: not judged"
        if kind != "text":
            return value, None
        try:
            return value.decode(self._codec), None
        except UnicodeDecodeError:
            return None, f"it is not {self._codec.upper()}"

    def offender(self, rule: Prepared, row: Any, at: int, note: str) -> Offender:
        """Return the row as an offender."""
        kind, value = row[at], row[at + 1]
        size_bytes = len(value) if isinstance(value, bytes) else SHOWN_BYTES
        pairs = (
            ()
            if value is None
            else ((rule.columns[0], shown(kind, size_bytes, value, self._codec)),)
        )
        key = read_cells(self._table.key, row, self._codec)
        return Offender(key, tuple(pair for pair in pairs if pair[0] not in dict(key)), note)
