"""A map of the pages of a file: one cell for each part, its letter and colour by owner."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.widget import Widget

from dbtool.core.printable import visible
from dbtool.pages.usage import marks_of

__all__ = ["PageMap"]

_STYLES = ("$primary", "$accent", "$success", "$warning", "$error", "$secondary")
_FREE = "·"
_LEGEND_ROWS = 2


class PageMap(Widget):
    """Cells in the order of the file, with a legend below."""

    DEFAULT_CSS = "PageMap { height: 1fr; min-height: 3; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._cells: tuple[str, ...] = ()
        self._pages = 0

    def plot(self, cells: Sequence[str], pages_per_cell: int) -> None:
        """Draw these cells.

        Args:
            cells: owner of each part; empty for one of no owner.
            pages_per_cell: how many pages one part has.
        """
        if (tuple(cells), pages_per_cell) != (self._cells, self._pages):
            self._cells, self._pages = tuple(cells), pages_per_cell
            self.refresh()

    def render(self) -> Content:
        """Draw."""
        if not self._cells:
            return Content.styled("no map yet", "$text-muted")
        marks = marks_of(self._cells)
        width = max(self.size.width, 1)
        room = max((self.size.height - _LEGEND_ROWS) * width, 1)
        cells = _fewer(self._cells, room)
        lines = [
            Content("").join([_cell(owner, marks) for owner in cells[start : start + width]])
            for start in range(0, len(cells), width)
        ]
        return Content("\n").join([*lines, self._legend(marks, len(cells))])

    def as_text(self) -> str:
        """Return the legend."""
        return self._legend(marks_of(self._cells), len(self._cells)).plain

    def _legend(self, marks: dict[str, str], shown: int) -> Content:
        pages = self._pages * len(self._cells) / max(shown, 1)
        parts = [
            Content.assemble((f"{marks[owner]} ", _style(marks[owner])), f"{visible(owner)}  ")
            for owner in marks
        ]
        free = Content.styled(f"{_FREE} free  one cell is {pages:,.0f} pages", "$text-muted")
        return Content("").join([*parts, free])


def _fewer(cells: Sequence[str], room: int) -> Sequence[str]:
    if len(cells) <= room:
        return cells
    return [cells[number * len(cells) // room] for number in range(room)]


def _cell(owner: str, marks: dict[str, str]) -> Content:
    if not owner:
        return Content.styled(_FREE, "$text-muted")
    return Content.styled(marks[owner], _style(marks[owner]))


def _style(mark: str) -> str:
    return _STYLES[ord(mark) % len(_STYLES)]
