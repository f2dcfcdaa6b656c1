"""How runs of migrations and the standing of a database look, to people and to programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dbtool.cli.render import Column
from dbtool.cli.views import counted, short
from dbtool.core.quantities import format_duration

if TYPE_CHECKING:
    from dbtool.cli.context import Session
    from dbtool.migrate.options import Done, RunResult
    from dbtool.migrate.standing import Entry, Standing

__all__ = ["show_run", "show_standing"]

_SHOWN_TABLES = 4
_WORDS = {
    "applied": "✓ applied",
    "pending": "○ pending",
    "late": "! late",
    "edited": "✗ edited",
    "respaced": "✓ applied, remarks edited",
    "missing": "✗ file missing",
    "squashed": "✓ squashed",
}


def show_run(session: Session, result: RunResult, database: str) -> None:
    """Write what a run did."""
    data = {
        "database": database,
        "done": [_done_data(done) for done in result.done],
        "version": result.version,
        "pending": result.pending,
        "snapshot": result.snapshot,
        "duration": round(result.duration_s, 6),
    }
    lines = []
    for number, done in enumerate(result.done):
        before = result.done[number - 1].way if number else ""
        label = {"up": "applied", "down": "undone"}[done.way] if done.way != before else ""
        lines.append((label, _done_text(done)))
    if not result.done:
        lines.append(("migrations", "nothing to do"))
    lines.append(("version", result.version or "none: nothing is applied"))
    if result.pending:
        lines.append(("pending", counted(result.pending, "migration")))
    if result.snapshot:
        lines.append(("snapshot", f"{short(result.snapshot)} holds what was before"))
    session.output.report("dbtool.migrate-run/1", data, lines)


def show_standing(session: Session, state: Standing, database: str) -> None:
    """Write where a database stands."""
    rows = list(state.entries)
    columns = [
        Column("version", lambda entry: entry.version, style="cyan"),
        Column("name", _name, wraps=True),
        Column("state", lambda entry: _WORDS[entry.state]),
        Column("applied", _when, spare=1),
        Column("took", _took, right=True, spare=2),
    ]
    if session.output.format == "json":
        data = {
            "database": database,
            "version": state.current.version if state.current else None,
            "pending": len(state.pending),
            "drifted": state.drifted,
            "migrations": [_entry_data(entry) for entry in rows],
        }
        session.output.report("dbtool.migrate-status/1", data, [])
        return
    session.output.table("", rows, [_entry_data(entry) for entry in rows], columns)


def _name(entry: Entry) -> str:
    one = entry.migration or entry.applied
    assert one is not None
    return one.name


def _when(entry: Entry) -> str:
    from datetime import datetime

    from dbtool.cli.views import local_time

    if entry.applied is None:
        return "-"
    try:
        return local_time(datetime.fromisoformat(entry.applied.applied_at))
    except ValueError:  # from a history that something else wrote
        return entry.applied.applied_at


def _took(entry: Entry) -> str:
    return format_duration(entry.applied.duration_s) if entry.applied else "-"


def _entry_data(entry: Entry) -> dict[str, Any]:
    applied = entry.applied
    return {
        "version": entry.version,
        "name": _name(entry),
        "state": entry.state,
        "file": entry.migration.path if entry.migration else None,
        "kind": applied.kind if applied else None,
        "applied_at": applied.applied_at if applied else None,
        "duration": applied.duration_s if applied else None,
        "snapshot": applied.snapshot if applied else None,
        "reversible": entry.migration.down is not None if entry.migration else None,
    }


def _done_text(done: Done) -> str:
    changes = [
        f"{table} {before:,} -> {after:,}"
        for table, (before, after) in sorted(done.rows.items())
        if before != after
    ]
    more = f", {len(changes) - _SHOWN_TABLES} more" if len(changes) > _SHOWN_TABLES else ""
    rows = f"   rows: {', '.join(changes[:_SHOWN_TABLES])}{more}" if changes else ""
    return f"{done.label}   {format_duration(done.duration_s)}{rows}"


def _done_data(done: Done) -> dict[str, Any]:
    return {
        "version": done.version,
        "name": done.label,
        "way": done.way,
        "duration": round(done.duration_s, 6),
        "lock": round(done.lock_s, 6),
        "rows": [
            {"table": table, "before": before, "after": after}
            for table, (before, after) in sorted(done.rows.items())
        ],
    }
