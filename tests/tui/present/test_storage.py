"""Sizes, tables, growth and the map in words."""

from __future__ import annotations

from typing import Any

from dbtool.tui.line import Status
from dbtool.tui.present.storage import (
    TABLE_COLUMNS,
    growth_line,
    growth_sizes,
    map_cells,
    storage_lines,
    table_rows,
)
from dbtool.tui.state import State
from tests.tui.seeded import DATABASE, READINGS, STORAGE, failing, reading


def known(**changes: Any) -> State:
    state = State(DATABASE)
    state.take(reading("storage", {**STORAGE, **changes}))
    return state


def test_advice_comes_before_facts() -> None:
    lines = storage_lines(known())
    assert (lines[0].label, lines[0].status) == ("advice", Status.WARN)
    assert {line.label for line in lines} >= {"size", "unused", "growth", "settings"}


def test_much_unused_space_is_a_warning() -> None:
    unused = next(line for line in storage_lines(known()) if line.label == "unused")
    assert (unused.status, "31%" in unused.text) == (Status.WARN, True)
    small = {**STORAGE["storage"], "reclaimable": 0}
    unused = next(line for line in storage_lines(known(storage=small)) if line.label == "unused")
    assert unused.status is Status.OK
    none = {**STORAGE["storage"], "reclaimable": None}
    unused = next(line for line in storage_lines(known(storage=none)) if line.label == "unused")
    assert unused.status is Status.UNKNOWN


def test_what_cannot_be_told_says_why() -> None:
    lines = storage_lines(known(storage={"available": False, "reason": "it is encrypted"}))
    assert lines[-1].text == "it is encrypted"
    state = State(DATABASE)
    assert storage_lines(state)[0].text == "asking ..."
    state.take(failing("storage", "locked", "held"))
    assert storage_lines(state)[0].status is Status.UNKNOWN
    assert growth_sizes(state) == []
    assert map_cells(state) == ([], 0)


def test_a_disk_that_fills_soon_is_a_warning() -> None:
    assert growth_line(known()).text == "+3.1 MiB a day, disk full in 400 days"
    soon = {**STORAGE["growth"], "forecast": {"per_day": 1e9, "days_until_full": 9.0}}
    assert growth_line(known(growth=soon)).status is Status.WARN
    unknown = {**STORAGE["growth"], "forecast": {"per_day": None, "reason": "too short"}}
    assert growth_line(known(growth=unknown)).text == "unknown: too short"
    shrinks = {**STORAGE["growth"], "forecast": {"per_day": -2048, "days_until_full": None}}
    assert growth_line(known(growth=shrinks)).text == "-2.0 KiB a day"


def test_tables_have_a_cell_for_every_column_and_problems_are_listed() -> None:
    rows = table_rows(known())
    assert all(len(row.cells) == len(row.order) == len(TABLE_COLUMNS) for row in rows)
    assert [row.cells[0] for row in rows] == ["orders", "docs (virtual)", "users", "old_view"]
    assert rows[1].cells[1] == ""
    assert rows[-1].status is Status.WARN


def test_the_map_and_the_curve_are_of_the_report() -> None:
    state = State(DATABASE)
    state.take(READINGS["storage"])
    cells, pages = map_cells(state)
    assert (len(cells), pages) == (98, 128)
    assert len(growth_sizes(state)) == 30
    assert growth_sizes(state)[-1] > growth_sizes(state)[0]
