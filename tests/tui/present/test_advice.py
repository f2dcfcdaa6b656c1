"""Advice in short."""

from __future__ import annotations

from dbtool.tui.line import Status
from dbtool.tui.present.advice import advised
from dbtool.tui.state import State
from tests.tui.seeded import DATABASE, READINGS, STORAGE, reading


def test_what_was_measured_comes_before_what_was_noticed() -> None:
    state = State(DATABASE)
    assert advised(state)[0].text == "asking ..."
    state.take(READINGS["storage"])
    state.take(READINGS["advice"])
    assert [line.label for line in advised(state)] == ["measured", "measured", "noticed"]


def test_nothing_noticed_is_well() -> None:
    state = State(DATABASE)
    state.take(reading("storage", {**STORAGE, "advice": []}))
    assert advised(state)[0].status is Status.OK


def test_urgent_advice_is_critical() -> None:
    state = State(DATABASE)
    urgent = {"code": "x", "urgent": True, "text": "the disk is full tomorrow", "command": ""}
    state.take(reading("storage", {**STORAGE, "advice": [urgent]}))
    assert advised(state)[0].status is Status.CRIT
