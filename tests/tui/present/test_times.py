"""Times for people."""

from __future__ import annotations

from datetime import UTC, datetime

from dbtool.tui.present.times import age, clock, moment, parse, stale_note
from tests.tui.seeded import NOW_S, time_of


def test_ages_count_from_what_is_shown() -> None:
    assert age(time_of(7200), NOW_S) == "2 h ago"
    assert age(None, NOW_S) == "never"
    assert age("nonsense", NOW_S, "?") == "?"


def test_times_are_of_the_users_zone() -> None:
    local = datetime.fromtimestamp(NOW_S, UTC).astimezone()
    assert moment(time_of(0)) == local.strftime("%Y-%m-%d %H:%M:%S")
    assert clock(NOW_S) == local.strftime("%H:%M:%S")
    assert moment(None) == ""
    assert parse("") is None


def test_what_is_not_fresh_says_so() -> None:
    assert stale_note(3.0) == ""
    assert stale_note(None) == ""
    assert stale_note(120.0) == "as of 2 min ago"
    assert stale_note(None, "locked") == "locked"
    assert "locked; shown is from" in stale_note(120.0, "locked")
