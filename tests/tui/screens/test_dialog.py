"""Dialogs: what is confirmed, typed, chosen, shown."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from textual.app import App
from textual.pilot import Pilot
from textual.screen import ModalScreen

from dbtool.tui.screens.dialog import Choose, Confirm, Details
from tests.tui.piloted import screen_text

_UNANSWERED = object()


class Shell(App[None]):
    answer: Any = _UNANSWERED

    def ask(self, screen: ModalScreen[Any]) -> None:
        self.push_screen(screen, self.answered)

    def answered(self, answer: Any) -> None:
        self.answer = answer


def play(screen: ModalScreen[Any], story: Callable[[Shell, Pilot], Awaitable[None]]) -> None:
    async def whole() -> None:
        app = Shell()
        async with app.run_test(size=(100, 30)) as pilot:
            app.ask(screen)
            await pilot.pause()
            await story(app, pilot)

    asyncio.run(whole())


def test_what_is_confirmed_is_shown_as_a_command_and_runs_on_enter() -> None:
    async def story(app: Shell, pilot: Pilot) -> None:
        assert "$ dbtool backup '[x]'" in screen_text(app)
        await pilot.press("enter")
        assert app.answer is True

    play(Confirm("Back up", "It takes a snapshot.", "dbtool backup '[x]'"), story)


def test_escape_does_nothing() -> None:
    async def story(app: Shell, pilot: Pilot) -> None:
        await pilot.press("escape")
        assert app.answer is False

    play(Confirm("Back up", "", "dbtool backup x"), story)


def test_without_the_typed_name_nothing_is_done() -> None:
    async def story(app: Shell, pilot: Pilot) -> None:
        await pilot.press("enter")
        assert app.answer is _UNANSWERED
        assert "nothing was done" in screen_text(app)
        await pilot.press(*"app", "enter")
        assert app.answer is _UNANSWERED
        await pilot.press(*".db", "enter")
        assert app.answer is True

    play(Confirm("Restore", "", "dbtool restore x --over app.db", "app.db"), story)


def test_one_of_some_is_chosen() -> None:
    async def story(app: Shell, pilot: Pilot) -> None:
        assert "second [b]" in screen_text(app)
        await pilot.press("down", "enter")
        assert app.answer == "b"

    play(Choose("Which?", [("a", "first"), ("b", "second [b]")]), story)


def test_choosing_nothing_is_possible() -> None:
    async def story(app: Shell, pilot: Pilot) -> None:
        await pilot.press("escape")
        assert app.answer is None

    play(Choose("Which?", [("a", "first")]), story)


def test_details_are_shown_and_copied(monkeypatch: Any) -> None:
    copied: list[str] = []
    monkeypatch.setattr(Shell, "copy_to_clipboard", lambda _, text: copied.append(text))

    async def story(app: Shell, pilot: Pilot) -> None:
        shown = screen_text(app)
        assert "size  [b]5\\x1b" in shown
        await pilot.press("y")
        assert copied == ["size  [b]5\\x1b\nname  x"]
        await pilot.press("escape")
        assert app.answer is None

    play(Details("A thing", [("size", "[b]5\x1b"), ("name", "x")]), story)
