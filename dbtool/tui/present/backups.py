"""Snapshots, their proofs, what a prune would remove, and the schedule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dbtool.core.quantities import format_duration, format_size
from dbtool.tui.line import Column, Line, Row, Status
from dbtool.tui.present.times import age, moment, parse
from dbtool.tui.state import State

__all__ = [
    "PRUNE_COLUMNS",
    "SNAPSHOT_COLUMNS",
    "backup_line",
    "prune_rows",
    "repository_lines",
    "schedule_lines",
    "snapshot_rows",
    "verified_line",
]

SNAPSHOT_COLUMNS = (
    Column("snapshot"),
    Column("time"),
    Column("age", right=True),
    Column("size", right=True),
    Column("added", right=True),
    Column("verified"),
    Column("tags and note"),
)
_SHORT = 8


def snapshot_rows(state: State, now_s: float) -> list[Row]:
    """Return the snapshots, the newest first."""
    found: Sequence[Mapping[str, Any]] = state.data("snapshots") or ()
    return [_snapshot_row(snapshot, now_s) for snapshot in reversed(found)]


def _snapshot_row(snapshot: Mapping[str, Any], now_s: float) -> Row:
    seen = snapshot.get("seen") or snapshot["time"]
    remarks = " ".join([*snapshot.get("tags", ()), snapshot.get("note") or ""]).strip()
    verified = snapshot.get("verified")
    cells = (
        str(snapshot["id"])[:_SHORT],
        moment(snapshot["time"]),
        age(seen, now_s),
        format_size(snapshot["size"]),
        format_size(snapshot["added"]),
        age(verified, now_s, "never"),
        remarks,
    )
    order = (
        snapshot["id"],
        snapshot["time"],
        seen,
        snapshot["size"],
        snapshot["added"],
        verified,
        remarks,
    )
    return Row(str(snapshot["id"]), cells, order, data=snapshot)


def backup_line(state: State, now_s: float) -> Line:
    """Say how old the newest backup is, against the limit that is configured."""
    problem = state.problem("snapshots")
    if problem is not None and problem.code == "repository-not-found":
        return Line("backup", "none yet; b takes the first", Status.CRIT)
    if problem is not None:
        return Line("backup", problem.message, Status.WARN)
    if "snapshots" not in state.good:
        return Line("backup", "asking ...", Status.PLAIN)
    found = [s for s in state.data("snapshots") if "safety" not in s.get("tags", ())]
    if not found:
        return Line("backup", "none yet; b takes the first", Status.CRIT)
    newest = max(found, key=lambda s: s.get("seen") or s["time"])
    when = parse(newest.get("seen") or newest["time"])
    age_s = now_s - when.timestamp() if when else 0.0
    limit_s = state.database.max_backup_age_s
    text = f"{str(newest['id'])[:_SHORT]}  {format_duration(max(age_s, 0.0))} old"
    if limit_s is None:
        return Line("backup", text, Status.OK)
    late = age_s > limit_s
    return Line(
        "backup",
        f"{text}, limit {format_duration(limit_s)}",
        Status.CRIT if late else Status.OK,
    )


def verified_line(state: State, now_s: float) -> Line:
    """Say when a snapshot was last proven to be whole."""
    found = state.data("snapshots") or ()
    times = [s["verified"] for s in found if s.get("verified")]
    if not times:
        known = "snapshots" in state.good and found
        return Line("proof", "no snapshot is proven yet; v", Status.WARN if known else Status.PLAIN)
    return Line("proof", f"a snapshot was proven {age(max(times), now_s)}", Status.OK)


def repository_lines(state: State) -> list[Line]:
    """Say what the snapshots cost together, and how much smaller that is than copies."""
    found = state.data("snapshots") or ()
    added = sum(snapshot["added"] for snapshot in found)
    whole = sum(snapshot["size"] for snapshot in found)
    if not added:
        return []
    text = f"{format_size(added)} for {len(found)} snapshots, {whole / added:.1f}x smaller"
    return [Line("repo", text)]


PRUNE_COLUMNS = (Column("snapshot"), Column("time"), Column("plan"), Column("because"))


def prune_rows(data: Mapping[str, Any] | None) -> list[Row]:
    """Return what a prune would do with each snapshot, those that it removes first."""
    if not data:
        return []
    rows = []
    for snapshot in data.get("snapshots", ()):
        plan = str(snapshot.get("plan", ""))
        reasons = ", ".join(map(str, snapshot.get("reasons", ())))
        cells = (str(snapshot["id"])[:_SHORT], moment(snapshot["time"]), plan, reasons)
        status = Status.WARN if plan != "keep" else Status.OK
        rows.append(Row(str(snapshot["id"]), cells, status=status, data=snapshot))
    return sorted(rows, key=lambda row: row.cells[2] == "keep")


def schedule_lines(state: State) -> list[Line]:
    """Say what timers are installed, when they run next, and how the last run ended."""
    problem = state.problem("schedule")
    if problem is not None and problem.code == "schedule-not-found":
        return [Line("schedule", "no timer is installed; t installs one", Status.WARN)]
    if problem is not None:
        return [Line("schedule", problem.message, Status.UNKNOWN)]
    data = state.data("schedule")
    if data is None:
        return [Line("schedule", "asking ...")]
    # Recordings of before hold the one timer there was.
    return [line for entry in data.get("timers", [data]) for line in _timer_lines(entry)]


def _timer_lines(entry: Mapping[str, Any]) -> list[Line]:
    lines = [Line("schedule", f"{entry.get('when') or 'installed'} ({entry.get('timer', '')})")]
    result = entry.get("last_result")
    if entry.get("when") == "always":
        running = Status.OK if result == "active" else Status.CRIT
        return [Line("follow", str(result or "unknown"), running)]
    if entry.get("next_run"):
        lines.append(Line("next run", str(entry["next_run"])))
    if entry.get("last_run"):
        status = {"success": Status.OK, None: Status.PLAIN}.get(result, Status.CRIT)
        lines.append(Line("last run", f"{entry['last_run']}  {result or ''}".rstrip(), status))
    return lines
