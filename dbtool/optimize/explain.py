"""One statement explained: its plan, its cost, and what an index would change, all measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dbtool.core.progress import Progress
from dbtool.errors import UsageError
from dbtool.optimize.candidates import candidates
from dbtool.optimize.copy import ScratchCopy
from dbtool.optimize.expert import expert_candidates
from dbtool.optimize.hypothetical import survivors
from dbtool.optimize.indexes import IndexAdvice, advise_indexes, same_answer
from dbtool.optimize.measure import Cost, Meter
from dbtool.optimize.mirror import Mirror
from dbtool.optimize.tokens import split_statements
from dbtool.optimize.values import with_values
from dbtool.optimize.workload import Statement, Value

__all__ = ["Explanation", "explain_statement"]

_RUNS = 5


@dataclass(frozen=True, slots=True)
class Explanation:
    """What one statement does."""

    sql: str
    before: Cost
    indexes: tuple[IndexAdvice, ...]
    """That pay for it."""
    after: Cost
    """With them; as before where none does."""
    same_answer: bool | None
    tried: tuple[tuple[str, str], ...]
    """SQL of indexes that do not pay, and why."""
    notes: tuple[str, ...]


def explain_statement(
    database: Path,
    sql: str,
    parameters: Mapping[str, Value] | None,
    *,
    temp: Path | None,
    progress: Progress,
) -> Explanation:
    """Measure one statement on a copy, as it is and with the indexes that help it.

    Args:
        database: is only read.
        sql: one statement.
        parameters: values of its parameters by name, or by number from "1".
        temp: folder for the copy; None: the system's.
        progress: may raise to stop.

    Raises:
        UsageError: `several-statements`, `sql-missing`, `sql-invalid`, `parameter-missing`.
        DbtoolError: as `ScratchCopy`.
    """
    pieces = [piece for piece in split_statements(sql) if piece]
    if len(pieces) != 1:
        code = "several-statements" if pieces else "sql-missing"
        raise UsageError(code, f"--explain takes one statement, not {len(pieces)}")
    statement = Statement("q1", pieces[0], _bindings(parameters))
    with ScratchCopy(database, temp, progress) as copy:
        connection = copy.connection
        mirror = Mirror(connection)
        try:
            usable, notes = with_values(connection, mirror, [statement])
            if not usable:
                raise UsageError(
                    "parameter-missing",
                    "the statement has parameters without values",
                    hint="--param NAME=VALUE, or --param 1=VALUE for the first ?",
                )
            meter = Meter(connection, progress)
            before = meter.measure(usable[0], runs=_RUNS)
            if before.error:
                raise UsageError("sql-invalid", before.error)
            found = candidates(connection, mirror, usable)
            known = {each.key for each in found}
            experts = expert_candidates(connection, usable, copy.folder)
            found += [each for each in experts if each.key not in known]
        finally:
            mirror.close()
        used = survivors(connection, usable, found)
        advice, _, rejected = advise_indexes(meter, usable, {"q1": before}, used, progress=progress)
        after = meter.measure(usable[0], runs=_RUNS) if advice else before
    tried = tuple((each.built.sql, each.reason) for each in rejected)
    same = same_answer(statement.sql, before, after)
    return Explanation(statement.sql, before, tuple(advice), after, same, tried, tuple(notes))


def _bindings(
    parameters: Mapping[str, Value] | None,
) -> Mapping[str, Value] | tuple[Value, ...] | None:
    if not parameters:
        return None
    if all(name.isdigit() for name in parameters):
        return tuple(parameters[name] for name in sorted(parameters, key=int))
    return parameters
