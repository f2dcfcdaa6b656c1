"""Curves of blocks."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st
from textual.app import App, ComposeResult

from dbtool.tui.widgets.curve import Curve, columns_of, resample
from tests.tui.piloted import text_of


class Shell(App[None]):
    def compose(self) -> ComposeResult:
        yield Curve("wal", lambda value: f"{value:g} B", id="curve")


def test_heights_are_eighths_of_a_line() -> None:
    assert columns_of([0, 1, 8, 16], 2, 0.0) == ["   █", " ▁██"]
    assert columns_of([5, 5], 1, 5.0) == ["  "]
    assert columns_of([7], 1, 0.0) == ["█"]


@given(st.lists(st.floats(0, 1e12), min_size=1, max_size=300), st.integers(1, 80))
def test_many_values_fit_and_their_peak_shows(values: list[float], columns: int) -> None:
    shown = resample(values, columns)
    assert len(shown) <= columns
    assert max(shown) == max(values)
    assert all(len(line) == len(shown) for line in columns_of(shown, 3, 0.0))


def test_label_value_and_range_are_written() -> None:
    async def whole() -> None:
        app = Shell()
        async with app.run_test(size=(50, 5)) as pilot:
            curve = app.query_one("#curve", Curve)
            assert "no history yet" in text_of(curve)
            curve.plot([1, 4, 2])
            await pilot.pause()
            assert "wal  2 B   1 B to 4 B" in text_of(curve)
            assert "█" in text_of(curve)
            assert curve.as_text() == "wal  2 B   1 B to 4 B"
            curve.plot([1, 4], "rising")
            await pilot.pause()
            assert "wal  rising" in text_of(curve)

    asyncio.run(whole())
