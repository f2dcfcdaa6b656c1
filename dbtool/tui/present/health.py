"""The lines of the Health panel, each from what is known by now."""

from __future__ import annotations

from typing import Final

from dbtool.tui.line import Line, Status
from dbtool.tui.present.backups import backup_line, verified_line
from dbtool.tui.present.locks import wal_line
from dbtool.tui.present.migrations import schema_line
from dbtool.tui.present.overview import disk_line, file_line
from dbtool.tui.state import State

__all__ = ["health_lines"]


def _schema(state: State) -> list[Line]:
    """Return the line of the schema, where migrations are kept."""
    known = "migrations" in state.readings
    line = schema_line(state)
    return [line] if known and line.status is not Status.PLAIN else []


_TOLD: Final = {"checkpoint-pinned", "backup-stale", "disk-free-low", "database-unreadable"}
"""Alerts whose matter has a line of its own."""


def _alerts(state: State) -> list[Line]:
    """Return the alerts that fire and are not told already."""
    live = state.live
    return [
        Line(
            alert.code,
            alert.evidence,
            Status.CRIT if alert.severity == "critical" else Status.WARN,
        )
        for alert in (live.alerts if live else ())
        if alert.code not in _TOLD
    ]


def health_lines(state: State, now_s: float) -> list[Line]:
    """Return what is well and what is not, the file first."""
    return [
        file_line(state),
        backup_line(state, now_s),
        verified_line(state, now_s),
        wal_line(state.live),
        disk_line(state.live),
        *_schema(state),
        *_alerts(state),
    ]
