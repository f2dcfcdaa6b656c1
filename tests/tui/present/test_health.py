"""The Health panel."""

from __future__ import annotations

from dataclasses import replace

from dbtool.tui.line import Status
from dbtool.tui.model import LiveAlert
from dbtool.tui.present.health import health_lines
from dbtool.tui.state import State
from tests.tui.seeded import CALM, DATABASE, NOW_S, READINGS


def test_nothing_known_is_neither_well_nor_wrong() -> None:
    lines = health_lines(State(DATABASE), NOW_S)
    assert not {Status.OK, Status.WARN, Status.CRIT} & {line.status for line in lines}


def test_an_alert_without_a_line_of_its_own_gets_one() -> None:
    state = State(DATABASE)
    told = LiveAlert("checkpoint-pinned", "warning", "a reader keeps it")
    new = LiveAlert("writer-held", "critical", "gunicorn writes for 9 s")
    state.see(replace(CALM, alerts=(told, new)))
    lines = {line.label: line for line in health_lines(state, NOW_S)}
    assert lines["writer-held"].status is Status.CRIT
    assert "checkpoint-pinned" not in lines


def test_a_healthy_database_is_all_well() -> None:
    state = State(DATABASE)
    state.see(CALM)
    state.take(READINGS["snapshots"])
    statuses = {line.status for line in health_lines(state, NOW_S)}
    assert statuses <= {Status.OK, Status.PLAIN}
