"""The Locks tab."""

from __future__ import annotations

from pathlib import Path

from textual.pilot import Pilot

from dbtool.tui.app import DashboardApp
from tests.tui.piloted import play, screen_text, until


def test_who_holds_what_is_shown(tmp_path: Path) -> None:
    async def story(app: DashboardApp, pilot: Pilot) -> None:
        await pilot.press("4")
        await until(pilot, lambda: "Processes (3)" in screen_text(app))
        shown = screen_text(app)
        for words in ("WRITE", "READ to frame 2", "14 min", "pins the WAL", "12,000 in the log"):
            assert words in shown

    play(tmp_path, story)
