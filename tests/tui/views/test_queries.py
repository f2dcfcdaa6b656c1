"""The Queries tab."""

from __future__ import annotations

from pathlib import Path

from textual.pilot import Pilot

from dbtool.tui.app import DashboardApp
from tests.tui.piloted import play, screen_text, until


def test_the_most_expensive_statement_is_shown_with_its_details(tmp_path: Path) -> None:
    async def story(app: DashboardApp, pilot: Pilot) -> None:
        await pilot.press("5")
        await until(pilot, lambda: "SELECT * FROM orders" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: "CREATE INDEX t_b_idx" in screen_text(app))
        await until(pilot, lambda: "full_scan_steps" in screen_text(app))

    play(tmp_path, story)
