"""Statements of the application in words."""

from __future__ import annotations

from dbtool.tui.line import Status
from dbtool.tui.present.queries import QUERY_COLUMNS, query_lines, query_rows
from dbtool.tui.state import State
from tests.tui.seeded import DATABASE, READINGS, STATEMENT, failing, reading


def known(*statements: object) -> State:
    state = State(DATABASE)
    state.take(
        reading("queries", {"workload": {"available": True, "statements": statements}})
        if statements
        else READINGS["queries"]
    )
    return state


def test_a_statement_has_a_cell_for_every_column() -> None:
    (row,) = query_rows(known())
    assert len(row.cells) == len(row.order) == len(QUERY_COLUMNS)
    assert row.cells[1:4] == ("1,200", "6.5 s", "4 ms")
    assert row.status is Status.WARN
    assert row.cells[7] == ""


def test_what_took_most_time_comes_first() -> None:
    quick = {**STATEMENT, "sql": "SELECT 1", "seconds": 0.1, "full_scan_steps": 0}
    rows = query_rows(known(quick, STATEMENT))
    assert [row.cells[0] for row in rows] == [STATEMENT["sql"], "SELECT 1"]
    assert rows[1].status is Status.PLAIN


def test_a_long_statement_is_cut_and_whole_in_its_details() -> None:
    long = {**STATEMENT, "sql": "SELECT " + "x, " * 100 + "y\n FROM t"}
    (row,) = query_rows(known(long))
    assert len(row.cells[0]) == 70
    assert row.data["sql"] == long["sql"]


def test_without_a_log_it_is_said_how_to_get_one() -> None:
    state = State(DATABASE)
    assert query_lines(state)[0].text == "asking ..."
    none = {
        "workload": {"available": False, "reason": "cannot be seen", "how": "dbtool help trace"}
    }
    state.take(reading("queries", none))
    assert [line.text for line in query_lines(state)] == ["cannot be seen", "dbtool help trace"]
    state.take(failing("queries", "trace-not-found", "there is no log"))
    assert query_lines(state)[0].text == "there is no log"
    assert "1 different" in query_lines(known())[0].text
