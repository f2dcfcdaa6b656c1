"""Advice in short, for the overview: what statistics noticed and what measuring found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dbtool.tui.line import Line, Status
from dbtool.tui.present.indexes import advice_rows
from dbtool.tui.state import State

__all__ = ["advised"]


def advised(state: State) -> list[Line]:
    """Return what could be made better, what was measured first."""
    measured = [Line("measured", row.cells[1], Status.WARN) for row in advice_rows(state)]
    report: Mapping[str, Any] = state.data("storage") or {}
    seen = [
        Line("noticed", str(each["text"]), Status.CRIT if each.get("urgent") else Status.WARN)
        for each in report.get("advice", ())
    ]
    found = measured + seen
    if found:
        return found
    if state.data("storage") is None:
        return [Line("advice", "asking ...")]
    return [Line("advice", "nothing was noticed; o measures", Status.OK)]
