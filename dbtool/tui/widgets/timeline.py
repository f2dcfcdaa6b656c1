"""Who held what at each look: one line each for writer, checkpoint and pinning reader."""

from __future__ import annotations

from collections.abc import Iterable

from textual.content import Content
from textual.widget import Widget

from dbtool.tui.model import Live

__all__ = ["Timeline", "marks"]

_LINES = (("write", "writer"), ("checkpoint", "checkpoint"), ("pin", "pins the WAL"))
_LABEL = 13


class Timeline(Widget):
    """Looks as columns, the newest at the right."""

    DEFAULT_CSS = "Timeline { height: 3; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._looks: tuple[Live, ...] = ()

    def plot(self, looks: Iterable[Live]) -> None:
        """Draw these looks."""
        new = tuple(looks)
        if new and (not self._looks or new[-1] is not self._looks[-1]):
            self._looks = new
            self.refresh()

    def render(self) -> Content:
        """Draw."""
        columns = max(self.size.width - _LABEL, 0)
        shown = self._looks[len(self._looks) - columns :] if columns else ()
        lines = []
        for kind, label in _LINES:
            drawn = marks(shown, kind)
            style = "$warning" if kind == "pin" else "$primary"
            lines.append(Content.assemble((label.ljust(_LABEL), "$text-muted"), (drawn, style)))
        return Content("\n").join(lines)


def marks(looks: Iterable[Live], kind: str) -> str:
    """Return one character a look: a block where somebody held it, a dot where nobody did."""
    found = []
    for live in looks:
        if kind == "pin":
            held = any(holder.blocks_checkpoint for holder in live.holders)
        else:
            held = any(holder.kind == kind for holder in live.holders)
        found.append("█" if held else "·")
    return "".join(found)
