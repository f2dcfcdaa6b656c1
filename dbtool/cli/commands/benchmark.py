"""`dbtool benchmark`: a workload on a copy, against its baseline."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dbtool.cli.command import PlainCommand, application
from dbtool.cli.context import Session, current
from dbtool.cli.optimize.view import steps_text
from dbtool.cli.optimize.workloads import read_workload
from dbtool.cli.render import Column
from dbtool.cli.targets import DatabaseArgument, choose, require_path
from dbtool.cli.views import brief, counted
from dbtool.errors import UsageError

if TYPE_CHECKING:
    from dbtool.optimize.benchmark import BenchmarkResult, Regression

__all__ = ["app"]

app = application()

_EXAMPLES = """
dbtool benchmark --workload queries.sql app.db                    # latencies and counters
dbtool benchmark --workload queries.sql --save release app.db     # keep them
dbtool benchmark --workload queries.sql --against release app.db  # exit code 4 where it got worse
dbtool benchmark --workload trace.jsonl --against release --tolerance 10% --json app.db   # in CI
"""
_REGRESSED = 4
_SHOWN = 60


@app.command(cls=PlainCommand, epilog=_EXAMPLES)
def benchmark(
    context: typer.Context,
    db: DatabaseArgument = None,
    *,
    workload: Annotated[
        list[str] | None,
        typer.Option(
            "--workload",
            metavar="FILE",
            help="Statements to run: SQL, or a trace log; - is stdin. Repeatable.",
        ),
    ] = None,
    save: Annotated[
        str | None, typer.Option("--save", metavar="NAME", help="Keep the result as a baseline.")
    ] = None,
    against: Annotated[
        str | None, typer.Option("--against", metavar="NAME", help="Compare with a baseline.")
    ] = None,
    tolerance: Annotated[
        str,
        typer.Option("--tolerance", metavar="PERCENT", help="By how much a counter may grow. [5%]"),
    ] = "5%",
    runs: Annotated[
        int, typer.Option("--runs", metavar="N", min=1, help="Runs of each statement. [20]")
    ] = 20,
    temp: Annotated[
        Path | None,
        typer.Option("--temp", metavar="FOLDER", help="Where the copy lies. [TMPDIR]"),
    ] = None,
) -> int | None:
    """Run a workload on a copy of a database, and compare it with what it used to cost.

    Told are steps of SQLite's virtual machine, steps of full scans, sorts and rows put into
    automatic indexes, which are the same on every machine, and latencies, which are not. With
    --against exit code 4 says that a counter of some statement grew by more than --tolerance.
    Baselines lie beside the database in DB.optimize/. The database itself is only read.
    """
    from dbtool.optimize.benchmark import (
        baseline_path,
        compare,
        load_baseline,
        run_benchmark,
        save_baseline,
    )

    session = current(context)
    path = require_path(choose(session, db))
    if not workload:
        raise UsageError(
            "missing-argument", "which workload? none was given", hint="--workload queries.sql"
        )
    share = _share(tolerance)
    save_to = None if save is None else baseline_path(path, save)
    baseline = None if against is None else load_baseline(baseline_path(path, against), against)
    statements = read_workload(workload, path)
    with session.work() as progress:
        result = run_benchmark(path, statements, runs=runs, temp=temp, progress=progress)
    regressions, odd = ([], []) if baseline is None else compare(result, baseline, share)
    if save_to is not None:
        save_baseline(result, save_to)
        session.note(f"kept as {brief(save_to)}")
    _show(session, result, baseline, regressions, odd)
    return _REGRESSED if regressions else None


def _share(text: str) -> float:
    try:
        number = float(text.removesuffix("%"))
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1000:  # noqa: PLR2004  ten times as much is no tolerance
        raise UsageError("invalid-value", f"--tolerance {text} is no percentage such as 5%")
    return number / 100


def _show(
    session: Session,
    result: BenchmarkResult,
    baseline: BenchmarkResult | None,
    regressions: list[Regression],
    odd: list[str],
) -> None:
    notes = [*result.notes, *odd]
    if session.format != "table":
        data: dict[str, Any] = {
            **asdict(result),
            "notes": notes,
            "steps": result.total("steps"),
            "baseline_steps": None if baseline is None else baseline.total("steps"),
            "regressions": [asdict(each) for each in regressions],
        }
        session.output.report("dbtool.benchmark/1", data, (), always=True)
        return
    if not (session.quiet and not regressions):
        session.output.table("dbtool.benchmark/1", result.queries, (), _COLUMNS)
        session.output.line()
        session.output.line(f"total: {_total(result, baseline)}")
    for each in regressions:
        session.output.line(_told(each))
    if baseline is not None and not regressions:
        session.note("no counter is worse than in the baseline")
    for note in notes:
        session.note(f"note: {note}")


def _total(result: BenchmarkResult, baseline: BenchmarkResult | None) -> str:
    steps = steps_text(result.total("steps"))
    was = "" if baseline is None else f", {steps_text(baseline.total('steps'))} in the baseline"
    return f"{steps} VM steps for {counted(len(result.queries), 'statement')}{was}"


def _told(each: Regression) -> str:
    if each.counter == "error":
        return f"REGRESSION  {each.query}: it does not run any more"
    plan = "; ".join(line.strip() for line in each.plan_after)
    return f"REGRESSION  {each.query}: {each.counter} {each.before:,} -> {each.after:,}  ({plan})"


_COLUMNS = (
    Column("query", lambda q: q.id),
    Column("runs", lambda q: f"{q.weight:,.0f}", right=True),
    Column("steps", lambda q: f"{q.steps:,}", right=True),
    Column("full scan", lambda q: f"{q.scan_steps:,}", right=True),
    Column("sorts", lambda q: f"{q.sorts:,}", right=True, spare=2),
    Column("auto", lambda q: f"{q.automatic:,}", right=True, spare=2),
    Column("p50", lambda q: f"{q.p50_s * 1000:.2f} ms", right=True),
    Column("p95", lambda q: f"{q.p95_s * 1000:.2f} ms", right=True, spare=1),
    Column("p99", lambda q: f"{q.p99_s * 1000:.2f} ms", right=True, spare=1),
    Column("statement", lambda q: q.error or " ".join(q.sql.split())[:_SHOWN], wraps=True, spare=3),
)
