"""The Search tab."""

from __future__ import annotations

import asyncio
from pathlib import Path

from textual.pilot import Pilot

from dbtool.tui.app import DashboardApp
from dbtool.tui.model import DatabaseRef
from tests.tui.piloted import play, screen_text, told, until
from tests.tui.seeded import FOUND, Scripted, reading


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


def test_an_answer_is_never_that_of_another_query(tmp_path: Path) -> None:
    class Slow(Scripted):
        async def read(self, feed: str, database: DatabaseRef, extra: tuple[str, ...] = ()):
            if feed == "search":
                self.asked.append((feed, extra))
                await asyncio.sleep(60 if "first" in extra else 0)
                return reading("search", {**FOUND, "total": 1 if "first" in extra else 2})
            return await super().read(feed, database, extra)

    source = Slow()

    async def story(app: DashboardApp, pilot: Pilot) -> None:
        await pilot.press("8", "slash", *"first", "enter")
        await until(pilot, lambda: "searching for first" in screen_text(app))
        await pilot.press("slash", "ctrl+u", *"next", "enter")
        await until(pilot, lambda: "2 rows match" in screen_text(app))
        assert [extra for feed, extra in source.asked if feed == "search"] == [
            ("--", "first"),
            ("--", "next"),
        ]

    play(tmp_path, story, source=source)


def test_a_search_that_a_recording_does_not_hold_is_told(tmp_path: Path) -> None:
    source = Scripted()
    del source.readings["search"]

    async def story(app: DashboardApp, pilot: Pilot) -> None:
        await pilot.press("8", "slash", *"rock", "enter")
        await until(pilot, lambda: "does not hold" in told(app))
        await until(pilot, lambda: "searching" not in screen_text(app))

    play(tmp_path, story, source=source)
