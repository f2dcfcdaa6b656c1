"""The Backups tab: snapshots, how fresh and how proven they are, the timer, what would go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Vertical

from dbtool.tui.present.backups import (
    SNAPSHOT_COLUMNS,
    backup_line,
    schedule_lines,
    snapshot_rows,
    verified_line,
)
from dbtool.tui.present.times import stale_note
from dbtool.tui.views.view import View
from dbtool.tui.widgets.listing import Listing
from dbtool.tui.widgets.panel import Lines, Panel

if TYPE_CHECKING:
    from dbtool.tui.state import State

__all__ = ["BackupsView"]


class BackupsView(View):
    """Snapshots and what keeps them coming."""

    TITLE = "Backups"
    FEEDS = ("snapshots", "schedule")

    def compose(self) -> ComposeResult:
        """Lay out."""
        with Vertical():
            with Panel(id="backup-state", classes="short"):
                yield Lines(id="backup-lines")
            with Panel(id="snapshots"):
                yield Listing(id="snapshot-list")

    def show(self, state: State, now_s: float) -> None:
        """Draw."""
        lines = [backup_line(state, now_s), verified_line(state, now_s), *schedule_lines(state)]
        self.query_one("#backup-lines", Lines).show(lines)
        self.query_one("#backup-state", Panel).entitle(f"Repository {state.database.repository}")
        rows = snapshot_rows(state, now_s)
        self.query_one("#snapshot-list", Listing).show(SNAPSHOT_COLUMNS, rows)
        problem = state.problem("snapshots")
        note = stale_note(None, problem.message) if problem else ""
        self.query_one("#snapshots", Panel).entitle(f"Snapshots ({len(rows)})", note)
