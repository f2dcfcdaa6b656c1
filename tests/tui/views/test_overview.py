"""The Overview tab."""

from __future__ import annotations

from pathlib import Path

from textual.pilot import Pilot

from dbtool.tui.app import DashboardApp
from tests.tui.piloted import play, screen_text


def test_everything_is_there_at_a_glance(tmp_path: Path) -> None:
    async def story(app: DashboardApp, pilot: Pilot) -> None:
        await pilot.pause()
        shown = screen_text(app)
        for words in ("Health", "Backups", "Locks", "Events", "00000003", "gunicorn", "report.py"):
            assert words in shown

    play(tmp_path, story)


def test_a_small_terminal_shows_the_health_alone(tmp_path: Path) -> None:
    async def story(app: DashboardApp, pilot: Pilot) -> None:
        await pilot.pause()
        shown = screen_text(app)
        assert "Health" in shown
        assert "Locks" not in "\n".join(shown.splitlines()[2:])

    play(tmp_path, story, size=(60, 20))
