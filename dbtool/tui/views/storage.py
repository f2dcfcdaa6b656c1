"""The Storage tab: what the file holds, how it grows, where its pages lie, what would shrink it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from dbtool.core.quantities import format_size
from dbtool.tui.present.indexes import ADVICE_COLUMNS, advice_rows
from dbtool.tui.present.storage import (
    TABLE_COLUMNS,
    growth_sizes,
    map_cells,
    storage_lines,
    table_rows,
)
from dbtool.tui.present.times import stale_note
from dbtool.tui.views.view import View
from dbtool.tui.widgets.curve import Curve
from dbtool.tui.widgets.listing import Listing
from dbtool.tui.widgets.pagemap import PageMap
from dbtool.tui.widgets.panel import Lines, Panel

if TYPE_CHECKING:
    from dbtool.tui.state import State

__all__ = ["StorageView"]

_KINDS = ("space", "statistics", "setting", "archive")


class StorageView(View):
    """Tables, pages, growth."""

    TITLE = "Storage"
    FEEDS: ClassVar[tuple[str, ...]] = ("storage",)
    ALSO: ClassVar[tuple[str, ...]] = ("advice",)

    def compose(self) -> ComposeResult:
        """Lay out."""
        with Vertical():
            with Panel(id="storage-state", classes="short"):
                yield Lines(id="storage-lines")
            with Horizontal(classes="medium"):
                with Panel(id="size-panel"):
                    yield Curve(
                        "size",
                        lambda value: format_size(int(value)),
                        from_zero=False,
                        id="size-curve",
                    )
                with Panel(id="map-panel"):
                    yield PageMap(id="page-map")
            with Panel(id="tables-panel"):
                yield Listing(id="table-list")
            with Panel(id="space-panel", classes="few"):
                yield Listing(id="space-list")

    def show(self, state: State, now_s: float) -> None:
        """Draw."""
        self.query_one("#storage-lines", Lines).show(storage_lines(state))
        note = stale_note(state.age_s("storage", now_s))
        self.query_one("#storage-state", Panel).entitle("File", note)
        self.query_one("#size-curve", Curve).plot(growth_sizes(state))
        self.query_one("#size-panel", Panel).entitle("Growth")
        self.query_one("#page-map", PageMap).plot(*map_cells(state))
        self.query_one("#map-panel", Panel).entitle("Pages")
        rows = table_rows(state)
        self.query_one("#table-list", Listing).show(TABLE_COLUMNS, rows)
        self.query_one("#tables-panel", Panel).entitle(f"Tables ({len(rows)})")
        advice = advice_rows(state, _KINDS)
        self.query_one("#space-list", Listing).show(ADVICE_COLUMNS, advice)
        self.query_one("#space-panel", Panel).entitle("Advice")
        self.query_one("#space-panel", Panel).display = bool(advice)

    @property
    def advised(self) -> str | None:
        """Id of the advice under the cursor."""
        row = self.query_one("#space-list", Listing).selected
        return None if row is None else row.key
