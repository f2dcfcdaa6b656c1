"""The statements of the application, the most expensive first, out of its trace log."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from dbtool.core.quantities import format_duration, format_size
from dbtool.tui.line import Column, Line, Row, Status
from dbtool.tui.model import Reading
from dbtool.tui.present.storage import section
from dbtool.tui.state import State

__all__ = ["QUERY_COLUMNS", "plan_fields", "plan_words", "query_lines", "query_rows"]

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
_SHORT_S: Final = 0.01
_BEFORE_VALUES: Final = " -- "


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
    times = ["" if value is None else _time(value) for value in order[2:5]]
    counts = ["" if value is None else f"{value:,}" for value in (order[1], *order[5:])]
    shown = sql if len(sql) <= _LONGEST else f"{sql[: _LONGEST - 1]}…"
    cells = (shown, counts[0], *times, *counts[1:])
    status = Status.WARN if statement.get("full_scan_steps") else Status.PLAIN
    return Row(f"{number}-{sql[:40]}", cells, order, status, statement)


def _time(seconds: float) -> str:
    """Return a time of a statement; most take less than a millisecond."""
    if seconds < _SHORT_S / 10:
        return f"{seconds * 1e6:.0f} µs"
    return f"{seconds * 1000:.1f} ms" if seconds < _SHORT_S else format_duration(seconds)


def plan_words(statement: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the options that have a statement explained, with its values where a log has them.

    Without an example the command measures with values out of the rows of the tables.
    """
    sql, values = _example(str(statement.get("example") or ""))
    sql = sql or str(statement.get("sql") or "")
    return (f"--explain={sql}", *(f"--param={value}" for value in values)) if sql else ()


def _example(text: str) -> tuple[str, list[str]]:
    """Return the SQL of an example and its values; the log writes `SQL -- VALUES`.

    Either may hold ` -- ` itself, so it is the first place at which all that follows is values. An
    example that was cut off has none.
    """
    place = text.find(_BEFORE_VALUES)
    while place >= 0:
        with suppress(ValueError, SyntaxError, MemoryError, RecursionError):
            values = ast.literal_eval(text[place + len(_BEFORE_VALUES) :])
            return text[:place], list(_parameters(values))
        place = text.find(_BEFORE_VALUES, place + 1)
    return text, []


def _parameters(values: object) -> Iterator[str]:
    if isinstance(values, Mapping):
        named = values.items()
    elif isinstance(values, (tuple, list)):
        named = dict(enumerate(values, 1)).items()
    else:
        raise ValueError("these are no values")  # noqa: TRY004 - as of text that is no literal
    for name, value in named:
        yield f"{name}={_literal(value)}"


def _literal(value: object) -> str:
    """Return a value as `--param` reads it."""
    if value is None:
        return "NULL"
    if isinstance(value, (bool, int)):
        return str(int(value))
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, bytes):
        return f"x'{value.hex()}'"
    quoted = str(value).replace("'", "''")
    return f"'{quoted}'"


def plan_fields(reading: Reading | None) -> list[tuple[str, str]]:
    """Say how SQLite runs a statement, what that costs, and which index would help."""
    if reading is None:
        return [("plan", "the recording does not hold it")]
    if reading.problem is not None:
        hint = f"\n{reading.problem.hint}" if reading.problem.hint else ""
        return [("plan", f"{reading.problem.message}{hint}")]
    found: Mapping[str, Any] = reading.data
    fields = [("plan", _plan(found["before"])), ("costs", _cost(found["before"]))]
    fields += [
        ("would help", f"{index['sql']}  ({format_size(index['bytes'])})")
        for index in found["indexes"]
    ]
    if found["indexes"]:
        fields += [("plan then", _plan(found["after"])), ("costs then", _cost(found["after"]))]
    else:
        fields.append(("would help", "no index that was tried"))
    return [*fields, *(("note", str(note)) for note in found["notes"])]


def _plan(cost: Mapping[str, Any]) -> str:
    return "\n".join(map(str, cost["plan"])) or "no step that the plan tells of"


def _cost(cost: Mapping[str, Any]) -> str:
    return (
        f"{cost['steps']:,} steps, {cost['scan_steps']:,} of full scans, {cost['sorts']:,} sorts, "
        f"{_time(cost['seconds'])} on a copy"
    )
