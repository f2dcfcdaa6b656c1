"""The Search tab: one box over every table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input

from dbtool.tui.present.found import HIT_COLUMNS, found_lines, hit_rows
from dbtool.tui.views.view import View
from dbtool.tui.widgets.listing import Listing
from dbtool.tui.widgets.panel import Lines, Panel

if TYPE_CHECKING:
    from dbtool.tui.state import State

__all__ = ["SearchView"]


class SearchView(View):
    """A query and the rows that it finds."""

    TITLE = "Search"
    ALSO = ("search",)
    takes_query = True
    searched = ""
    """What was looked for last; empty: nothing yet."""

    def compose(self) -> ComposeResult:
        """Lay out."""
        with Vertical():
            yield Input(id="search-query", placeholder='words, "phrases", column:word, table:name')
            with Panel(id="search-state", classes="short"):
                yield Lines(id="search-lines")
            with Panel(id="search-panel"):
                yield Listing(id="hit-list")

    def focus_query(self) -> None:
        """Go to the field."""
        self.screen.set_focus(self.query_one("#search-query", Input))

    def show(self, state: State, now_s: float) -> None:
        """Draw."""
        self.query_one("#search-lines", Lines).show(found_lines(state, self.searched))
        self.query_one("#search-state", Panel).entitle("Search")
        rows = hit_rows(state)
        self.query_one("#hit-list", Listing).show(HIT_COLUMNS, rows)
        self.query_one("#search-panel", Panel).entitle(f"Rows ({len(rows)})")
