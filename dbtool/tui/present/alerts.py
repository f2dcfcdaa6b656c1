"""How many things want attention: from the alerts of the monitor and from what is seen here."""

from __future__ import annotations

from dbtool.tui.line import Status
from dbtool.tui.present.health import health_lines
from dbtool.tui.state import State

__all__ = ["counts"]


def counts(state: State, now_s: float) -> tuple[int, int]:
    """Return the numbers of warnings and of critical things."""
    statuses = [line.status for line in health_lines(state, now_s)]
    return statuses.count(Status.WARN), statuses.count(Status.CRIT)
