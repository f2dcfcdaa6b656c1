"""The page map."""

from __future__ import annotations

import asyncio

from textual.app import App, ComposeResult

from dbtool.tui.widgets.pagemap import PageMap
from tests.tui.piloted import text_of


class Shell(App[None]):
    def compose(self) -> ComposeResult:
        yield PageMap(id="map")


def test_cells_are_drawn_in_the_order_of_the_file() -> None:
    async def whole() -> None:
        app = Shell()
        async with app.run_test(size=(40, 6)) as pilot:
            page_map = app.query_one("#map", PageMap)
            assert "no map yet" in text_of(page_map)
            page_map.plot(["orders"] * 5 + ["[b]\x1b"] + [""], 10)
            await pilot.pause()
            shown = text_of(page_map)
            assert shown.startswith("aaaaab·")
            assert "a orders  b [b]\\x1b  · free" in shown
            assert "10 pages" in shown

    asyncio.run(whole())


def test_a_file_with_more_parts_than_room_is_thinned_out() -> None:
    async def whole() -> None:
        app = Shell()
        async with app.run_test(size=(20, 4)) as pilot:
            page_map = app.query_one("#map", PageMap)
            page_map.plot(["x"] * 1000, 1)
            await pilot.pause()
            lines = text_of(page_map).splitlines()
            assert lines[:2] == ["a" * 20, "a" * 20]
            assert "25 pages" in "".join(lines[2:])

    asyncio.run(whole())
