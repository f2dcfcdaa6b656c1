"""Search results in words."""

from __future__ import annotations

from dbtool.tui.line import Status
from dbtool.tui.present.found import HIT_COLUMNS, found_lines, hit_rows
from dbtool.tui.state import State
from tests.tui.seeded import DATABASE, FOUND, READINGS, failing, reading


def test_hits_are_marked_without_colour() -> None:
    state = State(DATABASE)
    state.take(READINGS["search"])
    (row,) = hit_rows(state)
    assert len(row.cells) == len(HIT_COLUMNS)
    assert row.cells == ("orders", "id=7", "note", "…by rail to »rock«")
    assert found_lines(state, "rock")[0].text == "47 rows match (orders 47); 12 ms"


def test_nothing_found_suggests_words() -> None:
    state = State(DATABASE)
    none = {**FOUND, "total": 0, "hits": [], "tables": [], "suggestions": ["rock", "rack"]}
    state.take(reading("search", none))
    lines = found_lines(state, "rokc")
    assert lines[0].text == "0 rows match (nowhere); 12 ms"
    assert lines[1].text == "rock, rack"
    assert hit_rows(state) == []


def test_an_error_points_where_the_command_points() -> None:
    state = State(DATABASE)
    assert "type what" in found_lines(state, "")[0].text
    assert "searching for x" in found_lines(state, "x")[0].text
    state.take(failing("search", "query-syntax", 'a " is not closed', "dbtool help search"))
    lines = found_lines(state, '"')
    assert (lines[0].status, lines[1].text) == (Status.WARN, "dbtool help search")
