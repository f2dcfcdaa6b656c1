"""A workload run on a copy: what each statement costs, and whether that is more than it used to.

Counters decide about a regression, since they are the same on every machine: steps, steps of full
scans, sorts, rows into automatic indexes. Latencies are told beside them, and never compared.
"""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from dbtool.core.atomicfile import SYSTEM_FILES, failures_named, replace_file
from dbtool.core.connection import classified
from dbtool.core.progress import Progress
from dbtool.errors import NotFound, UsageError
from dbtool.optimize.copy import ScratchCopy
from dbtool.optimize.measure import Cost, Meter
from dbtool.optimize.mirror import Mirror
from dbtool.optimize.planfile import folder_of
from dbtool.optimize.values import with_values
from dbtool.optimize.workload import Statement, Workload, normal_form

__all__ = [
    "COUNTERS",
    "BenchmarkResult",
    "QueryResult",
    "Regression",
    "baseline_path",
    "compare",
    "load_baseline",
    "run_benchmark",
    "save_baseline",
]

FORMAT: Final = "dbtool.benchmark-baseline/1"
COUNTERS: Final = ("steps", "scan_steps", "sorts", "automatic")
_NAME: Final = re.compile(r"[\w][\w.-]{0,99}", re.ASCII)
_LONGEST_S: Final = 2.0
"""For all runs of one statement."""
_LARGEST: Final = 64 << 20


@dataclass(frozen=True, slots=True)
class QueryResult:
    """What one statement cost."""

    id: str
    sql: str
    form: str
    """Without its values: by it a statement is found in a baseline."""
    weight: float
    steps: int
    scan_steps: int
    sorts: int
    automatic: int
    rows: int
    runs: int
    p50_s: float
    p95_s: float
    p99_s: float
    plan: tuple[str, ...]
    error: str = ""
    """Why it did not run; empty: it did."""


@dataclass(frozen=True, slots=True)
class BenchmarkResult:
    """What a workload cost."""

    queries: tuple[QueryResult, ...]
    size_bytes: int
    """Of the database."""
    notes: tuple[str, ...]

    def total(self, counter: str) -> float:
        """Return the weighted sum of a counter."""
        return float(sum(getattr(each, counter) * each.weight for each in self.queries))


@dataclass(frozen=True, slots=True)
class Regression:
    """A counter that is worse than in the baseline."""

    query: str
    """Its id."""
    sql: str
    counter: str
    """One of `COUNTERS`, or error."""
    before: int
    after: int
    plan_before: tuple[str, ...]
    plan_after: tuple[str, ...]


def run_benchmark(
    database: Path, workload: Workload, *, runs: int, temp: Path | None, progress: Progress
) -> BenchmarkResult:
    """Run a workload on a copy of a database.

    Args:
        database: is only read.
        workload: statements; those that write are rolled back.
        runs: of each for its latencies; fewer where they take long.
        temp: folder for the copy; None: the system's.
        progress: may raise to stop.

    Raises:
        DbtoolError: as `ScratchCopy`.
    """
    with classified(database), ScratchCopy(database, temp, progress) as copy:
        mirror = Mirror(copy.connection)
        try:
            usable, notes = with_values(copy.connection, mirror, workload.statements)
        finally:
            mirror.close()
        meter = Meter(copy.connection, progress)
        progress.start("measuring", len(usable), "statements")
        found = []
        for statement in usable:
            found.append(_measured(meter, statement, runs))
            progress.advance(1)
        progress.finish()
        return BenchmarkResult(tuple(found), copy.size_bytes, (*workload.notes, *notes))


def baseline_path(database: Path, name: str) -> Path:
    """Return where a baseline lies.

    Raises:
        UsageError: `invalid-value`, a name that is no simple word.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            "invalid-value", f"{name!r} is no name of a baseline", hint="letters, digits, . - and _"
        )
    return folder_of(database) / f"baseline-{name}.json"


def save_baseline(result: BenchmarkResult, path: Path) -> None:
    """Keep a result to compare with.

    Raises:
        UsageError: `workload-invalid`, nothing ran, so that every comparison would be fine.
    """
    if all(each.error for each in result.queries):
        raise UsageError(
            "workload-invalid",
            "no statement of the workload ran, so there is nothing to compare with later",
            context=result.queries[0].error if result.queries else "",
        )
    with failures_named("make", path.parent):
        if not path.parent.is_dir():
            SYSTEM_FILES.mkdir(path.parent)
    document = {"schema": FORMAT, "result": asdict(result)}
    replace_file(path, json.dumps(document, indent=1).encode("ascii"))


def load_baseline(path: Path, name: str) -> BenchmarkResult:
    """Read a baseline.

    Raises:
        NotFound: `baseline-not-found`.
        UsageError: `baseline-invalid`.
    """
    if not path.is_file():
        raise NotFound(
            "baseline-not-found",
            f"there is no baseline {name}",
            context=f"it would be {path}",
            hint=f"dbtool benchmark --workload FILE --save {name}",
        )
    with failures_named("read", path), path.open("rb") as stream:
        data = stream.read(_LARGEST)
    try:
        document = json.loads(data)
        if document["schema"] != FORMAT:
            raise ValueError(f"it is {document['schema']!r}")  # noqa: TRY301 - one error for all
        result = document["result"]
        queries = tuple(
            QueryResult(**{**each, "plan": tuple(each["plan"])}) for each in result["queries"]
        )
        return BenchmarkResult(queries, result["size_bytes"], tuple(result["notes"]))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            "baseline-invalid", f"{path} is no baseline of dbtool benchmark", context=str(error)
        ) from error


def compare(
    result: BenchmarkResult, baseline: BenchmarkResult, tolerance: float
) -> tuple[list[Regression], list[str]]:
    """Return what is worse than in a baseline, and the statements that only one of them has.

    Args:
        result: of now.
        baseline: to compare with.
        tolerance: by which share a counter may grow, 0.05 for 5 %.
    """
    known: Mapping[str, QueryResult] = {each.form: each for each in baseline.queries}
    found: list[Regression] = []
    for now in result.queries:
        before = known.get(now.form)
        if before is None or before.error:
            continue
        if now.error:
            found.append(_regression(now, before, "error"))
            continue
        found += [
            _regression(now, before, counter)
            for counter in COUNTERS
            if getattr(now, counter) > getattr(before, counter) * (1 + tolerance)
        ]
    forms = {each.form for each in result.queries}
    odd = [f"{each.id} is not in the baseline" for each in result.queries if each.form not in known]
    odd += [
        f"{each.id} of the baseline was not run: {' '.join(each.sql.split())[:60]}"
        for each in baseline.queries
        if each.form not in forms
    ]
    return found, odd


def _measured(meter: Meter, statement: Statement, runs: int) -> QueryResult:
    first = meter.measure(statement)
    times = [first.seconds]
    if not (first.error or first.stopped):
        # The first run reads what the others find in memory; it counts only where it is alone.
        count = max(1, min(runs, int(_LONGEST_S / max(first.seconds, 1e-6))))
        times = [meter.measure(statement).seconds for _ in range(count)]
    return _result(statement, first, times)


def _result(statement: Statement, cost: Cost, times: Sequence[float]) -> QueryResult:
    return QueryResult(
        statement.id,
        statement.sql,
        normal_form(statement.sql),
        statement.weight,
        cost.steps,
        cost.scan_steps,
        cost.sorts,
        cost.automatic,
        cost.rows,
        len(times),
        statistics.median(times),
        quantile(times, 0.95),
        quantile(times, 0.99),
        cost.plan,
        cost.error or ("stopped: it takes too long" if cost.stopped else ""),
    )


def quantile(times: Sequence[float], share: float) -> float:
    """Return the smallest time within which that share of the runs ended."""
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, max(0, -(-int(share * 1000) * len(ordered) // 1000) - 1))]


def _regression(now: QueryResult, before: QueryResult, counter: str) -> Regression:
    values: tuple[Any, Any] = (0, 1)
    if counter != "error":
        values = getattr(before, counter), getattr(now, counter)
    return Regression(now.id, now.sql, counter, *values, before.plan, now.plan)
