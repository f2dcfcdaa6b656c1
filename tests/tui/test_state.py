"""What is known, and which changes are events."""

from __future__ import annotations

from dataclasses import replace

from dbtool.tui.line import Status
from dbtool.tui.model import Live, LiveAlert
from dbtool.tui.state import Event, State
from tests.tui.seeded import CALM, DATABASE, LIVE, NOW_S, SNAPSHOTS, failing, reading


def test_the_last_good_answer_stays_while_a_feed_fails() -> None:
    state = State(DATABASE)
    state.take(reading("snapshots", SNAPSHOTS))
    state.take(failing("snapshots", "probe-deadline"))
    assert state.data("snapshots") == SNAPSHOTS
    assert state.problem("snapshots").code == "probe-deadline"
    assert state.age_s("snapshots", NOW_S + 60) == 60
    assert state.age_s("prune", NOW_S) is None
    assert state.problem("prune") is None


def test_failing_and_recovering_are_one_event_each() -> None:
    state = State(DATABASE)
    for each in (
        failing("snapshots", "locked", "held", "wait"),
        failing("snapshots", "locked", "held", "wait"),
        reading("snapshots", []),
        reading("snapshots", []),
    ):
        state.take(each)
    assert [(e.kind, e.status) for e in state.events] == [
        ("error", Status.WARN),
        ("recovered", Status.OK),
    ]
    assert "held" in state.events[0].text
    assert state.events[0].hint == "wait"


def test_that_there_is_nothing_is_no_failure() -> None:
    state = State(DATABASE)
    state.take(failing("migrations", "migrations-not-found"))
    state.take(reading("migrations", {}))
    assert not state.events


def test_a_database_that_goes_and_comes_back_is_told() -> None:
    state = State(DATABASE)
    gone = Live(NOW_S, problem="the database is not there")
    for live in (LIVE, gone, gone, replace(LIVE, at_s=NOW_S + 4)):
        state.see(live)
    assert [(e.kind, e.status) for e in state.events] == [
        ("error", Status.CRIT),
        ("recovered", Status.OK),
    ]
    assert state.live.at_s == NOW_S + 4


def test_alerts_open_and_close_once() -> None:
    state = State(DATABASE)
    alert = LiveAlert("wal-large", "warning", "the WAL is large", "dbtool stats DB")
    for live in (replace(CALM, alerts=(alert,)), replace(CALM, alerts=(alert,)), CALM):
        state.see(live)
    assert [(e.kind, e.text, e.hint) for e in state.events] == [
        ("alert", "wal-large: the WAL is large", "dbtool stats /srv/app.db"),
        ("recovered", "no longer: wal-large", ""),
    ]


def test_the_past_comes_before_the_present_and_is_no_event() -> None:
    state = State(DATABASE)
    state.see(CALM)
    state.recall([replace(LIVE, at_s=NOW_S - 120), replace(LIVE, at_s=NOW_S - 60)])
    assert [look.at_s - NOW_S for look in state.looks] == [-120, -60, 0]
    assert not state.events


def test_looks_and_events_are_bounded() -> None:
    state = State(DATABASE)
    for number in range(5000):
        state.see(replace(CALM, at_s=float(number)))
        state.tell(Event(float(number), Status.OK, "note", "x"))
    assert len(state.looks) <= 1800
    assert len(state.events) <= 500
    assert state.looks[-1].at_s == 4999


def test_another_file_under_the_same_name_is_told_also_after_a_gap() -> None:
    state = State(DATABASE)
    one, other = replace(CALM, identity="1:5"), replace(CALM, identity="1:6")
    for live in (one, one, Live(NOW_S, problem="it is not there"), other, other):
        state.see(live)
    assert [event.kind for event in state.events] == ["error", "recovered", "note"]
    assert "replaced by another file" in state.events[-1].text
