"""The Events tab."""

from __future__ import annotations

from pathlib import Path

from textual.pilot import Pilot

from dbtool.tui.app import DashboardApp
from dbtool.tui.line import Status
from dbtool.tui.state import Event
from dbtool.tui.views.events import event_rows
from tests.tui.piloted import play, screen_text, until
from tests.tui.seeded import NOW_S


def test_events_come_newest_first(tmp_path: Path) -> None:
    events = [
        Event(NOW_S, Status.WARN, "error", "it failed", "wait\nor not"),
        Event(NOW_S + 60, Status.OK, "recovered", "it answers"),
    ]
    rows = event_rows(events)
    assert [row.cells[1] for row in rows] == ["recovered", "error"]
    assert rows[1].cells[3] == "wait"
    assert rows[1].data["next"] == "wait\nor not"

    async def story(app: DashboardApp, pilot: Pilot) -> None:
        for event in events:
            app.screen.state.tell(event)
        await pilot.press("9")
        await until(pilot, lambda: "Events (2)" in screen_text(app))

    play(tmp_path, story)
