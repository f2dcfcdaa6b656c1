"""The Backups tab."""

from __future__ import annotations

from pathlib import Path

from textual.pilot import Pilot

from dbtool.tui.app import DashboardApp
from tests.tui.piloted import play, screen_text, until


def test_snapshots_and_what_keeps_them_coming_are_shown(tmp_path: Path) -> None:
    async def story(app: DashboardApp, pilot: Pilot) -> None:
        await pilot.press("2")
        await until(pilot, lambda: "02:30:11" in screen_text(app))
        shown = screen_text(app)
        assert "Snapshots (3)" in shown
        assert "before v2" in shown
        assert "limit 1 h" in shown

    play(tmp_path, story)
