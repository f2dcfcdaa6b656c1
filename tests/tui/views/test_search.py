"""The Search tab."""

from __future__ import annotations

from pathlib import Path

from textual.pilot import Pilot

from dbtool.tui.app import DashboardApp
from tests.tui.piloted import play, screen_text, until
from tests.tui.seeded import Scripted


def test_a_query_is_typed_and_its_rows_are_shown(tmp_path: Path) -> None:
    source = Scripted()

    async def story(app: DashboardApp, pilot: Pilot) -> None:
        await pilot.press("8", "slash", *"rock -x", "enter")
        await until(pilot, lambda: "47 rows match" in screen_text(app))
        assert ("search", ("--", "rock -x")) in source.asked
        assert "»rock«" in screen_text(app)
        await pilot.press("enter")
        await until(pilot, lambda: "id=7" in screen_text(app))

    play(tmp_path, story, source=source)


def test_an_empty_query_asks_nothing(tmp_path: Path) -> None:
    source = Scripted()

    async def story(app: DashboardApp, pilot: Pilot) -> None:
        await pilot.press("8", "slash", "space", "enter")
        await pilot.pause()
        assert not [feed for feed, _ in source.asked if feed == "search"]

    play(tmp_path, story, source=source)
