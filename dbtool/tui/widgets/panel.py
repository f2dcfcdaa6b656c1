"""A frame with a title around one thing, which says how old it is when it is stale."""

from __future__ import annotations

from collections.abc import Sequence

from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from dbtool.core.printable import visible
from dbtool.tui.line import SYMBOLS, Line, Status

__all__ = ["Lines", "Panel"]

_STYLES = {
    Status.OK: "$success",
    Status.WARN: "bold $warning",
    Status.CRIT: "bold $error",
    Status.UNKNOWN: "$text-muted",
    Status.PLAIN: "",
}


class Panel(Vertical):
    """A frame with a title."""

    def entitle(self, title: str, note: str = "") -> None:
        """Set the title, and a note at the lower edge such as `as of 12:04:10`."""
        if (str(self.border_title or ""), str(self.border_subtitle or "")) != (title, note):
            self.border_title = Content(visible(title))
            self.border_subtitle = Content(visible(note))


class Lines(Static):
    """Lines with a status each: symbol, label, text."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__("", id=id)
        self._lines: tuple[Line, ...] = ()

    def show(self, lines: Sequence[Line]) -> None:
        """Show these lines; where nothing changed nothing is drawn."""
        if tuple(lines) != self._lines:
            self._lines = tuple(lines)
            self.update(self._content())

    def as_text(self) -> str:
        """Return the lines as plain text."""
        return self._content().plain

    def _content(self) -> Content:
        width = max((len(line.label) for line in self._lines), default=0)
        shown = []
        for line in self._lines:
            style = _STYLES[line.status]
            head = (f"{SYMBOLS[line.status]} ", style)
            label = (visible(line.label).ljust(width) + "  ", "$text-muted")
            shown.append(Content.assemble(head, label, (visible(line.text), style)))
        return Content("\n").join(shown)
