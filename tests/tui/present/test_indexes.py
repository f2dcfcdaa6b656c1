"""Indexes and advice in words."""

from __future__ import annotations

from dbtool.tui.line import Status
from dbtool.tui.present.indexes import (
    ADVICE_COLUMNS,
    INDEX_COLUMNS,
    advice_lines,
    advice_rows,
    index_rows,
)
from dbtool.tui.state import State
from tests.tui.seeded import DATABASE, READINGS, failing, reading


def known() -> State:
    state = State(DATABASE)
    state.take(READINGS["indexes"])
    state.take(READINGS["advice"])
    return state


def test_an_index_within_another_is_marked() -> None:
    (row,) = index_rows(known())
    assert len(row.cells) == len(row.order) == len(INDEX_COLUMNS)
    assert row.status is Status.WARN
    assert row.cells[-1] == "within orders_by_day_total"
    assert index_rows(State(DATABASE)) == []


def test_advice_has_before_and_after_and_what_undoes_it() -> None:
    first, second = advice_rows(known())
    assert len(first.cells) == len(first.order) == len(ADVICE_COLUMNS)
    assert first.cells[2:] == ("1,000,000", "1,000", "+1.0 MiB")
    assert second.cells[2:] == ("", "", "-160 MiB")
    assert first.data["undone by"] == "DROP INDEX orders_customer"
    assert [row.key for row in advice_rows(known(), ("space",))] == ["space-4d5e6f"]


def test_measuring_is_offered_told_and_can_fail() -> None:
    state = State(DATABASE)
    assert "o measures" in advice_lines(state)[0].text
    assert advice_lines(known())[0].text.startswith("1,000,000 -> 1,000 steps")
    state.take(reading("advice", {"actions": [], "notes": []}))
    assert advice_lines(state)[0].status is Status.OK
    state.take(failing("advice", "disk-full", "no room for a copy"))
    assert advice_lines(state)[0].text == "no room for a copy"
