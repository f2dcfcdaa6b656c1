"""The plan and the result of a prune, to people and to programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from dbtool.cli.render import Column
from dbtool.cli.views import brief, counted, local_time, short
from dbtool.core.quantities import format_duration, format_size

if TYPE_CHECKING:
    from dbtool.backup.model import Snapshot
    from dbtool.backup.prune import PruneResult
    from dbtool.backup.survey import PrunePlan
    from dbtool.cli.context import Session

__all__ = ["result_data", "result_lines", "show_plan", "show_result", "warn_if_unfinished"]

_MOST_LISTED = 10
"""Snapshots that are named before asking; `--dry-run` names all."""


class _Row(NamedTuple):
    snapshot: Snapshot
    action: str
    reasons: tuple[str, ...]


def show_plan(session: Session, plan: PrunePlan, *, dry_run: bool) -> None:
    """Show what would be done: as the result of a dry run, else before it is done."""
    for database in plan.without_policy:
        session.note(
            f"no snapshot of {brief(database)} is removed: no rule is set "
            "(--keep-last, --keep-daily ..., or [retention] in dbtool.toml)"
        )
    if not dry_run:
        _tell(session, plan)
        return
    rows = _rows(plan)
    if session.format in ("json", "ndjson"):
        session.output.report("dbtool.prune-plan/1", _plan_data(plan, rows), [])
        return
    several = len({row.snapshot.database for row in rows}) > 1
    session.output.table(
        "dbtool.prune-plan/1", rows, [_row_data(row) for row in rows], _columns(several=several)
    )
    for label, text in _lines(plan):
        session.note(f"{label:<9}  {text}")


def warn_if_unfinished(session: Session, result: PruneResult) -> None:
    """Warn where the space has to be freed another time."""
    if not result.finished:
        session.warn(
            "the space could not be freed: other work was running all the time",
            "the next prune does it; --wait makes this one wait longer",
        )


def show_result(session: Session, result: PruneResult) -> None:
    """Show what was done."""
    warn_if_unfinished(session, result)
    session.output.report("dbtool.prune/1", result_data(result), result_lines(result))


def result_lines(result: PruneResult) -> list[tuple[str, str]]:
    """Return the result for people."""
    plan = result.plan
    return [
        ("removed", _of(len(result.snapshots_removed), "snapshot") + f", {len(plan.kept):,} stay"),
        ("packs", f"{result.packs_removed:,} removed, {result.packs_written:,} written"),
        ("freed", f"{format_size(max(0, result.bytes_freed))} of {format_size(plan.bytes_stored)}"),
        *(("cleaned", brief(left.path)) for left in result.leftovers),
        ("time", format_duration(result.duration_s)),
    ]


def result_data(result: PruneResult) -> dict[str, Any]:
    """Return the result for programs."""
    plan = result.plan
    return {
        "removed": result.snapshots_removed,
        "kept": [kept.snapshot.id for kept in plan.kept],
        "without_policy": plan.without_policy,
        "packs_removed": result.packs_removed,
        "packs_written": result.packs_written,
        "copied": result.bytes_copied,
        "freed": result.bytes_freed,
        "leftovers": [left.path for left in result.leftovers],
        "finished": result.finished,
        "duration": result.duration_s,
    }


def _tell(session: Session, plan: PrunePlan) -> None:
    for snapshot in plan.condemned[:_MOST_LISTED]:
        session.note(
            f"remove     {short(snapshot.id)} of {local_time(snapshot.time)}, "
            f"{brief(snapshot.database)}"
        )
    if len(plan.condemned) > _MOST_LISTED:
        more = len(plan.condemned) - _MOST_LISTED
        session.note(f"           and {more:,} more; --dry-run names them all")
    if plan.condemned:
        for label, text in _lines(plan)[1:]:
            session.note(f"{label:<9}  {text}")


def _lines(plan: PrunePlan) -> list[tuple[str, str]]:
    lines = [("remove", _of(len(plan.condemned), "snapshot"))]
    lines.append(("keep", _of(len(plan.kept), "snapshot")))
    if plan.packs_removed:
        lines.append(("unneeded", f"{plan.packs_removed:,} of {plan.packs_stored:,} packs"))
    if plan.packs_merged:
        lines.append(
            ("merge", f"{counted(plan.packs_merged, 'pack')}, {format_size(plan.bytes_copied)}")
        )
    lines += [("clean", f"{brief(left.path)}, of a killed restore") for left in plan.leftovers]
    freed = max(0, plan.bytes_freed)
    lines.append(("frees", f"about {format_size(freed)} of {format_size(plan.bytes_stored)}"))
    return lines


def _of(number: int, noun: str) -> str:
    return counted(number, noun) if number else f"no {noun}"


def _rows(plan: PrunePlan) -> list[_Row]:
    kept = [_Row(entry.snapshot, "keep", entry.reasons) for entry in plan.kept]
    condemned = [_Row(snapshot, "remove", ()) for snapshot in plan.condemned]
    return sorted((*kept, *condemned), key=lambda row: (row.snapshot.time, row.snapshot.id))


def _columns(*, several: bool) -> list[Column]:
    columns = [
        Column("id", lambda row: short(row.snapshot.id), style="cyan"),
        Column("time", lambda row: local_time(row.snapshot.time)),
        Column("size", lambda row: format_size(row.snapshot.size_bytes), right=True, spare=1),
        Column("plan", lambda row: row.action),
        Column("because", lambda row: ", ".join(row.reasons), wraps=True),
    ]
    if several:
        columns.append(Column("database", lambda row: row.snapshot.database, wraps=True))
    return columns


def _row_data(row: _Row) -> dict[str, Any]:
    return {
        "id": row.snapshot.id,
        "time": row.snapshot.time,
        "database": row.snapshot.database,
        "plan": row.action,
        "reasons": row.reasons,
    }


def _plan_data(plan: PrunePlan, rows: list[_Row]) -> dict[str, Any]:
    return {
        "snapshots": [_row_data(row) for row in rows],
        "without_policy": plan.without_policy,
        "stored": plan.bytes_stored,
        "packs": plan.packs_stored,
        "packs_removed": plan.packs_removed,
        "packs_merged": plan.packs_merged,
        "copied": plan.bytes_copied,
        "freed": plan.bytes_freed,
        "unused": plan.bytes_unused,
        "leftovers": [left.path for left in plan.leftovers],
    }
