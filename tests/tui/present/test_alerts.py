"""How many things want attention."""

from __future__ import annotations

from dbtool.tui.present.alerts import counts
from dbtool.tui.state import State
from tests.tui.seeded import DATABASE, LIVE, NOW_S, READINGS, failing


def test_warnings_and_critical_things_are_counted_apart() -> None:
    state = State(DATABASE)
    assert counts(state, NOW_S) == (0, 0)
    state.see(LIVE)
    state.take(READINGS["snapshots"])
    assert counts(state, NOW_S) == (1, 0)
    state.take(failing("snapshots", "repository-not-found"))
    assert counts(state, NOW_S) == (1, 1)
