"""A whole database restored: the plan, the question, the work, and what is told of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbtool.cli.confirm import confirm_by_name
from dbtool.cli.views import brief, local_time, short
from dbtool.core.quantities import format_duration, format_size

if TYPE_CHECKING:
    from dbtool.backup.model import RestoreOptions, RestorePlan, RestoreResult, Snapshot
    from dbtool.backup.repository import Repository
    from dbtool.cli.context import Session

__all__ = ["restore_whole"]


def restore_whole(
    session: Session,
    repository: Repository,
    snapshot: Snapshot,
    file: Path,
    options: RestoreOptions,
    *,
    dry_run: bool,
    yes: bool,
) -> None:
    """Restore a snapshot to `file`; overwriting shows its plan and asks first, unless `yes`."""
    if dry_run or (options.mode != "new" and not yes):
        with session.work() as progress:
            plan = repository.plan_restore(snapshot, file, options, progress=progress)
        if dry_run:
            session.output.report(
                "dbtool.restore-plan/1", _plan_data(plan), _plan_lines(plan, options), always=True
            )
            return
        _confirm(session, plan, options)
    session.output.record("start", {"snapshot": snapshot.id, "target": file, "mode": options.mode})
    with session.work() as progress:
        result = repository.restore(snapshot, file, options, progress=progress)
    session.output.report("dbtool.restore/1", _data(result), _lines(result))


def _confirm(session: Session, plan: RestorePlan, options: RestoreOptions) -> None:
    for label, text in _plan_lines(plan, options):
        session.note(f"{label:<9}  {text}")
    confirm_by_name(session, plan.target.name, f"overwrite {brief(plan.target)}", yes=False)


def _plan_lines(plan: RestorePlan, options: RestoreOptions) -> list[tuple[str, str]]:
    snapshot = plan.snapshot
    ways = {
        "new": "a new file",
        "delta": "over the existing file, in place, atomically",
        "live": "through SQLite, while others have it open",
    }
    lines = [
        (
            "snapshot",
            f"{short(snapshot.id)} of {local_time(snapshot.time)}, "
            f"{format_size(snapshot.size_bytes)}",
        ),
        (
            "target",
            brief(plan.target)
            + (f", now {format_size(plan.target_size_bytes)}" if plan.target_exists else ""),
        ),
        ("how", ways[plan.mode]),
    ]
    if plan.pages_differing is not None:
        lines.append(("writes", f"{plan.pages_differing:,} of {plan.pages_total:,} pages"))
    if plan.target_exists and plan.mode != "new":
        kept = (
            "a snapshot of what is there now is taken first"
            if options.safety_snapshot
            else "nothing of what is there now"
        )
        lines.append(("keeps", kept))
    lines += [("open by", holder) for holder in plan.holders]
    return lines


def _lines(result: RestoreResult) -> list[tuple[str, str]]:
    snapshot = result.snapshot
    speed = ""
    if result.mode == "new" and result.duration_s > 0:
        speed = f", {format_size(int(result.size_bytes / result.duration_s))}/s"
    lines = [
        ("restored", brief(result.target)),
        ("snapshot", f"{short(snapshot.id)} of {local_time(snapshot.time)}"),
        (
            "written",
            f"{result.pages_written:,} of {result.pages_total:,} pages, each proven by its hash",
        ),
        ("size", format_size(result.size_bytes)),
        ("time", format_duration(result.duration_s) + speed),
    ]
    if result.safety_snapshot is not None:
        lines.append(("before", f"kept as snapshot {short(result.safety_snapshot.id)}"))
    return lines


def _data(result: RestoreResult) -> dict[str, Any]:
    return {
        "snapshot": result.snapshot.id,
        "target": result.target,
        "mode": result.mode,
        "pages": result.pages_total,
        "pages_written": result.pages_written,
        "size": result.size_bytes,
        "duration": result.duration_s,
        "safety_snapshot": result.safety_snapshot.id if result.safety_snapshot else None,
    }


def _plan_data(plan: RestorePlan) -> dict[str, Any]:
    return {
        "snapshot": plan.snapshot.id,
        "target": plan.target,
        "mode": plan.mode,
        "target_exists": plan.target_exists,
        "target_size": plan.target_size_bytes,
        "pages": plan.pages_total,
        "pages_differing": plan.pages_differing,
        "open_by": plan.holders,
    }
