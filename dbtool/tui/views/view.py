"""What all tabs have in common: they ask feeds, show a state, and can be copied."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.containers import Container

from dbtool.tui.widgets.curve import Curve
from dbtool.tui.widgets.listing import Listing
from dbtool.tui.widgets.panel import Lines, Panel

if TYPE_CHECKING:
    from textual.events import DescendantFocus

    from dbtool.tui.line import Row
    from dbtool.tui.model import Reading
    from dbtool.tui.state import State

__all__ = ["View"]


class View(Container, can_focus=True):
    """One tab. It draws from a `State` alone and asks for nothing itself."""

    TITLE: ClassVar[str] = ""
    FEEDS: ClassVar[tuple[str, ...]] = ()
    """What has to be asked when it is shown."""

    ALSO: ClassVar[tuple[str, ...]] = ()
    """What it draws too where it is known, without asking."""
    _last: Listing | None = None
    takes_query = False
    """True: `/` goes to a field of its own instead of filtering rows."""

    def focus_query(self) -> None:
        """Go to that field."""

    def show(self, state: State, now_s: float) -> None:
        """Draw what is known; called when something came and the tab is in front."""

    def details(self, row: Row) -> tuple[str, list[tuple[str, str]]]:
        """Return title and fields of a row, for who presses Enter on it."""
        return row.cells[0], [(str(name), _plain(value)) for name, value in row.data.items()]

    def asks(self, row: Row) -> tuple[str, tuple[str, ...]] | None:
        """Return the feed, and its further words, that completes the details of a row."""
        return None

    def answer(self, reading: Reading | None) -> list[tuple[str, str]]:
        """Return the fields that its answer adds; None: a recording that does not hold it."""
        return []

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        """Keep which listing is worked with, while a field has the focus."""
        if isinstance(event.widget, Listing):
            self._last = event.widget

    @property
    def listing(self) -> Listing | None:
        """The listing that filter and sort act on: that which had the focus last, or the first."""
        if self._last is not None and self._last.display:
            return self._last
        return next(iter(self.query(Listing)), None)

    def as_text(self) -> str:
        """Return what is shown as plain text."""
        parts = []
        for widget in self.query("*"):
            if isinstance(widget, Panel) and widget.border_title:
                parts.append(f"\n{widget.border_title}")
            elif isinstance(widget, (Lines, Listing, Curve)) and widget.display:
                parts.append(widget.as_text())
        return "\n".join(parts).strip() + "\n"


def _plain(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_plain, value)) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{key} {_plain(item)}" for key, item in value.items())
    return str(value)
