"""The Overview tab: health, growth, newest backups, locks, advice, events."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.containers import Grid

from dbtool.core.quantities import format_size
from dbtool.tui.present.advice import advised
from dbtool.tui.present.backups import SNAPSHOT_COLUMNS, repository_lines, snapshot_rows
from dbtool.tui.present.health import health_lines
from dbtool.tui.present.locks import LOCK_COLUMNS, lock_rows
from dbtool.tui.present.overview import commit_rates, wal_sizes
from dbtool.tui.present.storage import growth_line
from dbtool.tui.views.events import COLUMNS as EVENT_COLUMNS
from dbtool.tui.views.events import event_rows
from dbtool.tui.views.view import View
from dbtool.tui.widgets.curve import Curve
from dbtool.tui.widgets.listing import Listing
from dbtool.tui.widgets.panel import Lines, Panel

if TYPE_CHECKING:
    from dbtool.tui.state import State

__all__ = ["OverviewView"]

_MOST_ROWS = 50


class OverviewView(View):
    """Everything at a glance."""

    TITLE = "Overview"
    FEEDS: ClassVar[tuple[str, ...]] = ("snapshots", "storage", "migrations")
    ALSO: ClassVar[tuple[str, ...]] = ("advice",)

    def compose(self) -> ComposeResult:
        """Lay out."""
        with Grid(id="overview-grid"):
            with Panel(id="health"):
                yield Lines(id="health-lines")
            with Panel(id="growth"):
                yield Lines(id="growth-lines")
                yield Curve("wal", lambda value: format_size(int(value)), id="growth-wal")
                yield Curve("writes", lambda value: f"{value:.1f} commits/s", id="growth-writes")
            with Panel(id="newest"):
                yield Listing(id="newest-list")
            with Panel(id="holders"):
                yield Listing(id="holder-list")
            with Panel(id="advised"):
                yield Lines(id="advised-lines")
            with Panel(id="happened"):
                yield Listing(id="happened-list")

    def show(self, state: State, now_s: float) -> None:
        """Draw."""
        self.query_one("#health-lines", Lines).show(health_lines(state, now_s))
        self.query_one("#health", Panel).entitle("Health")
        self.query_one("#growth-wal", Curve).plot(wal_sizes(state.looks))
        self.query_one("#growth-writes", Curve).plot(commit_rates(state.looks))
        lines = [growth_line(state), *repository_lines(state)]
        self.query_one("#growth-lines", Lines).show(lines)
        self.query_one("#growth", Panel).entitle("Growth and writes", "live")
        rows = snapshot_rows(state, now_s)
        self.query_one("#newest-list", Listing).show(SNAPSHOT_COLUMNS, rows[:_MOST_ROWS])
        self.query_one("#newest", Panel).entitle("Backups", f"{len(rows)}" if rows else "none")
        self.query_one("#holder-list", Listing).show(LOCK_COLUMNS, lock_rows(state))
        self.query_one("#holders", Panel).entitle("Locks", "live")
        self.query_one("#advised-lines", Lines).show(advised(state))
        self.query_one("#advised", Panel).entitle("Advice")
        events = event_rows(state.events)[:_MOST_ROWS]
        self.query_one("#happened-list", Listing).show(EVENT_COLUMNS, events)
        self.query_one("#happened", Panel).entitle("Events", "" if events else "none yet")
