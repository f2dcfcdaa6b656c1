"""The application: palette, themes, jobs in the bar."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot

from dbtool.tui.app import THEMES, DashboardApp
from tests.tui.piloted import play, screen_text, until


def test_the_palette_finds_tabs_actions_and_themes(tmp_path: Path) -> None:
    async def story(app: DashboardApp, pilot: Pilot) -> None:
        titles = {command.title for command in app.get_system_commands(app.screen)}
        assert {"Show Backups", "Backup", "Restore", "Theme dbtool-light"} <= titles
        await pilot.press("ctrl+p", *"show locks")
        await until(pilot, lambda: "Show Locks" in screen_text(app))
        await pilot.press("down", "enter")
        await until(pilot, lambda: getattr(app.screen, "tab_name", "") == "locks")

    play(tmp_path, story)


@pytest.mark.parametrize("theme", [theme.name for theme in THEMES])
def test_every_theme_draws(theme: str, tmp_path: Path) -> None:
    async def story(app: DashboardApp, pilot: Pilot) -> None:
        assert app.theme == theme
        assert "Health" in screen_text(app)

    play(tmp_path, story, theme=theme)
