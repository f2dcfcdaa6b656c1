"""What one statement costs: counted by SQLite itself, not estimated.

The counter that decides is VM steps: it is the same on every machine and in every run. Seconds are
told beside it. Statements that write run in a savepoint that is rolled back.

Source of the counters: https://sqlite.org/c3ref/c_stmtstatus_counter.html
"""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import apsw
import blake3

from dbtool.core.progress import Progress
from dbtool.core.stoppable import stoppable
from dbtool.optimize.tokens import tokens
from dbtool.optimize.workload import Statement

__all__ = ["Cost", "Meter", "plan_lines", "used_indexes"]

_STATUS: Final = "SQLITE_STMTSTATUS_"
_COUNTERS: Final = ("VM_STEP", "FULLSCAN_STEP", "SORT", "AUTOINDEX")
_BITS: Final = (1 << 32) - 1
_NO_WORK: Final = frozenset(
    {"attach", "begin", "commit", "detach", "end", "pragma", "release", "rollback"}
    | {"savepoint", "vacuum"}
)
"""First words of statements that are about a connection or a file, and may spoil the copy."""
_DIGITS: Final = 12
"""Of a float that count in an answer: sums depend on the order of their rows beyond them."""
_USES: Final = re.compile(r"\b(?:USING|WITH) (?:PARTIAL )?(?:COVERING )?INDEX (.+?)(?: \(.*)?$")


@dataclass(frozen=True, slots=True)
class Cost:
    """What one statement took."""

    steps: int
    """Of the virtual machine; of one that was stopped, as many as it got to."""
    scan_steps: int
    sorts: int
    automatic: int
    """Rows put into automatic indexes."""
    rows: int
    seconds: float
    """Median of the runs."""
    runs: int
    digest: str | None
    """Of its rows in any order; None: it was stopped, or gives none."""
    plan: tuple[str, ...]
    stopped: bool = False
    error: str = ""
    """Why it could not run; empty: it did."""
    writes: bool = False


class Meter:
    """Runs statements on one connection and counts.

    Args:
        connection: of a copy that nothing is lost on.
        progress: may raise to stop.
        limit_s: longest time for one run.
    """

    def __init__(
        self, connection: apsw.Connection, progress: Progress, *, limit_s: float = 20.0
    ) -> None:
        self.connection = connection
        self._progress = progress
        self._limit_s = limit_s
        self._profile: list[dict[str, Any]] = []

    def measure(self, statement: Statement, *, runs: int = 1) -> Cost:
        """Run a statement and return what it cost; what fails is told in `Cost.error`.

        Args:
            statement: with values for all of its parameters.
            runs: of how many the median time is taken; the counters are the same in each.
        """
        found = tokens(statement.sql)
        if found and found[0].text.lower() in _NO_WORK:
            return failed(f"{found[0].text.upper()} is no query and no change of rows")
        try:
            plan = plan_lines(self.connection, statement)
            first = self._run(statement, digest=True)
        except (apsw.Error, UnicodeDecodeError, TypeError) as error:
            return failed(str(error))
        times = [first.seconds]
        if runs > 1 and not first.stopped:
            # The first run reads pages that the others find in memory, and hashes its rows.
            times = [self._run(statement, digest=False).seconds for _ in range(runs)]
        return replace(first, seconds=statistics.median(times), runs=len(times), plan=plan)

    def measure_all(
        self, statements: Iterable[Statement], *, runs: int = 1, phase: str = "measuring"
    ) -> dict[str, Cost]:
        """Return the cost of each statement by its id."""
        listed = list(statements)
        self._progress.start(phase, len(listed), "statements")
        found = {}
        for each in listed:
            found[each.id] = self.measure(each, runs=runs)
            self._progress.advance(1)
        self._progress.finish()
        return found

    def _run(self, statement: Statement, *, digest: bool) -> Cost:
        deadline_s = time.monotonic() + self._limit_s
        self._profile.clear()
        connection = self.connection
        connection.trace_v2(apsw.SQLITE_TRACE_PROFILE, self._profile.append, id=self)
        rows, total, writes, stopped = 0, 0, False, False
        connection.execute("SAVEPOINT dbtool_measure")
        try:
            with stoppable(connection, self._progress, lambda: time.monotonic() > deadline_s):
                cursor = connection.cursor()
                self._profile.clear()
                started_ns = time.perf_counter_ns()
                try:
                    for row in cursor.execute(statement.sql, statement.bindings):
                        rows += 1
                        if digest:
                            total += _row_hash(row)
                except apsw.InterruptError:
                    stopped = True
                finally:
                    cursor.close(True)  # noqa: FBT003  APSW's own signature
                    seconds = (time.perf_counter_ns() - started_ns) / 1e9
            measured = list(self._profile)
            writes = any(not event.get("readonly", True) for event in measured) or _writes(
                statement.sql
            )
        finally:
            connection.trace_v2(0, None, id=self)
            connection.execute("ROLLBACK TO dbtool_measure; RELEASE dbtool_measure")
        answer = None if stopped or not digest else f"{rows}:{total % (1 << 128):032x}"
        steps, scans, sorts, automatic = _summed(measured)
        cost = Cost(steps, scans, sorts, automatic, rows, seconds, 1, answer, ())
        return replace(cost, stopped=stopped, writes=writes)


def failed(why: str) -> Cost:
    """Return the cost of what did not run."""
    return Cost(0, 0, 0, 0, 0, 0.0, 0, None, (), error=why)


def plan_lines(connection: apsw.Connection, statement: Statement) -> tuple[str, ...]:
    """Return the plan of a statement, one indented line for each step."""
    depth = {0: -1}
    lines = []
    # Never from the cache: EXPLAIN does not notice that the schema has changed since.
    cursor = connection.execute(
        f"EXPLAIN QUERY PLAN {statement.sql}", statement.bindings, can_cache=False
    )
    for number, parent, _, detail in cursor:
        depth[number] = depth.get(parent, -1) + 1
        lines.append("  " * depth[number] + str(detail))
    return tuple(lines)


def used_indexes(plan: Sequence[str]) -> set[str]:
    """Return the names of the indexes that a plan uses."""
    return {match[1] for line in plan if (match := _USES.search(line))}


def _summed(events: Sequence[dict[str, Any]]) -> list[int]:
    return [
        # SQLite counts in 32 bits without a sign, and gives them as if they had one.
        sum(int(event.get("stmt_status", {}).get(_STATUS + name, 0)) & _BITS for event in events)
        for name in _COUNTERS
    ]


def _writes(sql: str) -> bool:
    return bool(re.match(r"\s*(?:insert|update|delete|replace)\b", sql, re.IGNORECASE)) or bool(
        re.match(r"\s*with\b.*?\)\s*(?:insert|update|delete|replace)\b", sql, re.IGNORECASE | re.S)
    )


def _row_hash(row: tuple[Any, ...]) -> int:
    settled = tuple(f"{value:.{_DIGITS}g}" if isinstance(value, float) else value for value in row)
    return int.from_bytes(
        blake3.blake3(repr(settled).encode("utf-8", "surrogatepass")).digest(16), "big"
    )
