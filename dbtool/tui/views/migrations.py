"""The Migrations tab."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.containers import Vertical

from dbtool.tui.present.migrations import MIGRATION_COLUMNS, migration_rows, schema_line
from dbtool.tui.views.view import View
from dbtool.tui.widgets.listing import Listing
from dbtool.tui.widgets.panel import Lines, Panel

if TYPE_CHECKING:
    from dbtool.tui.state import State

__all__ = ["MigrationsView"]


class MigrationsView(View):
    """What was applied and what is pending."""

    TITLE = "Migrations"
    FEEDS: ClassVar[tuple[str, ...]] = ("migrations",)

    def compose(self) -> ComposeResult:
        """Lay out."""
        with Vertical():
            with Panel(id="schema-state", classes="short"):
                yield Lines(id="schema-lines")
            with Panel(id="migrations-panel"):
                yield Listing(id="migration-list")

    def show(self, state: State, now_s: float) -> None:
        """Draw."""
        self.query_one("#schema-lines", Lines).show([schema_line(state)])
        self.query_one("#schema-state", Panel).entitle("Schema")
        rows = migration_rows(state)
        self.query_one("#migration-list", Listing).show(MIGRATION_COLUMNS, rows)
        self.query_one("#migrations-panel", Panel).entitle(f"Migrations ({len(rows)})")
