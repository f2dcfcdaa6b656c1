"""The Events tab: alerts, jobs, errors and recoveries, the newest first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import ComposeResult

from dbtool.tui.line import Column, Row
from dbtool.tui.present.times import clock
from dbtool.tui.views.view import View
from dbtool.tui.widgets.listing import Listing
from dbtool.tui.widgets.panel import Panel

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dbtool.tui.state import Event, State

__all__ = ["EventsView", "event_rows"]

COLUMNS = (Column("time"), Column("kind"), Column("what"), Column("next"))


def event_rows(events: Iterable[Event]) -> list[Row]:
    """Return events as rows, the newest first."""
    rows = []
    for number, event in enumerate(events):
        cells = (clock(event.at_s), event.kind, event.text, event.hint.partition("\n")[0])
        data = {"time": clock(event.at_s), "kind": event.kind, "what": event.text}
        if event.hint:
            data["next"] = event.hint
        order = (event.at_s, event.kind, event.text, event.hint)
        rows.append(Row(f"{number}-{event.at_s}", cells, order, event.status, data))
    return rows[::-1]


class EventsView(View):
    """What happened while the dashboard was open."""

    TITLE = "Events"

    def compose(self) -> ComposeResult:
        """Lay out."""
        with Panel(id="events"):
            yield Listing(id="event-list")

    def show(self, state: State, now_s: float) -> None:
        """Draw."""
        rows = event_rows(state.events)
        self.query_one("#event-list", Listing).show(COLUMNS, rows)
        self.query_one("#events", Panel).entitle(f"Events ({len(rows)})")
