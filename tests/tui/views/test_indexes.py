"""The Indexes tab."""

from __future__ import annotations

from pathlib import Path

from textual.pilot import Pilot

from dbtool.tui.app import DashboardApp
from tests.tui.piloted import play, screen_text, until


def test_indexes_and_advice_are_shown(tmp_path: Path) -> None:
    async def story(app: DashboardApp, pilot: Pilot) -> None:
        await pilot.press("6")
        await until(pilot, lambda: "within orders_by_day_total" in screen_text(app))
        assert "o measures" in screen_text(app)
        assert app.screen.view.advised is None
        await pilot.press("o")
        await until(pilot, lambda: "index-1a2b3c" in screen_text(app))
        assert app.screen.view.advised == "index-1a2b3c"

    play(tmp_path, story)
