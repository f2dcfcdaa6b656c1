"""The Storage tab."""

from __future__ import annotations

from pathlib import Path

from textual.pilot import Pilot

from dbtool.tui.app import DashboardApp
from tests.tui.piloted import play, screen_text, until


def test_tables_growth_map_and_advice_are_shown(tmp_path: Path) -> None:
    async def story(app: DashboardApp, pilot: Pilot) -> None:
        await pilot.press("3")
        await until(pilot, lambda: "1,200,000" in screen_text(app))
        shown = screen_text(app)
        for words in ("a third is unused", "aaaa", "size  599 MiB", "docs (virtual)"):
            assert words in shown

    play(tmp_path, story, size=(120, 45))


def test_advice_on_space_is_shown_once_it_was_asked_for(tmp_path: Path) -> None:
    async def story(app: DashboardApp, pilot: Pilot) -> None:
        await pilot.press("o")
        await until(pilot, lambda: "advice" in app.screen.state.readings)
        await pilot.press("3")
        await until(pilot, lambda: "VACUUM" in screen_text(app))
        assert app.screen.view.advised == "space-4d5e6f"

    play(tmp_path, story, size=(120, 45))
