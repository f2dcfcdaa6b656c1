"""Who held what, look by look."""

from __future__ import annotations

import asyncio

from textual.app import App, ComposeResult

from dbtool.tui.widgets.timeline import Timeline, marks
from tests.tui.piloted import text_of
from tests.tui.seeded import CALM, LIVE


class Shell(App[None]):
    def compose(self) -> ComposeResult:
        yield Timeline(id="timeline")


def test_a_block_is_a_look_at_which_it_was_held() -> None:
    assert marks([CALM, LIVE, CALM], "write") == "·█·"
    assert marks([CALM, LIVE], "pin") == "·█"
    assert marks([LIVE], "checkpoint") == "·"


def test_the_newest_looks_are_at_the_right() -> None:
    async def whole() -> None:
        app = Shell()
        async with app.run_test(size=(20, 4)) as pilot:
            timeline = app.query_one("#timeline", Timeline)
            timeline.plot([CALM] * 30 + [LIVE])
            await pilot.pause()
            lines = text_of(timeline).splitlines()
            assert lines[0] == "writer       " + "·" * 6 + "█"
            assert lines[2].startswith("pins the WAL ")

    asyncio.run(whole())
