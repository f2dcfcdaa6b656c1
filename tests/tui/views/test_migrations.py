"""The Migrations tab."""

from __future__ import annotations

from pathlib import Path

from textual.pilot import Pilot

from dbtool.tui.app import DashboardApp
from tests.tui.piloted import play, screen_text, until


def test_what_is_pending_is_shown(tmp_path: Path) -> None:
    async def story(app: DashboardApp, pilot: Pilot) -> None:
        await pilot.press("7")
        await until(pilot, lambda: "Migrations (2)" in screen_text(app))
        assert "0001, 1 pending" in screen_text(app)

    play(tmp_path, story)
