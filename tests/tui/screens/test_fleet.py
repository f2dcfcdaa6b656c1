"""Several databases on one page."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
from textual.pilot import Pilot

from dbtool.tui import jobs
from dbtool.tui.app import DashboardApp
from dbtool.tui.line import Status
from dbtool.tui.model import DatabaseRef, Live
from dbtool.tui.screens.database import DatabaseScreen
from dbtool.tui.screens.fleet import COLUMNS, FleetScreen, fleet_row
from dbtool.tui.state import State
from tests.tui.piloted import play, screen_text, told, until
from tests.tui.seeded import DATABASE, LIVE, NOW_S, OTHER, READINGS, Scripted, options


def test_a_row_is_as_bad_as_the_worst_of_its_database() -> None:
    state = State(DATABASE)
    row = fleet_row(state, NOW_S)
    assert len(row.cells) == len(COLUMNS)
    assert row.status is Status.PLAIN
    state.see(LIVE)
    state.take(READINGS["snapshots"])
    row = fleet_row(state, NOW_S)
    assert row.status is Status.WARN
    assert "report.py" in row.cells[4]


def test_a_database_is_opened_and_left_again(tmp_path: Path) -> None:
    async def story(app: DashboardApp, pilot: Pilot) -> None:
        await until(pilot, lambda: "want attention" in screen_text(app))
        shown = screen_text(app)
        assert "app.db" in shown
        assert "logs.db" in shown
        await pilot.press("down", "enter")
        await until(pilot, lambda: isinstance(app.screen, DatabaseScreen))
        assert app.screen.database is OTHER
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, FleetScreen))
        await pilot.press("q")
        assert app.return_code == 0

    play(tmp_path, story, settings=options(DATABASE, OTHER))


def test_the_fleet_is_sorted_and_paused(tmp_path: Path) -> None:
    async def story(app: DashboardApp, pilot: Pilot) -> None:
        await pilot.press("s", "s")
        assert app.screen.query_one("#fleet-list").shown[0].cells[0] == "logs.db"
        await pilot.press("space")
        assert app.paused
        await pilot.pause()
        assert "paused" in screen_text(app)

    play(tmp_path, story, settings=options(DATABASE, OTHER))


def test_a_database_that_hangs_keeps_no_other_waiting(tmp_path: Path) -> None:
    class Hanging(Scripted):
        async def look(self, database: DatabaseRef) -> Live | None:
            if database is DATABASE:
                await asyncio.sleep(60)
            return await super().look(database)

    async def story(app: DashboardApp, pilot: Pilot) -> None:
        await until(pilot, lambda: bool(app.screen.states[OTHER.path].looks))
        assert not app.screen.states[DATABASE.path].looks

    play(tmp_path, story, settings=options(DATABASE, OTHER), source=Hanging())


def test_a_job_that_ends_after_its_database_was_left_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "command", lambda _: [sys.executable, "-c", "pass"])

    async def story(app: DashboardApp, pilot: Pilot) -> None:
        app.jobs.start("Back up logs.db", [])
        await until(pilot, lambda: "Back up logs.db: done" in told(app))
        assert not app.jobs.running

    play(tmp_path, story, settings=options(DATABASE, OTHER))
