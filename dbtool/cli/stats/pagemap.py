"""The map of the pages of a database, as data and as letters: `dbtool stats --section map`.

It is no section of the library's report, as it takes a pass over all pages of its own; it is made
where it is asked for.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from dbtool.cli.stats.files import usage_of
from dbtool.errors import DbtoolError
from dbtool.monitor.stats.model import Unavailable
from dbtool.pages.usage import marks_of

if TYPE_CHECKING:
    from dbtool.cli.context import Session
    from dbtool.cli.painter import Painter
    from dbtool.cli.targets import Target
    from dbtool.monitor.stats.model import StatsReport
    from dbtool.pages.usage import PageUsage

__all__ = ["MAP", "map_data", "show_map", "with_map"]

MAP: Final = "map"
_CELLS: Final = 2000
_WIDTH: Final = 72
_LINES: Final = 16
_FREE: Final = "·"


def with_map(session: Session, target: Target, report: StatsReport) -> StatsReport:
    """Return a report with the owners of the pages, or why they cannot be had."""
    found: PageUsage | Unavailable | None = None
    problem = report.problem
    if problem is None:
        try:
            found = usage_of(session, target)
        except DbtoolError as error:
            problem = error
    reason = "it has no pages" if problem is None else problem.message
    section = found or Unavailable(reason)
    return replace(report, sections={**report.sections, MAP: section}, problem=problem)


def map_data(usage: PageUsage) -> dict[str, Any]:
    """Return the map as JSON has it: the owner of each part of the file, in order."""
    cells = [name for name, _ in usage.cells(_CELLS)]
    return {
        "pages": usage.page_count,
        "pages_per_cell": _pages(usage, cells),
        "cells": cells,
    }


def show_map(painter: Painter, usage: PageUsage, _report: object) -> None:
    """Write the map: a letter for each part of the file, by its owner."""
    width = min(_WIDTH, (painter.session.width() or _WIDTH) - 2)
    cells = [name for name, _ in usage.cells(width * _LINES)]
    marks = marks_of(cells)
    note = f"in the order of the file; one letter is {_pages(usage, cells):,} pages"
    painter.heading("Pages", note)
    for start in range(0, len(cells), width):
        line = "".join(marks.get(name, _FREE) for name in cells[start : start + width])
        painter.session.output.line(f"  {line}")
    painter.pairs([(mark, name) for name, mark in marks.items()][:_LINES])


def _pages(usage: PageUsage, cells: list[str]) -> int:
    return max(1, round(usage.page_count / max(len(cells), 1)))
