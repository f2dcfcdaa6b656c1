"""Statements of the application in words."""

from __future__ import annotations

import pytest

from dbtool.tui.line import Status
from dbtool.tui.present.queries import (
    QUERY_COLUMNS,
    plan_fields,
    plan_words,
    query_lines,
    query_rows,
)
from dbtool.tui.state import State
from tests.tui.seeded import DATABASE, PLAN, READINGS, STATEMENT, failing, reading


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
    assert row.cells[1:4] == ("1,200", "6.5 s", "4.0 ms")
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


@pytest.mark.parametrize(
    ("example", "words"),
    [
        (None, ("--explain=SELECT ?",)),
        ("SELECT 1 -- one", ("--explain=SELECT 1 -- one",)),
        ("SELECT ? -- ('it''s', '4')", ("--explain=SELECT ?", "--param=1='its'", "--param=2='4'")),
        ('SELECT ? -- ("it\'s",)', ("--explain=SELECT ?", "--param=1='it''s'")),
        ("SELECT ? -- (' -- (1,)',)", ("--explain=SELECT ?", "--param=1=' -- (1,)'")),
        ("SELECT :a -- {'a': None}", ("--explain=SELECT :a", "--param=a=NULL")),
        (
            "SELECT ?, ?, ? -- (True, 1.5, b'\\x00\\xff')",
            ("--explain=SELECT ?, ?, ?", "--param=1=1", "--param=2=1.5", "--param=3=x'00ff'"),
        ),
        ("SELECT ? -- ('cut of", ("--explain=SELECT ? -- ('cut of",)),
    ],
)
def test_a_plan_is_asked_with_the_values_of_the_log(
    example: str | None, words: tuple[str, ...]
) -> None:
    assert plan_words({"sql": "SELECT ?", "example": example}) == words


def test_what_is_no_statement_has_no_plan() -> None:
    assert plan_words({"sql": None, "example": None}) == ()


def test_a_plan_tells_what_would_help() -> None:
    fields = plan_fields(reading("plan", PLAN))
    assert [name for name, _ in fields] == [
        "plan", "costs", "would help", "plan then", "costs then", "note",
    ]  # fmt: skip
    assert fields[0][1] == "SCAN t"
    assert "15,010 steps" in fields[1][1]
    assert "108 µs" in fields[1][1]
    assert "124 KiB" in fields[2][1]
    without = plan_fields(reading("plan", {**PLAN, "indexes": []}))
    assert ("would help", "no index that was tried") in without


def test_why_there_is_no_plan_is_told() -> None:
    failed = failing("plan", "sql-invalid", "no such table: x", "name one")
    assert plan_fields(failed) == [("plan", "no such table: x\nname one")]
    assert "recording" in plan_fields(None)[0][1]
