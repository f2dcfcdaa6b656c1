"""How `dbtool optimize --explain` shows a statement: plan as a tree, counters, what helps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dbtool.core.quantities import format_size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dbtool.cli.context import Session
    from dbtool.optimize.explain import Explanation
    from dbtool.optimize.measure import Cost

__all__ = ["show_explanation"]


def show_explanation(session: Session, found: Explanation) -> None:
    """Show what was measured."""
    lines: list[tuple[str, str]] = []
    lines += _cost_lines("now", found.before)
    for advice in found.indexes:
        built = advice.built
        text = f"{built.sql}      {format_size(built.size_bytes)}"
        lines += [("", ""), ("index", text)]
    if found.indexes:
        lines += [("", ""), *_cost_lines("with", found.after)]
        lines.append(
            (
                "answer",
                {True: "the same", False: "DIFFERS", None: "not compared"}[found.same_answer],
            )
        )
    else:
        lines += [("", ""), ("index", "none of those that were tried pays")]
    if session.verbose:
        lines += [("tried", f"{sql}: {why}") for sql, why in found.tried]
    lines += [("note", note) for note in found.notes]
    session.output.report("dbtool.optimize-explain/1", _data(found), lines, always=True)


def _cost_lines(label: str, cost: Cost) -> list[tuple[str, str]]:
    lines = [(label if not at else "", text) for at, text in enumerate(_tree(cost.plan))]
    counters = [
        f"{cost.steps:,} VM steps",
        f"{cost.scan_steps:,} full-scan steps",
        f"{cost.sorts:,} sorts",
        f"{cost.automatic:,} rows into automatic indexes",
        f"{cost.rows:,} rows",
        f"{cost.seconds * 1000:.3f} ms (median of {cost.runs})",
    ]
    stopped = " (stopped)" if cost.stopped else ""
    return [*lines, ("", ", ".join(counters) + stopped)]


def _tree(plan: Sequence[str]) -> list[str]:
    return [f"{line[: len(line) - len(line.lstrip())]}- {line.lstrip()}" for line in plan] or ["-"]


def _data(found: Explanation) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "sql": found.sql,
        "before": asdict(found.before),
        "after": asdict(found.after),
        "same_answer": found.same_answer,
        "indexes": [
            {
                "sql": each.built.sql,
                "bytes": each.built.size_bytes,
                "build": each.built.build_s,
                "steps_before": each.before,
                "steps_after": each.after,
            }
            for each in found.indexes
        ],
        "tried": [{"sql": sql, "reason": why} for sql, why in found.tried],
        "notes": found.notes,
    }
