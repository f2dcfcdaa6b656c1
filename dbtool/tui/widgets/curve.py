"""A curve drawn with block characters, with its range written beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget

__all__ = ["Curve", "columns_of", "resample"]

_BLOCKS = " ▁▂▃▄▅▆▇█"
_STEPS = len(_BLOCKS) - 1
_FEWEST_COLUMNS = 8


class Curve(Widget):
    """Values over time, the newest at the right."""

    DEFAULT_CSS = "Curve { height: 1fr; min-height: 1; }"

    def __init__(
        self,
        label: str,
        show_value: Callable[[float], str],
        *,
        from_zero: bool = True,
        id: str | None = None,
    ) -> None:
        """Make an empty curve.

        Args:
            label: what it is of.
            show_value: writes a value for people.
            from_zero: whether the lower edge is zero, or the least value.
            id: of the widget.
        """
        super().__init__(id=id)
        self._label = label
        self._show_value = show_value
        self._from_zero = from_zero
        self._values: tuple[float, ...] = ()
        self._note = ""

    def plot(self, values: Sequence[float], note: str = "") -> None:
        """Draw these values, the newest last; where nothing changed nothing is drawn.

        Args:
            values: any number; they are averaged into the columns that there are.
            note: what stands beside the label; empty: the newest value.
        """
        if (tuple(values), note) != (self._values, self._note):
            self._values, self._note = tuple(values), note
            self.refresh()

    def render(self) -> Content:
        """Draw."""
        size: Size = self.size
        head = self._head(size.width)
        rows = size.height - (1 if size.height > 1 else 0)
        if not self._values:
            return Content.styled(f"{self._label}  no history yet", "$text-muted")
        if rows < 1 or size.width < _FEWEST_COLUMNS:
            return head
        low = 0.0 if self._from_zero else min(self._values)
        lines = columns_of(resample(self._values, size.width), rows, low)
        drawn = [Content.styled(line, "$primary") for line in lines]
        return Content("\n").join([head, *drawn] if size.height > 1 else drawn)

    def as_text(self) -> str:
        """Return the label and its values in short."""
        return self._head(200).plain

    def _head(self, width: int) -> Content:
        if not self._values:
            return Content(self._label)
        newest = self._note or self._show_value(self._values[-1])
        span = f"{self._show_value(min(self._values))} to {self._show_value(max(self._values))}"
        text = f"{self._label}  {newest}"
        rest = f"   {span}" if len(text) + len(span) + 3 <= width else ""
        return Content.assemble((text, "bold"), (rest, "$text-muted"))


def resample(values: Sequence[float], columns: int) -> list[float]:
    """Return one value a column: the greatest of those that fall into it, so that peaks show."""
    if len(values) <= columns:
        return list(values)
    count = len(values)
    edges = [round(number * count / columns) for number in range(columns + 1)]
    return [max(values[a:b]) for a, b in pairwise(edges)]


def columns_of(values: Sequence[float], rows: int, low: float) -> list[str]:
    """Return the lines of text, the upper one first, that draw values as columns of blocks."""
    span = max(values) - low or 1.0
    heights = [round((value - low) / span * rows * _STEPS) for value in values]
    lines = []
    for row in range(rows - 1, -1, -1):
        filled = (min(max(height - row * _STEPS, 0), _STEPS) for height in heights)
        lines.append("".join(_BLOCKS[step] for step in filled))
    return lines
