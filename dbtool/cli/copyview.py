"""What a copy would do and has done, to people and to programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from dbtool.cli.render import Column
from dbtool.cli.views import counted, local_time, short
from dbtool.core.quantities import format_duration, format_size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dbtool.backup.copy import CopyPlan, CopyResult, Uncopied
    from dbtool.backup.model import Snapshot
    from dbtool.cli.context import Session
    from dbtool.cli.copies import Destination

__all__ = ["result_data", "show_plans", "show_results", "summary_of", "warn_of_damage"]


class _Row(NamedTuple):
    destination: Destination
    snapshot: Snapshot


def show_plans(session: Session, plans: Sequence[tuple[Destination, CopyPlan]]) -> None:
    """Show which snapshots would be copied where."""
    rows = [_Row(place, snapshot) for place, plan in plans for snapshot in plan.missing]
    columns = [
        Column("id", lambda row: short(row.snapshot.id), style="cyan"),
        Column("time", lambda row: local_time(row.snapshot.time)),
        Column("size", lambda row: format_size(row.snapshot.size_bytes), right=True),
    ]
    if len({row.snapshot.database for row in rows}) > 1:
        columns.append(Column("database", lambda row: row.snapshot.database, wraps=True))
    if len(plans) > 1:
        columns.append(Column("to", lambda row: row.destination.shown, wraps=True))
    data = [
        {
            "repository": row.destination.location,
            "id": row.snapshot.id,
            "time": row.snapshot.time,
            "database": row.snapshot.database,
            "size": row.snapshot.size_bytes,
            "tags": row.snapshot.tags,
        }
        for row in rows
    ]
    if rows or session.format != "table":
        session.output.table("dbtool.copy-plan/1", rows, data, columns)
    for place, plan in plans:
        warn_of_damage(session, place, plan.damaged)
        session.note(
            f"{counted(len(plan.missing), 'snapshot')} to copy to {place.shown}, "
            f"about {format_size(plan.bytes_expected)} to read; {plan.present:,} there already"
        )


def show_results(session: Session, results: Sequence[tuple[Destination, CopyResult]]) -> None:
    """Show what was copied."""
    if session.format == "table":
        for place, result in results:
            session.output.report("dbtool.copy/1", {}, _lines(place, result))
        return
    data = [result_data(place, result) for place, result in results]
    session.output.table("dbtool.copy/1", data, data, ())


def summary_of(result: CopyResult) -> str:
    """Return a result in a few words."""
    if not result.copied:
        return f"nothing new, {counted(result.present, 'snapshot')} there"
    return f"{counted(len(result.copied), 'snapshot')}, {format_size(result.bytes_added)} added"


def result_data(place: Destination, result: CopyResult) -> dict[str, Any]:
    """Return a result for programs."""
    return {
        "repository": place.location,
        "copied": [snapshot.id for snapshot in result.copied],
        "present": result.present,
        "damaged": [
            {"snapshot": lost.snapshot, "problem": lost.problem} for lost in result.damaged
        ],
        "pages_read": result.pages_read,
        "added": result.bytes_added,
        "duration": round(result.duration_s, 3),
    }


def warn_of_damage(session: Session, place: Destination, lost: Sequence[Uncopied]) -> None:
    """Name the snapshots that are left out; the exit code becomes 3."""
    for one in lost:
        name = f"snapshot {short(one.snapshot)}" if one.snapshot else "a snapshot"
        session.warn(f"{name} is not copied to {place.shown}: {one.problem}")


def _lines(place: Destination, result: CopyResult) -> list[tuple[str, str]]:
    new = counted(len(result.copied), "snapshot") if result.copied else "no new snapshot"
    lines = [("copied", f"{new} to {place.shown}")]
    if result.present:
        lines.append(("", f"{counted(result.present, 'snapshot')} there already"))
    if result.copied:
        lines.append(("newest", _newest(result.copied[-1])))
        lines.append(("added", format_size(result.bytes_added)))
    lines.append(("time", format_duration(result.duration_s)))
    return lines


def _newest(snapshot: Snapshot) -> str:
    return f"{short(snapshot.id)} of {local_time(snapshot.time)}"
