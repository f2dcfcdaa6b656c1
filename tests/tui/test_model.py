"""The plain values of the dashboard."""

from __future__ import annotations

from tests.tui.seeded import failing, reading


def test_a_reading_is_good_unless_it_says_why_not() -> None:
    assert reading("snapshots", []).ok
    assert not failing("snapshots", "repository-not-found").ok
