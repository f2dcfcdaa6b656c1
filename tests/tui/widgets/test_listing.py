"""A listing keeps its place, touches only what changed, filters and sorts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from textual.app import App, ComposeResult
from textual.pilot import Pilot

from dbtool.tui.line import Column, Row, Status
from dbtool.tui.widgets.listing import Listing
from tests.tui.piloted import text_of

COLUMNS = (Column("name"), Column("size", right=True))


def rows(*names: str) -> list[Row]:
    return [Row(name, (name, f"{len(name)} B"), (name, len(name))) for name in names]


class Shell(App[None]):
    def compose(self) -> ComposeResult:
        yield Listing(id="listing")


def play(story: Callable[[Listing, Pilot], Awaitable[None]]) -> None:
    async def whole() -> None:
        app = Shell()
        async with app.run_test(size=(60, 12)) as pilot:
            await story(app.query_one("#listing", Listing), pilot)

    asyncio.run(whole())


def test_rows_are_shown_and_the_selected_one_is_known() -> None:
    async def story(listing: Listing, pilot: Pilot) -> None:
        assert listing.selected is None
        listing.show(COLUMNS, rows("one", "three"))
        await pilot.pause()
        assert "three" in text_of(listing)
        await pilot.press("down")
        assert listing.selected.key == "three"
        assert listing.as_text() == "name\tsize\none\t3 B\nthree\t5 B"

    play(story)


def test_the_cursor_stays_with_its_row_while_others_come_and_go() -> None:
    async def story(listing: Listing, pilot: Pilot) -> None:
        listing.show(COLUMNS, rows("b", "c", "d"))
        await pilot.pause()
        await pilot.press("down", "down")
        listing.show(COLUMNS, rows("a", "b", "d", "e"))
        await pilot.pause()
        assert listing.selected.key == "d"
        listing.show(COLUMNS, rows("a"))
        await pilot.pause()
        assert listing.selected.key == "a"
        listing.show(COLUMNS, [])
        assert listing.selected is None

    play(story)


def test_only_cells_that_changed_are_touched(monkeypatch) -> None:
    async def story(listing: Listing, pilot: Pilot) -> None:
        listing.show(COLUMNS, rows("a", "b"))
        touched = []
        update = Listing.update_cell
        monkeypatch.setattr(
            Listing,
            "update_cell",
            lambda self, row, column, value, **more: (
                touched.append((row, column)) or update(self, row, column, value, **more)
            ),
        )
        monkeypatch.setattr(Listing, "clear", lambda *_, **__: 1 / 0)
        listing.show(COLUMNS, rows("a", "b"))
        assert touched == []
        listing.show(COLUMNS, [rows("a")[0], Row("b", ("b", "9 B"), ("b", 9))])
        assert touched == [("b", "1")]
        await pilot.pause()
        assert "9 B" in text_of(listing)

    play(story)


def test_a_filter_hides_rows_in_any_case() -> None:
    async def story(listing: Listing, pilot: Pilot) -> None:
        listing.show(COLUMNS, rows("Anna", "hanna", "bob"))
        listing.filter_by("ANNA")
        assert [row.key for row in listing.shown] == ["Anna", "hanna"]
        listing.show(COLUMNS, rows("anna2", "bob"))
        assert [row.key for row in listing.shown] == ["anna2"]
        listing.filter_by("")
        assert len(listing.shown) == 2

    play(story)


def test_sorting_goes_through_all_columns_and_back() -> None:
    async def story(listing: Listing, pilot: Pilot) -> None:
        assert listing.sort_next() == "nothing to sort"
        listing.show(COLUMNS, [*rows("bb", "a", "ccc"), Row("?", ("?", "?"), ("?", None))])
        orders = []
        for _ in range(5):
            told = listing.sort_next()
            orders.append((told, "".join(row.key[0] for row in listing.shown)))
        assert orders == [
            ("name, ascending", "?abc"),
            ("name, descending", "cba?"),
            ("size, ascending", "abc?"),
            ("size, descending", "cba?"),
            ("as it came", "bac?"),
        ]

    play(story)


def test_what_names_hold_does_not_act() -> None:
    async def story(listing: Listing, pilot: Pilot) -> None:
        listing.show(COLUMNS, [Row("x", ("[red]\x1b[2Jx[/]", "1\n2"), status=Status.WARN)])
        await pilot.pause()
        assert r"! [red]\x1b[2Jx[/]" in text_of(listing)
        assert r"1\n2" in text_of(listing)

    play(story)


def test_rows_that_are_called_alike_are_all_shown() -> None:
    async def story(listing: Listing, pilot: Pilot) -> None:
        listing.show(COLUMNS, rows("k=1", "k=1", "k=1 #1", "k=1"))
        await pilot.pause()
        assert listing.row_count == 4
        assert len({row.key for row in listing.shown}) == 4

    play(story)


def test_of_very_many_rows_the_first_are_shown_and_all_are_filtered_and_sorted() -> None:
    async def story(listing: Listing, pilot: Pilot) -> None:
        listing.show(COLUMNS, rows(*(f"row {n:05}" for n in range(10_000))))
        await pilot.pause()
        assert len(listing.shown) == 1000
        assert listing.row_count == 1001
        assert "9,000 more" in listing.as_text()
        listing.move_cursor(row=1000)
        assert listing.selected is None
        listing.filter_by("row 0999")
        assert [row.key for row in listing.shown] == [f"row 0999{n}" for n in range(10)]
        assert "more" not in listing.as_text()
        listing.filter_by("")
        listing.sort_next()
        listing.sort_next()
        assert listing.shown[0].key == "row 09999"

    play(story)
