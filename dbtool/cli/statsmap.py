"""The map of the pages of a database, as data and as letters: `dbtool stats --section map`.

It is no section of the library's report, as it takes a pass over all pages of its own; it is made
where it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dbtool.cli.statsfiles import usage_of
from dbtool.monitor.stats.model import Unavailable
from dbtool.pages.usage import marks_of

if TYPE_CHECKING:
    from dbtool.cli.context import Session
    from dbtool.cli.painter import Painter
    from dbtool.cli.targets import Target
    from dbtool.pages.usage import PageUsage

__all__ = ["MAP", "look_up", "map_data", "show_map"]

MAP: Final = "map"
_CELLS: Final = 2000
_WIDTH: Final = 72
_LINES: Final = 16
_FREE: Final = "·"


def look_up(session: Session, target: Target) -> PageUsage | Unavailable:
    """Look up the owners of the pages, where they can be had."""
    usage = usage_of(session, target)
    return usage or Unavailable("the pages cannot be looked at, or there are none")


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
