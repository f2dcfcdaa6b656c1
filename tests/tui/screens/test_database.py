"""One database's screen: tabs, filter, sort, copy, pause, rate, drill-down, recovery."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from textual.events import Key
from textual.pilot import Pilot
from textual.widgets import Input

from dbtool.tui.app import DashboardApp
from dbtool.tui.model import Live
from dbtool.tui.recording import Recorder, open_recording
from dbtool.tui.screens.database import DatabaseScreen
from dbtool.tui.screens.dialog import Details
from dbtool.tui.views import VIEWS
from dbtool.tui.widgets.listing import Listing
from tests.tui.piloted import play, screen_text, text_of, told, until
from tests.tui.seeded import CALM, DATABASE, LIVE, NOW_S, Scripted, failing, options, reading


def test_the_title_says_what_is_looked_at(tmp_path: Path) -> None:
    async def story(app: DashboardApp, pilot: Pilot) -> None:
        title = text_of(app.screen.query_one("#title"))
        assert "app.db [WAL] 512 MiB   READ-ONLY" in title
        assert title.rstrip().endswith("? help")

    play(tmp_path, story)


@pytest.mark.parametrize("size", [(120, 36), (80, 24), (60, 20)])
def test_every_tab_opens_by_its_digit_at_every_size(size: tuple[int, int], tmp_path: Path) -> None:
    async def story(app: DashboardApp, pilot: Pilot) -> None:
        for number, name in enumerate(VIEWS, 1):
            await pilot.press(str(number))
            assert app.screen.tab_name == name
            await pilot.pause()
            lines = screen_text(app).splitlines()
            assert len(lines) == size[1]
            assert VIEWS[name].TITLE in lines[1]
            assert "Backup" in lines[-1]

    play(tmp_path, story, size=size)


def test_tabs_are_gone_through_and_escape_leads_back(tmp_path: Path) -> None:
    async def story(app: DashboardApp, pilot: Pilot) -> None:
        names = list(VIEWS)
        await pilot.press("right_square_bracket")
        assert app.screen.tab_name == names[1]
        await pilot.press("left_square_bracket", "left_square_bracket")
        assert app.screen.tab_name == names[-1]
        await pilot.press("escape")
        assert app.screen.tab_name == names[0]

    play(tmp_path, story)


def test_a_tab_opens_by_the_mouse(tmp_path: Path) -> None:
    async def story(app: DashboardApp, pilot: Pilot) -> None:
        place = text_of(app.screen.query_one("#tabs")).index("Backups")
        await pilot.click("#tabs", offset=(place + 1, 0))
        await pilot.pause()
        assert app.screen.tab_name == "backups"

    play(tmp_path, story)


def test_rows_are_filtered_while_it_is_typed(tmp_path: Path) -> None:
    async def story(app: DashboardApp, pilot: Pilot) -> None:
        await pilot.press("2", "slash", *"before")
        listing = app.screen.query_one("#snapshot-list", Listing)
        assert [row.cells[0] for row in listing.shown] == ["00000003"]
        await pilot.press("enter")
        assert not app.screen.query_one("#filter", Input).display
        assert len(listing.shown) == 1
        await pilot.press("escape")
        assert len(listing.shown) == 3
        assert app.screen.tab_name == "backups"

    play(tmp_path, story)


def test_rows_are_sorted_and_details_shown(tmp_path: Path) -> None:
    async def story(app: DashboardApp, pilot: Pilot) -> None:
        await pilot.press("2", "s", "enter")
        await until(pilot, lambda: isinstance(app.screen, Details))
        assert "web1" in screen_text(app)
        assert "sequence       1" in screen_text(app)

    play(tmp_path, story)


def test_what_is_shown_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copied: list[str] = []
    monkeypatch.setattr(DashboardApp, "copy_to_clipboard", lambda _, text: copied.append(text))

    async def story(app: DashboardApp, pilot: Pilot) -> None:
        await pilot.press("2", "y")
        assert "00000003\t" in copied[0]
        assert "Snapshots (3)" in copied[0]

    play(tmp_path, story)


def test_the_rate_changes_within_its_bounds_and_pausing_stops(tmp_path: Path) -> None:
    async def story(app: DashboardApp, pilot: Pilot) -> None:
        await pilot.press("plus")
        assert app.screen.refresh_s == 1.0
        await pilot.press(*["minus"] * 8)
        assert app.screen.refresh_s == 60.0
        await pilot.press(*["plus"] * 8)
        assert app.screen.refresh_s == 0.5
        await pilot.press("space")
        await pilot.pause()
        assert "paused" in text_of(app.screen.query_one("#title"))
        seen = len(app.screen.state.looks)
        app.screen._tick()
        await pilot.pause(0.05)
        assert len(app.screen.state.looks) == seen

    play(tmp_path, story)


def test_a_tab_is_asked_again_on_demand(tmp_path: Path) -> None:
    source = Scripted()

    async def story(app: DashboardApp, pilot: Pilot) -> None:
        await pilot.press("2")
        await until(pilot, lambda: ("schedule", ()) in source.asked)
        before = source.asked.count(("schedule", ()))
        await pilot.press("f5")
        await until(pilot, lambda: source.asked.count(("schedule", ())) == before + 1)

    play(tmp_path, story, source=source)


def test_a_database_that_goes_and_comes_back_shows_as_such(tmp_path: Path) -> None:
    gone = Live(NOW_S + 2, problem="the database is not there")
    source = Scripted(looks=[CALM, gone, replace(CALM, at_s=NOW_S + 4)])

    async def story(app: DashboardApp, pilot: Pilot) -> None:
        app.screen._tick()
        await until(pilot, lambda: "the database is not there" in screen_text(app))
        assert "1 CRIT" in screen_text(app)
        app.screen._tick()
        await until(pilot, lambda: "0 CRIT" in screen_text(app))
        assert [event.kind for event in app.screen.state.events] == ["error", "recovered"]

    play(tmp_path, story, source=source)


def test_a_feed_that_fails_leaves_what_was_known(tmp_path: Path) -> None:
    source = Scripted()

    async def story(app: DashboardApp, pilot: Pilot) -> None:
        source.readings["snapshots"] = failing("snapshots", "probe-deadline", "no answer in 20 s")
        await pilot.press("2", "f5")
        await until(pilot, lambda: "no answer in 20 s" in screen_text(app))
        assert "00000003" in screen_text(app)

    play(tmp_path, story, source=source)


def test_an_answer_that_is_not_understood_ends_nothing(tmp_path: Path) -> None:
    source = Scripted({"storage": reading("storage", {"tables": {"tables": [{"odd": 1}]}})})

    async def story(app: DashboardApp, pilot: Pilot) -> None:
        await pilot.press("3")
        await until(pilot, lambda: bool(app.screen.state.events))
        await pilot.press("f5")
        await pilot.pause()
        (event,) = app.screen.state.events
        assert "Storage cannot be shown" in event.text
        await pilot.press("1")
        await until(pilot, lambda: "Health" in screen_text(app))

    play(tmp_path, story, source=source)


def test_a_recording_is_played_and_moved(tmp_path: Path) -> None:
    async def record() -> None:
        looks = [replace(LIVE, at_s=NOW_S + n, wal_bytes=n * 2**20) for n in range(30)]
        recorder = Recorder(Scripted(looks=looks), tmp_path / "a.rec", (DATABASE,))
        await recorder.read("snapshots", DATABASE)
        for _ in range(30):
            await recorder.look(DATABASE)
        recorder.close()

    asyncio.run(record())
    replay = open_recording(tmp_path / "a.rec")

    async def story(app: DashboardApp, pilot: Pilot) -> None:
        await until(pilot, lambda: "00000003" in screen_text(app))
        assert "replay" in screen_text(app)
        await pilot.press("full_stop", "full_stop")
        await until(pilot, lambda: replay.now() >= NOW_S + 20)
        await until(pilot, lambda: app.screen.state.live.at_s >= NOW_S + 20)
        await pilot.press("comma")
        await until(pilot, lambda: app.screen.state.live.at_s < NOW_S + 20)
        await pilot.press("b")
        await pilot.pause()
        assert "nothing can be started" in told(app)

    play(tmp_path, story, source=replay)


def test_quitting_ends_well(tmp_path: Path) -> None:
    async def story(app: DashboardApp, pilot: Pilot) -> None:
        await pilot.press("q")
        assert app.return_code == 0

    play(tmp_path, story, settings=options())


def test_names_in_what_is_told_are_no_markup(tmp_path: Path) -> None:
    async def story(app: DashboardApp, pilot: Pilot) -> None:
        app.screen.notify("started: d[/b] [red]x \x1b[2J")
        await until(pilot, lambda: bool(told(app)))
        (notification,) = app._notifications
        assert notification.message == "started: d[/b] [red]x \\x1b[2J"
        assert not notification.markup

    play(tmp_path, story)


def test_what_cannot_be_drawn_is_told_and_all_else_goes_on(tmp_path: Path) -> None:
    source = Scripted()
    good = source.readings["snapshots"]
    source.readings["snapshots"] = reading("snapshots", [{"id": 1}])

    async def story(app: DashboardApp, pilot: Pilot) -> None:
        await pilot.press("2")
        await until(pilot, lambda: "Backups cannot be shown: KeyError" in told(app))
        await pilot.press("9")
        await until(pilot, lambda: "cannot be shown" in screen_text(app))
        source.readings["snapshots"] = good
        await pilot.press("2", "f5")
        await until(pilot, lambda: "00000003" in screen_text(app))

    play(tmp_path, story, source=source)


def test_the_filter_acts_on_the_listing_that_was_worked_with(tmp_path: Path) -> None:
    async def story(app: DashboardApp, pilot: Pilot) -> None:
        await pilot.press("6")
        await app.screen.ask("advice")
        await until(pilot, lambda: bool(app.screen.query_one("#advice-list", Listing).shown))
        app.screen.query_one("#advice-list", Listing).focus()
        await pilot.pause()
        await pilot.press("slash", *"no such")
        await until(pilot, lambda: not app.screen.query_one("#advice-list", Listing).shown)
        assert app.screen.query_one("#index-list", Listing).shown

    play(tmp_path, story)


def test_keys_that_are_typed_into_a_field_do_nothing_else(tmp_path: Path) -> None:
    typed = "b29 rqo+-?x[].,"

    async def story(app: DashboardApp, pilot: Pilot) -> None:
        await pilot.press("2", "slash")
        await pilot.press(*typed)
        assert app.screen.query_one("#filter", Input).value == typed
        assert (app.screen.tab_name, app.paused) == ("backups", False)
        await pilot.press("escape", "8", "slash")
        await pilot.press(*typed)
        assert app.screen.query_one("#search-query", Input).value == typed
        assert (app.screen.tab_name, app.paused) == ("search", False)
        await pilot.press("escape")
        assert app.screen.tab_name == "search"

    play(tmp_path, story)


@pytest.mark.parametrize(("tab", "field"), [("2", "#filter"), ("8", "#search-query")])
def test_what_is_typed_fast_goes_into_the_field_that_is_opened(
    tab: str, field: str, tmp_path: Path
) -> None:
    async def story(app: DashboardApp, pilot: Pilot) -> None:
        await pilot.press(tab)
        front = app.screen.tab_name
        for character in "/4b5q":
            name = "slash" if character == "/" else character
            app.post_message(Key(name, character))
        await until(pilot, lambda: app.screen.query_one(field, Input).value == "4b5q")
        assert isinstance(app.screen, DatabaseScreen)
        assert app.screen.tab_name == front

    play(tmp_path, story)
