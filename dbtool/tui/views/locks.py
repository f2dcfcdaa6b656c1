"""The Locks tab: who writes, who reads, who keeps the WAL, and how that went over time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Vertical

from dbtool.core.quantities import format_size
from dbtool.tui.present.locks import LOCK_COLUMNS, lock_rows, wal_lines
from dbtool.tui.present.overview import wal_sizes
from dbtool.tui.views.view import View
from dbtool.tui.widgets.curve import Curve
from dbtool.tui.widgets.listing import Listing
from dbtool.tui.widgets.panel import Lines, Panel
from dbtool.tui.widgets.timeline import Timeline

if TYPE_CHECKING:
    from dbtool.tui.state import State

__all__ = ["LocksView"]


class LocksView(View):
    """Locks and the WAL, live."""

    TITLE = "Locks"

    def compose(self) -> ComposeResult:
        """Lay out."""
        with Vertical():
            with Panel(id="wal-state", classes="short"):
                yield Lines(id="wal-lines")
            with Panel(id="wal-history", classes="medium"):
                yield Curve("WAL", lambda value: format_size(int(value)), id="wal-curve")
                yield Timeline(id="lock-timeline")
            with Panel(id="locks"):
                yield Listing(id="lock-list")

    def show(self, state: State, now_s: float) -> None:
        """Draw."""
        self.query_one("#wal-lines", Lines).show(wal_lines(state))
        self.query_one("#wal-state", Panel).entitle("WAL")
        self.query_one("#wal-curve", Curve).plot(wal_sizes(state.looks))
        self.query_one("#lock-timeline", Timeline).plot(state.looks)
        self.query_one("#wal-history", Panel).entitle("History")
        rows = lock_rows(state)
        self.query_one("#lock-list", Listing).show(LOCK_COLUMNS, rows)
        self.query_one("#locks", Panel).entitle(f"Processes ({len(rows)})", "live")
