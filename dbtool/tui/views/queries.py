"""The Queries tab: what the application's statements cost, as its trace log tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.containers import Vertical

from dbtool.tui.present.queries import (
    QUERY_COLUMNS,
    plan_fields,
    plan_words,
    query_lines,
    query_rows,
)
from dbtool.tui.views.view import View
from dbtool.tui.widgets.listing import Listing
from dbtool.tui.widgets.panel import Lines, Panel

if TYPE_CHECKING:
    from dbtool.tui.line import Row
    from dbtool.tui.model import Reading
    from dbtool.tui.state import State

__all__ = ["QueriesView"]


class QueriesView(View):
    """Statements, the most expensive first; Enter asks for the plan of one."""

    TITLE = "Queries"
    FEEDS: ClassVar[tuple[str, ...]] = ("queries",)

    def compose(self) -> ComposeResult:
        """Lay out."""
        with Vertical():
            with Panel(id="query-state", classes="short"):
                yield Lines(id="query-lines")
            with Panel(id="query-panel"):
                yield Listing(id="query-list")

    def asks(self, row: Row) -> tuple[str, tuple[str, ...]] | None:
        """Ask for the plan."""
        words = plan_words(row.data)
        return ("plan", words) if words else None

    def answer(self, reading: Reading | None) -> list[tuple[str, str]]:
        """Show the plan."""
        return plan_fields(reading)

    def show(self, state: State, now_s: float) -> None:
        """Draw."""
        self.query_one("#query-lines", Lines).show(query_lines(state))
        self.query_one("#query-state", Panel).entitle("Workload")
        rows = query_rows(state)
        self.query_one("#query-list", Listing).show(QUERY_COLUMNS, rows)
        self.query_one("#query-panel", Panel).entitle(f"Statements ({len(rows)})")
