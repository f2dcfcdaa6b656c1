"""What an application asks of its database: statements, how often, with which values.

From SQL text: statements that end in semicolons. A comment before a statement may say how often it
runs and with which values:

    -- runs: 500
    -- params: [42, "paid"]           or {"id": 42}
    SELECT * FROM orders WHERE customer_id = ? AND status = ?;

From a trace log: each statement without its values, its calls, and the slowest call where the
application lets its values be written. Statements of one form are one, their runs added up.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from dbtool.errors import UsageError
from dbtool.optimize.tokens import Token, split_statements, tokens

__all__ = ["Bindings", "Statement", "Workload", "from_sql", "from_trace", "merged", "normal_form"]

Value = int | float | str | bytes | None
Bindings = Sequence[Value] | Mapping[str, Value]

_DIRECTIVE: Final = re.compile(r"--\s*(runs|params)\s*:\s*(.+?)\s*$", re.MULTILINE)
_DAY_S: Final = 86400


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a workload."""

    id: str
    sql: str
    bindings: Bindings | None = None
    """Values of its parameters; None: it has none, or nobody said."""
    weight: float = 1.0
    """How many times it runs."""
    sampled: bool = False
    """Whether the values were taken from rows of the table, because the log had none."""

    @property
    def wants_values(self) -> bool:
        """Whether it has parameters that nobody gave values for."""
        if self.bindings is not None:
            return False
        return any(token.kind == "parameter" for token in tokens(self.sql))


@dataclass(frozen=True, slots=True)
class Workload:
    """Statements, and how much of the application's life they stand for."""

    statements: tuple[Statement, ...]
    covered_s: float = 0.0
    """How long a log was written; 0: not from a log."""
    notes: tuple[str, ...] = ()

    @property
    def covered_days(self) -> float:
        """The same in days."""
        return self.covered_s / _DAY_S


def from_sql(text: str, source: str = "the workload") -> Workload:
    """Read statements from SQL text.

    Raises:
        UsageError: `workload-empty`, `workload-invalid`.
    """
    found = [
        statement
        for piece in split_statements(text)
        if (statement := _statement(piece, source)) is not None
    ]
    if not found:
        raise UsageError(
            "workload-empty",
            f"there is no statement in {source}",
            hint="a workload is SQL statements that end in semicolons, or a trace log",
        )
    return merged([Workload(tuple(found))])


def from_trace(path: Path, database: str | None) -> Workload:
    """Read the statements of a trace log.

    Args:
        path: of the log.
        database: only what was asked of this one; None: of all.

    Raises:
        NotFound: `trace-not-found`.
        UsageError: `workload-empty`.
    """
    from dbtool.trace.log import read_log

    log = read_log(path, database=database)
    if not log.statements and database is not None:
        log = read_log(path)
        if len(log.databases) > 1:
            names = ", ".join(log.databases[:5])
            raise UsageError(
                "workload-empty",
                f"{path} holds no statement for {database}",
                context=f"it is about {names}",
            )
    found = tuple(
        Statement("", use.example or use.sql, None, float(use.calls))
        for use in log.statements
        if use.sql
    )
    if not found:
        raise UsageError("workload-empty", f"there is no statement in {path}")
    notes: list[str] = []
    if log.lost_calls:
        notes.append(f"{log.lost_calls:,} calls in {path.name} are of statements it does not name")
    return merged([Workload(found, log.covered_s, tuple(notes))])


def merged(workloads: Iterable[Workload]) -> Workload:
    """Return workloads as one: statements of one form become one, numbered q1, q2, ..."""
    by_form: dict[str, Statement] = {}
    covered_s = 0.0
    notes: list[str] = []
    for workload in workloads:
        covered_s = max(covered_s, workload.covered_s)
        notes += workload.notes
        for each in workload.statements:
            form = normal_form(each.sql)
            known = by_form.get(form)
            if known is None:
                by_form[form] = each
            else:
                by_form[form] = replace(known, weight=known.weight + each.weight)
    numbered = (
        replace(each, id=each.id or f"q{number}") for number, each in enumerate(by_form.values(), 1)
    )
    return Workload(tuple(numbered), covered_s, tuple(notes))


def normal_form(sql: str) -> str:
    """Return a statement without its values, for comparing."""
    pieces: list[str] = []
    for token in tokens(sql):
        text = "?" if token.kind in ("value", "parameter") else token.text
        pieces.append(text.lower() if token.kind == "word" else text)
    return re.sub(r"\( \?(?: , \?)+ \)", "( ? )", " ".join(pieces))


def with_sampled_values(
    statement: Statement, value_for: Callable[[int], tuple[bool, Value]]
) -> Statement | None:
    """Return the statement with a value for each parameter, or None where one is missing.

    Args:
        statement: with parameters nobody gave values for.
        value_for: gives (known, value) of the n-th parameter, from 0.
    """
    parameters = [token for token in tokens(statement.sql) if token.kind == "parameter"]
    values: dict[str, Value] = {}
    for number, token in enumerate(parameters):
        known, value = value_for(number)
        if not known:
            return None
        values.setdefault(_slot(token, number), value)
    if all(token.text == "?" for token in parameters):
        return replace(statement, bindings=tuple(values.values()), sampled=True)
    named = {name.lstrip(":@$?"): value for name, value in values.items()}
    return replace(statement, bindings=named, sampled=True)


def _slot(token: Token, number: int) -> str:
    return f"?{number + 1}" if token.text == "?" else token.text


def _statement(piece: str, source: str) -> Statement | None:
    found = tokens(piece)
    if not found:
        return None
    directives: dict[str, str] = {}
    start = found[0].start
    for match in _DIRECTIVE.finditer(piece[:start]):
        directives[match[1]] = match[2]
    sql = piece[start:]
    weight = _runs(directives.get("runs"), source)
    return Statement("", sql, _params(directives.get("params"), source), weight)


def _runs(text: str | None, source: str) -> float:
    if text is None:
        return 1.0
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise UsageError("workload-invalid", f"{source}: `-- runs: {text}` is no number of runs")
    return number


def _params(text: str | None, source: str) -> Bindings | None:
    if text is None:
        return None
    try:
        values: Any = json.loads(text)
    except ValueError:
        values = None
    items = values.values() if isinstance(values, dict) else values
    if not isinstance(values, list | dict) or any(isinstance(v, list | dict) for v in items):
        raise UsageError(
            "workload-invalid",
            f"{source}: `-- params: {text}` is no list or object of values in JSON",
            hint='-- params: [42, "paid"]      or {"id": 42}',
        )
    return tuple(values) if isinstance(values, list) else values
