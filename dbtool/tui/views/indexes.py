"""The Indexes tab: which there are, and what measuring says of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.containers import Vertical

from dbtool.tui.present.indexes import (
    ADVICE_COLUMNS,
    INDEX_COLUMNS,
    advice_lines,
    advice_rows,
    index_rows,
)
from dbtool.tui.views.view import View
from dbtool.tui.widgets.listing import Listing
from dbtool.tui.widgets.panel import Lines, Panel

if TYPE_CHECKING:
    from dbtool.tui.state import State

__all__ = ["IndexesView"]


class IndexesView(View):
    """Indexes and advice."""

    TITLE = "Indexes"
    FEEDS: ClassVar[tuple[str, ...]] = ("indexes",)
    ALSO: ClassVar[tuple[str, ...]] = ("advice",)

    def compose(self) -> ComposeResult:
        """Lay out."""
        with Vertical():
            with Panel(id="index-panel"):
                yield Listing(id="index-list")
            with Panel(id="advice-panel"):
                yield Lines(id="advice-lines")
                yield Listing(id="advice-list")

    def show(self, state: State, now_s: float) -> None:
        """Draw."""
        rows = index_rows(state)
        self.query_one("#index-list", Listing).show(INDEX_COLUMNS, rows)
        problem = state.problem("indexes")
        note = problem.message if problem else ""
        self.query_one("#index-panel", Panel).entitle(f"Indexes ({len(rows)})", note)
        self.query_one("#advice-lines", Lines).show(advice_lines(state))
        advice = advice_rows(state)
        self.query_one("#advice-list", Listing).show(ADVICE_COLUMNS, advice)
        self.query_one("#advice-list", Listing).display = bool(advice)
        self.query_one("#advice-panel", Panel).entitle("Advice", "a applies, u undoes")

    @property
    def advised(self) -> str | None:
        """Id of the advice under the cursor."""
        row = self.query_one("#advice-list", Listing).selected
        return None if row is None else row.key
