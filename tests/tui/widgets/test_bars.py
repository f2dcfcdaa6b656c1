"""Title, tabs, progress and keys at every width."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from textual.app import App, ComposeResult
from textual.content import Content
from textual.pilot import Pilot

from dbtool.tui.line import Status
from dbtool.tui.widgets.bars import KeyBar, ProgressLine, TabBar, TitleBar
from tests.tui.piloted import text_of

TABS = [(name, name.capitalize()) for name in ("overview", "backups", "storage", "locks")]


class Shell(App[None]):
    CSS = "TitleBar, TabBar, ProgressLine, KeyBar { height: 1; }"

    def compose(self) -> ComposeResult:
        yield TitleBar(id="title")
        yield TabBar(id="tabs")
        yield ProgressLine(id="job")
        yield KeyBar(id="keys")


def play(width: int, story: Callable[[Shell, Pilot], Awaitable[None]]) -> None:
    async def whole() -> None:
        app = Shell()
        async with app.run_test(size=(width, 6)) as pilot:
            await story(app, pilot)

    asyncio.run(whole())


@pytest.mark.parametrize("width", [20, 60, 120])
def test_the_title_keeps_its_right_side(width: int) -> None:
    async def story(app: Shell, pilot: Pilot) -> None:
        app.query_one("#title", TitleBar).show(" dbtool  a-rather-long-name.db [WAL] \x1b", "12:00")
        await pilot.pause()
        line = text_of(app.query_one("#title"))
        assert line.endswith("12:00")
        assert len(line) == width

    play(width, story)


def test_tabs_are_shortened_to_digits_where_they_do_not_fit() -> None:
    async def wide(app: Shell, pilot: Pilot) -> None:
        app.query_one("#tabs", TabBar).show(TABS, "storage", "! 1 WARN  0 CRIT", Status.WARN)
        await pilot.pause()
        line = text_of(app.query_one("#tabs"))
        assert " 1 Overview  2 Backups  3 Storage  4 Locks " in line
        assert line.endswith("! 1 WARN  0 CRIT")

    async def narrow(app: Shell, pilot: Pilot) -> None:
        app.query_one("#tabs", TabBar).show(TABS, "storage", "! 1 WARN  0 CRIT", Status.WARN)
        await pilot.pause()
        assert " 1  2  3 Storage  4 " in text_of(app.query_one("#tabs"))

    play(80, wide)
    play(45, narrow)


def test_the_active_tab_is_drawn_anew_though_its_text_is_the_same() -> None:
    async def story(app: Shell, pilot: Pilot) -> None:
        bar = app.query_one("#tabs", TabBar)
        styles = []
        for active in ("overview", "storage"):
            bar.show(TABS, active, "", Status.OK)
            await pilot.pause()
            strip = bar.render_line(0)
            styles.append(["reverse" in str(segment.style) for segment in strip])
        assert styles[0] != styles[1]

    play(80, story)


def test_progress_is_a_bar_with_its_share() -> None:
    async def story(app: Shell, pilot: Pilot) -> None:
        job = app.query_one("#job", ProgressLine)
        job.show("Job: [b]x", 0.5, "5 of 10")
        await pilot.pause()
        assert "Job: [b]x ━━━━━━━━━━━━╌╌╌╌╌╌╌╌╌╌╌╌  50%  5 of 10" in text_of(job)
        job.show("Job", None, "")
        await pilot.pause()
        assert "━" not in text_of(job)

    play(100, story)


def test_keys_fill_the_line_and_no_more() -> None:
    async def story(app: Shell, pilot: Pilot) -> None:
        keys = [(str(n), f"Label{n}", "none", n != 1) for n in range(9)]
        app.query_one("#keys", KeyBar).show(keys)
        await pilot.pause()
        assert text_of(app.query_one("#keys")) == " 0 Label0  1 Label1  2 Label2"

    play(32, story)


def test_a_bar_that_is_told_the_same_again_is_not_built_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    built = []
    whole = Content.from_markup

    def count(text: str) -> Content:
        built.extend([text] if text else [])
        return whole(text)

    monkeypatch.setattr(Content, "from_markup", count)

    async def story(app: Shell, pilot: Pilot) -> None:
        tabs, keys = app.query_one("#tabs", TabBar), app.query_one("#keys", KeyBar)
        for _ in range(3):
            tabs.show(TABS, "storage", "", Status.OK)
            keys.show([("b", "Backup", "backup", True)])
        assert len(built) == 2
        tabs.show(TABS, "locks", "", Status.OK)
        assert len(built) == 3

    play(80, story)
