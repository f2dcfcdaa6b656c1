"""Judges the rows of a database by rules, in one read transaction and bounded memory.

Rules that look at one row alone are counted by one SQL statement per table, over ranges of the
rowid so that there is something to tell and a place to stop; only where one is broken are the first
offenders looked up. Rules that need Python share one stream of rows. Duplicates and references are
a statement each, and SQLite sorts on disk where they need it. A rule that fails or takes too long
does so alone: the others are judged without it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import Any, Final

import apsw

from dbtool.core.names import identifier
from dbtool.core.progress import Progress, Silent
from dbtool.integrity.rules.conditions import Condition
from dbtool.integrity.rules.model import (
    Offender,
    References,
    RuleResult,
    RuleSet,
    RulesReport,
    Unique,
    Value,
)
from dbtool.integrity.rules.plugins import find_rules, run_rule
from dbtool.integrity.rules.resolve import Prepared, PreparedTable, prepare
from dbtool.integrity.rules.stream import judge_stream
from dbtool.integrity.rules.table import Table, cells, decoder, read_cells
from dbtool.integrity.rules.watch import Watch

__all__ = ["check_rules"]

_SLICES: Final = 64
_ROWS_WORTH_SLICING: Final = 50_000
_MOST_TOGETHER: Final = 40
"""Rules of one statement, which keeps its parameters within SQLite's limit."""
_FAILURES_OF_A_RULE: Final = (apsw.SQLError, apsw.TooBigError, apsw.InterruptError)
"""What the expression or the limit of a rule can cause; anything else is about the file."""


def check_rules(
    connection: apsw.Connection,
    rules: RuleSet,
    *,
    limit: int = 10,
    progress: Progress | None = None,
) -> RulesReport:
    """Judge the rows of the main database of `connection` by `rules`.

    Args:
        connection: nothing is written; where it is in no transaction, one is begun and ended.
        rules: what must hold.
        limit: most offenders to keep of each rule; all are counted.
        progress: hears of every table and its rows; where it raises, the work stops within
            milliseconds.

    Raises:
        UsageError: `rule-unknown-table`, `rule-unknown-column`, `rule-check-invalid`,
            `rule-not-installed`, before any row is read.
        apsw.Error: the database cannot be read; `dbtool.core.connection.classified` names it.
    """
    began_s = time.monotonic()
    progress = progress or Silent()
    watch = Watch(progress, rules.time_limit_s)
    with _reading(connection), watch.on(connection):
        plugins = find_rules(rules.python_rules)
        tables = [prepare(connection, table) for table in rules.tables]
        results: list[RuleResult] = []
        rows = 0
        for table in tables:
            watch.phase(f"checking {table.table.name}")
            judge = _TableJudge(connection, table, limit, watch)
            results += judge.results()
            rows += judge.rows
            progress.finish()
        for name, entry in plugins.items():
            watch.phase(f"running {name}")
            with watch.limited():
                results.append(run_rule(connection, name, entry, limit))
            progress.finish()
    return RulesReport(tuple(results), rows, time.monotonic() - began_s)


@contextmanager
def _reading(connection: apsw.Connection) -> Iterator[None]:
    """Hold one read transaction, and let nothing write meanwhile."""
    query_only = connection.pragma("query_only")
    ours = not connection.in_transaction
    connection.pragma("query_only", 1)
    try:
        if ours:
            connection.execute("BEGIN")
        yield
    finally:
        if ours and connection.in_transaction:
            connection.execute("ROLLBACK")
        connection.pragma("query_only", query_only)


class _TableJudge:
    """Judges one table; `rows` is how many it has, once it is judged."""

    def __init__(
        self, connection: apsw.Connection, prepared: PreparedTable, limit: int, watch: Watch
    ) -> None:
        self.rows = 0
        self._connection = connection
        self._prepared = prepared
        self._table: Table = prepared.table
        self._limit = limit
        self._watch = watch
        self._codec = decoder(connection)

    def results(self) -> list[RuleResult]:
        """Return what became of each rule, in the order of the rules."""
        found: dict[int, RuleResult] = {}
        light = [rule for rule in self._prepared.rules if rule.condition is not None]
        together = [rule for rule in light if not isinstance(rule.rule, References)]
        groups = [together[i : i + _MOST_TOGETHER] for i in range(0, len(together), _MOST_TOGETHER)]
        for group in groups or [[]]:
            found |= self._rows_alone(group)
        for rule in self._prepared.rules:
            if isinstance(rule.rule, References):
                found[rule.number] = self._guarded(rule, self._one_condition)
            elif isinstance(rule.rule, Unique):
                found[rule.number] = self._guarded(rule, self._unique)
        streamed = [rule for rule in self._prepared.rules if rule.validator is not None]
        found |= self._streamed(streamed)
        return [found[rule.number] for rule in self._prepared.rules]

    # -- rules that look at one row alone

    def _rows_alone(self, group: list[Prepared]) -> dict[int, RuleResult]:
        try:
            with self._watch.limited():
                self.rows, totals = self._count([rule.sql for rule in group])
        except _FAILURES_OF_A_RULE:
            self._count_rows()
            return {rule.number: self._guarded(rule, self._one_condition) for rule in group}
        return {
            rule.number: self._guarded(rule, partial(self._first, total=total))
            for rule, total in zip(group, totals, strict=True)
        }

    def _count_rows(self) -> None:
        """Count the rows where no rule could; 0 where even that takes too long."""
        with suppress(*_FAILURES_OF_A_RULE), self._watch.limited():
            self.rows, _ = self._count([])

    def _count(self, conditions: list[Condition]) -> tuple[int, list[int]]:
        """Return how many rows there are, and how many break each condition, in one pass."""
        sums = "".join(f", sum({part.sql})" for part in conditions)
        parameters = tuple(value for part in conditions for value in part.parameters)
        statement = f"SELECT count(*){sums} FROM {self._table.sql}"  # noqa: S608 - quoted, proven
        totals = [0] * (len(conditions) + 1)
        for where, bounds in self._slices():
            row = self._one_row(statement + where, parameters + bounds)
            totals = [total + (more or 0) for total, more in zip(totals, row, strict=True)]
            self._watch.rows(row[0])
        return totals[0], totals[1:]

    def _slices(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        rowid = self._table.rowid
        if not self._table.sliceable or rowid is None:
            yield "", ()
            return
        # Two subqueries: SQLite looks each up at one end of the table.
        first, last = self._one_row(
            f"SELECT (SELECT min({rowid}) FROM {self._table.sql}), "  # noqa: S608 - quoted
            f"(SELECT max({rowid}) FROM {self._table.sql})"
        )
        if first is None or last - first < _ROWS_WORTH_SLICING:
            yield "", ()
            return
        step = (last - first) // _SLICES + 1
        for begin in range(first, last + 1, step):
            yield f" WHERE {rowid} BETWEEN ? AND ?", (begin, min(begin + step - 1, last))

    def _one_condition(self, rule: Prepared) -> RuleResult:
        """Judge one rule in a pass of its own."""
        statement = f"SELECT sum({rule.sql.sql}) FROM {self._table.sql}"  # noqa: S608 - quoted, proven
        (total,) = self._one_row(statement, rule.sql.parameters)
        return self._first(rule, total or 0)

    def _one_row(self, statement: str, parameters: tuple[Value, ...] = ()) -> tuple[Any, ...]:
        """Return the row that an aggregate without GROUP BY always has."""
        return next(iter(self._connection.execute(statement, parameters)))

    def _first(self, rule: Prepared, total: int) -> RuleResult:
        """Return the result with the first offenders, which are looked up only if there are any."""
        columns = (*self._table.key, *rule.columns)
        found: list[Offender] = []
        if total and self._limit:
            selected = cells(columns) or "NULL"
            statement = (
                f"SELECT {selected} FROM {self._table.sql} WHERE {rule.sql.sql} "  # noqa: S608 - quoted, proven
                f"LIMIT {self._limit}"
            )
            rows = self._connection.execute(statement, rule.sql.parameters)
            found = [self._offender(rule, row) for row in rows]
        return replace(rule.result, total=total, offenders=tuple(found))

    def _offender(self, rule: Prepared, row: Any, note: str = "") -> Offender:
        key = read_cells(self._table.key, row, self._codec)
        values = read_cells(rule.columns, row[3 * len(key) :], self._codec)
        shown = {name for name, _ in key}
        return Offender(key, tuple(pair for pair in values if pair[0] not in shown), note)

    # -- duplicates

    def _unique(self, rule: Prepared) -> RuleResult:
        """Let SQLite group the rows; where there is a rowid, the first row stands for its group."""
        names = ", ".join(map(identifier, rule.columns))
        filled = " AND ".join(f"{identifier(name)} IS NOT NULL" for name in rule.columns)
        first = f", min({self._table.rowid})" if self._table.rowid else ""
        columns = cells((*self._table.key, *rule.columns))
        statement = (
            f"SELECT {columns}, count(*){first} FROM {self._table.sql} WHERE {filled} "  # noqa: S608 - quoted
            f"GROUP BY {names} HAVING count(*) > 1"
        )
        count_at = 3 * (len(self._table.key) + len(rule.columns))
        found: list[Offender] = []
        total = 0
        for row in self._connection.execute(statement):
            total += row[count_at] - 1
            if len(found) < self._limit:
                found.append(self._offender(rule, row, f"{row[count_at]:,} rows"))
        return replace(rule.result, total=total, offenders=tuple(found))

    # -- rules in Python

    def _streamed(self, rules: list[Prepared]) -> dict[int, RuleResult]:
        if not rules:
            return {}
        arguments = (self._connection, self._table, self._limit, self._watch)
        self._watch.phase(f"matching {self._table.name}")
        try:
            with self._watch.limited():
                return judge_stream(rules, *arguments)
        except _FAILURES_OF_A_RULE:
            return {
                rule.number: self._guarded(rule, lambda r: judge_stream([r], *arguments)[r.number])
                for rule in rules
            }

    def _guarded(self, rule: Prepared, judge: Callable[[Prepared], RuleResult]) -> RuleResult:
        """Return the result of a rule, or its failure as its error."""
        try:
            with self._watch.limited():
                return judge(rule)
        except apsw.InterruptError:
            return replace(rule.result, error=self._watch.reason)
        except _FAILURES_OF_A_RULE as error:
            return replace(rule.result, error=str(error))
