"""Panels and lines."""

from __future__ import annotations

import asyncio

from textual.app import App, ComposeResult

from dbtool.tui.line import Line, Status
from dbtool.tui.widgets.panel import Lines, Panel
from tests.tui.piloted import text_of


class Shell(App[None]):
    CSS = "Panel { border: round; }"

    def compose(self) -> ComposeResult:
        with Panel(id="panel"):
            yield Lines(id="lines")


def test_lines_are_aligned_and_bear_their_symbols() -> None:
    async def whole() -> None:
        app = Shell()
        async with app.run_test(size=(60, 10)) as pilot:
            lines = app.query_one("#lines", Lines)
            lines.show([Line("a", "fine", Status.OK), Line("long", "[b]\x1bbad", Status.CRIT)])
            await pilot.pause()
            assert lines.as_text() == "✓ a     fine\n✗ long  [b]\\x1bbad"
            assert "✗ long  [b]\\x1bbad" in text_of(lines)

    asyncio.run(whole())


def test_what_did_not_change_is_not_drawn(monkeypatch) -> None:
    async def whole() -> None:
        app = Shell()
        async with app.run_test(size=(60, 10)):
            lines = app.query_one("#lines", Lines)
            lines.show([Line("a", "b")])
            monkeypatch.setattr(Lines, "update", lambda *_: 1 / 0)
            lines.show([Line("a", "b")])

    asyncio.run(whole())


def test_a_title_shows_markup_as_it_is() -> None:
    async def whole() -> None:
        app = Shell()
        async with app.run_test(size=(60, 10)) as pilot:
            panel = app.query_one("#panel", Panel)
            panel.entitle("[red]x[/]\x07", "as of 5 min ago")
            await pilot.pause()
            shown = text_of(panel)
            assert "[red]x[/]\\x07" in shown
            assert "as of 5 min ago" in shown

    asyncio.run(whole())
