"""Locks and the WAL in words."""

from __future__ import annotations

from dataclasses import replace

from dbtool.tui.line import Status
from dbtool.tui.present.locks import LOCK_COLUMNS, lock_rows, wal_line, wal_lines
from dbtool.tui.state import State
from tests.tui.seeded import CALM, DATABASE, LIVE


def seen(live: object) -> State:
    state = State(DATABASE)
    state.see(live)
    return state


def test_who_holds_a_lock_comes_before_who_has_it_open() -> None:
    rows = lock_rows(seen(LIVE))
    assert [row.cells[1] for row in rows] == ["gunicorn", "report.py", "cron"]
    assert all(len(row.cells) == len(LOCK_COLUMNS) for row in rows)
    assert rows[0].cells[2:4] == ("WRITE", "1.0 s")
    assert rows[1].status is Status.WARN
    assert rows[1].cells[3] == "14 min"
    assert lock_rows(State(DATABASE)) == []


def test_who_keeps_the_wal_is_named() -> None:
    line = wal_line(LIVE)
    assert line.status is Status.WARN
    assert "report.py (18844)" in line.text


def test_a_wal_that_nobody_keeps_is_fine() -> None:
    assert wal_line(replace(LIVE, holders=())).status is Status.OK
    assert wal_line(CALM).text == "empty"
    assert "rollback" in wal_line(replace(CALM, journal_mode="rollback")).text
    assert wal_line(None).status is Status.PLAIN


def test_what_cannot_be_seen_is_said_with_its_reason() -> None:
    live = replace(CALM, unseen={"locks": "this system has no /proc/locks"})
    lines = wal_lines(seen(live))
    assert lines[-1].status is Status.UNKNOWN
    assert "/proc/locks" in lines[-1].text
    assert len(wal_lines(State(DATABASE))) == 1


def test_of_a_database_that_cannot_be_read_nothing_is_called_well() -> None:
    line = wal_line(replace(CALM, wal_bytes=None, problem="there is no database"))
    assert line.status is Status.UNKNOWN
