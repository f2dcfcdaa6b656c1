"""How plans of `dbtool optimize` look: what before, what after, what it costs, how it is undone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbtool.cli.render import Column
from dbtool.cli.views import brief, counted, pasted, short
from dbtool.core.quantities import format_duration, format_size

if TYPE_CHECKING:
    from dbtool.cli.context import Session
    from dbtool.optimize.apply import Applied
    from dbtool.optimize.model import Action, Plan, QueryChange
    from dbtool.optimize.quick import QuickResult

__all__ = ["show_applied", "show_plan", "show_quick", "show_undone", "steps_text"]

PLAN_SCHEMA = "dbtool.optimize/1"
_SHOWN_SQL = 60


def show_plan(session: Session, plan: Plan, then: Sequence[str]) -> None:
    """Show a plan.

    Args:
        session: of this run.
        plan: to show.
        then: command lines that go on from here.
    """
    from dbtool.optimize.planfile import plan_data

    if session.format != "table":
        data = {**plan_data(plan), "steps_before": plan.before, "steps_after": plan.after}
        session.output.report(PLAN_SCHEMA, data, (), always=True)
        return
    out = session.output
    if plan.queries:
        out.line(f"workload: {_fewer(plan)}")
        out.line()
    if plan.actions:
        out.table(PLAN_SCHEMA, plan.actions, (), _ACTION_COLUMNS)
    else:
        out.line("nothing to do: no measurement found anything that pays")
    if plan.queries:
        out.line()
        out.table(PLAN_SCHEMA, plan.queries, (), _QUERY_COLUMNS)
    _paragraph(session, "for each connection of the application:", plan.snippet)
    _paragraph(session, "note:", plan.notes)
    if session.verbose:
        told = [f"{each['what']}: {each['reason']}" for each in plan.rejected]
        _paragraph(session, "measured and not recommended:", told)
        sql = [f"{action.id}  {line}" for action in plan.actions for line in action.sql]
        _paragraph(session, "SQL:", sql)
    elif plan.rejected:
        out.line()
        out.line(f"{counted(len(plan.rejected), 'candidate')} measured and not recommended (-v)")
    _paragraph(session, "to go on:", then)


def show_applied(
    session: Session, plan: Plan, applied: Applied | None, snapshot: str | None
) -> None:
    """Show what was done."""
    lines: list[tuple[str, str]] = []
    data: dict[str, Any] = {
        "database": plan.database,
        "snapshot": snapshot,
        "plan": applied.plan_file if applied else None,
        "done": [],
        "already": [],
        "skipped": [],
    }
    if applied is not None:
        data["done"] = [{"id": action.id, "duration": took} for action, took in applied.done]
        data["already"] = [action.id for action in applied.already]
        data["skipped"] = [{"id": action.id, "reason": why} for action, why in applied.skipped]
        lines += [
            ("done", f"{action.id}  {action.title}  ({format_duration(took)})")
            for action, took in applied.done
        ]
        lines += [("before", f"{each.id}  {each.title}: done already") for each in applied.already]
        lines += [("left out", f"{each.id}  {each.title}: {why}") for each, why in applied.skipped]
        if snapshot:
            lines.append(("snapshot", f"{short(snapshot)}, taken before"))
        if applied.plan_file is not None:
            words = pasted(brief(applied.plan_file)), pasted(brief(plan.database))
            lines.append(("undo", f"dbtool optimize --undo {words[0]} {words[1]}"))
    session.output.report("dbtool.optimize-apply/1", data, lines)


def show_undone(
    session: Session, plan: Plan, undone: Sequence[Action], left: Sequence[Action]
) -> None:
    """Show what was undone."""
    data = {
        "database": plan.database,
        "undone": [action.id for action in undone],
        "needed_none": [action.id for action in left],
    }
    lines = [("undone", f"{action.id}  {action.title}") for action in undone]
    lines += [("as it is", f"{each.id}  {each.title}: it changed no content") for each in left]
    session.output.report("dbtool.optimize-undo/1", data, lines)


def show_quick(session: Session, path: Path, done: QuickResult) -> None:
    """Show what small upkeep did."""
    from dataclasses import asdict

    lines = [
        (
            "statistics",
            "renewed where they were off" if done.optimized else "not renewed",
        ),
        ("full text", f"{counted(done.merges, 'merge')} in {counted(done.fts_tables, 'table')}"),
        ("free pages", f"{done.pages_freed:,} given back, {done.pages_left:,} left"),
        ("time", format_duration(done.duration_s)),
    ]
    if done.left_out:
        lines.append(("left out", "; ".join(done.left_out)))
    session.output.report("dbtool.optimize-quick/1", {"database": path, **asdict(done)}, lines)


def steps_text(number: float) -> str:
    """Return steps with three digits: 950, 12.3k, 4.57M."""
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= limit:
            return (
                f"{number / limit:.3g}{unit}"
                if number < 1000 * limit
                else f"{number / limit:.0f}{unit}"
            )
    return f"{number:.0f}"


def _fewer(plan: Plan) -> str:
    before, after = plan.before, plan.after
    times = f", {before / after:,.1f}x fewer" if after and before > after else ""
    return f"{steps_text(before)} -> {steps_text(after)} VM steps{times}"


def _paragraph(session: Session, title: str, lines: Sequence[str]) -> None:
    if lines:
        session.output.line()
        session.output.line(title)
        for line in lines:
            session.output.line(f"  {line}")


def _steps(action: Action) -> str:
    if action.before is None or action.after is None:
        return ""
    return f"{steps_text(action.before)} -> {steps_text(action.after)}"


def _gain(action: Action) -> str:
    return "" if action.gain is None else f"{action.gain:.1%}"


def _lock(action: Action) -> str:
    return "?" if action.lock_s is None else format_duration(action.lock_s)


def _size(action: Action) -> str:
    if not action.size_bytes:
        return ""
    sign = "+" if action.size_bytes > 0 else "-"
    return f"{sign}{format_size(abs(action.size_bytes))}"


def _writes(action: Action) -> str:
    writes = action.evidence.get("writes")
    if not writes or not writes["steps_before"]:
        return ""
    more = writes["steps_after"] / writes["steps_before"] - 1
    return f"{more:+.0%}"


def _sql(change: QueryChange) -> str:
    line = " ".join(change.sql.split())
    return line if len(line) <= _SHOWN_SQL else f"{line[: _SHOWN_SQL - 3]}..."


def _answer(change: QueryChange) -> str:
    return {True: "same", False: "DIFFERS", None: ""}[change.same_answer]


_ACTION_COLUMNS = (
    Column("id", lambda action: action.id),
    Column("action", lambda action: action.title, wraps=True),
    Column("steps before -> after", _steps, right=True),
    Column("gain", _gain, right=True),
    Column("lock", _lock, right=True),
    Column("size", _size, right=True),
    Column("writes", _writes, right=True, spare=1),
)
_QUERY_COLUMNS = (
    Column("query", lambda change: change.id),
    Column("runs", lambda change: f"{change.weight:,.0f}", right=True),
    Column("steps", lambda c: f"{c.before_steps:,} -> {c.after_steps:,}", right=True),
    Column("full scan", lambda c: f"{c.before_scans:,} -> {c.after_scans:,}", right=True, spare=1),
    Column(
        "time",
        lambda c: f"{c.before_s * 1000:.2f} -> {c.after_s * 1000:.2f} ms",
        right=True,
        spare=2,
    ),
    Column("answer", _answer),
    Column("statement", _sql, wraps=True, spare=3),
)
