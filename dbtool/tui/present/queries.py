"""The statements of the application, the most expensive first, out of its trace log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from dbtool.core.quantities import format_duration
from dbtool.tui.line import Column, Line, Row, Status
from dbtool.tui.present.storage import section
from dbtool.tui.state import State

__all__ = ["QUERY_COLUMNS", "query_lines", "query_rows"]

QUERY_COLUMNS: Final = (
    Column("statement"),
    Column("calls", right=True),
    Column("total", right=True),
    Column("p50", right=True),
    Column("p95", right=True),
    Column("full scan steps", right=True),
    Column("sorts", right=True),
    Column("auto indexes", right=True),
    Column("busy", right=True),
)
_LONGEST: Final = 70


def query_lines(state: State) -> list[Line]:
    """Say where the statements come from, or why there are none."""
    problem = state.problem("queries")
    if problem is not None:
        return [Line("queries", problem.message, Status.UNKNOWN)]
    workload = section(state, "queries", "workload")
    if workload is None:
        return [Line("queries", "asking ...")]
    if not workload.get("available"):
        how = str(workload.get("how", "")).splitlines()
        return [
            Line("queries", str(workload.get("reason")), Status.UNKNOWN),
            *(Line("", line) for line in how),
        ]
    return [Line("queries", f"{len(workload.get('statements', ()))} different statements")]


def query_rows(state: State) -> list[Row]:
    """Return the statements, those that took most time first."""
    workload = section(state, "queries", "workload") or {}
    found: Sequence[Mapping[str, Any]] = workload.get("statements", ())
    rows = [_row(number, statement) for number, statement in enumerate(found)]
    return sorted(rows, key=lambda row: -(row.order[2] or 0))


def _row(number: int, statement: Mapping[str, Any]) -> Row:
    sql = " ".join(str(statement.get("sql", "")).split()) or "(others)"
    total = statement.get("seconds")
    order = (
        sql,
        statement.get("calls"),
        total,
        statement.get("p50"),
        statement.get("p95"),
        statement.get("full_scan_steps"),
        statement.get("sorts"),
        statement.get("automatic_indexes"),
        statement.get("busy_errors"),
    )
    times = ["" if value is None else format_duration(value) for value in order[2:5]]
    counts = ["" if value is None else f"{value:,}" for value in (order[1], *order[5:])]
    shown = sql if len(sql) <= _LONGEST else f"{sql[: _LONGEST - 1]}…"
    cells = (shown, counts[0], *times, *counts[1:])
    status = Status.WARN if statement.get("full_scan_steps") else Status.PLAIN
    return Row(f"{number}-{sql[:40]}", cells, order, status, statement)
