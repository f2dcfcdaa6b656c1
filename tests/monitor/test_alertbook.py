"""Alerts fire after their time, tell once, and end when all is well for a while."""

from __future__ import annotations

import json
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from dbtool.monitor.alertbook import Alert, AlertBook
from dbtool.monitor.alerts import Judgement
from tests.monitor.lookstands import NOW


class Days:
    """Feeds one alert, one minute after the other."""

    def __init__(self, for_s: float = 300.0) -> None:
        self.book = AlertBook()
        self.for_s = for_s
        self.clear_for_s = 60.0
        self.minute = 0

    def see(self, over: bool | None, *, clear: bool = True, subject: str = "", after_s: float = 60):
        self.minute += 1
        judged = Judgement(
            "wal-large",
            over=over,
            clear=clear and not over,
            evidence="it is so",
            command="do this",
            for_s=self.for_s,
            clear_for_s=self.clear_for_s,
            subject=subject,
        )
        now = NOW + timedelta(minutes=self.minute)
        (alert,) = self.book.update([judged], elapsed_s=after_s, now=now)
        return alert

    def states(self, *seen: bool | None) -> list[str]:
        return [self.see(over).state for over in seen]


def test_it_fires_after_its_time_and_not_before() -> None:
    days = Days()
    assert days.states(*[True] * 7) == ["pending"] * 5 + ["firing"] * 2


def test_what_passes_in_between_is_forgotten() -> None:
    days = Days()
    assert days.states(True, True, True, True, False) == ["pending"] * 4 + ["ok"]
    assert days.states(True, True) == ["pending", "pending"]


def test_it_tells_once_when_it_begins_and_once_when_it_is_over() -> None:
    days = Days(for_s=0)
    seen = [days.see(over) for over in (False, True, True, True, False, False)]
    assert [alert.changed for alert in seen] == [False, True, False, False, True, False]
    assert [alert.state for alert in seen] == ["ok", "firing", "firing", "firing", "ok", "ok"]


def test_a_value_that_trembles_at_the_limit_tells_once() -> None:
    days = Days(for_s=0)
    changes = 0
    for number in range(50):
        changes += days.see(number % 2 == 0, clear=False).changed
    assert changes == 1
    alert = days.see(over=False, clear=True, after_s=30)
    assert alert.evidence == "it is so; it ends when that lasts"
    assert days.see(over=False, clear=False).state == "firing"
    assert days.see(over=False, clear=True, after_s=60).state == "ok"


def test_what_cannot_tremble_ends_at_once() -> None:
    days = Days(for_s=0)
    days.clear_for_s = 0.0
    days.see(over=True)
    assert days.see(over=False, after_s=1).state == "ok"


def test_another_subject_begins_anew() -> None:
    days = Days()
    for _ in range(5):
        assert days.see(over=True, subject="42:7").state == "pending"
    assert days.see(over=True, subject="43:7").state == "pending"
    for _ in range(4):
        days.see(over=True, subject="43:7")
    assert days.see(over=True, subject="43:7").state == "firing"
    assert days.see(over=True, subject="44:7").state == "pending"


def test_a_subject_that_is_gone_ends_it_at_once() -> None:
    days = Days(for_s=0)
    assert days.see(over=True, subject="42:7", after_s=1).state == "firing"
    assert days.see(over=False, after_s=1).state == "ok"


def test_what_is_not_known_ends_no_alert_and_makes_none() -> None:
    days = Days(for_s=0)
    assert days.see(over=None).state == "unknown"
    days.see(over=True)
    alert = days.see(over=None)
    assert (alert.state, alert.changed) == ("firing", False)
    assert alert.evidence == "not known just now: it is so"


def test_a_clock_that_jumps_fires_nothing() -> None:
    days = Days()
    days.see(over=True)
    judged = Judgement("wal-large", over=True, clear=False, evidence="", for_s=300.0)
    later = NOW + timedelta(days=365)
    for now in (later, NOW - timedelta(days=365)):
        (alert,) = days.book.update([judged], elapsed_s=1.0, now=now)
        assert alert.state == "pending"


def test_of_time_in_which_nobody_looked_a_quarter_of_an_hour_counts() -> None:
    days = Days(for_s=1000)
    days.see(over=True)
    assert days.see(over=True, after_s=86400).state == "pending"
    assert days.see(over=True, after_s=-5).state == "pending"
    assert days.see(over=True, after_s=100).state == "firing"


def test_no_command_is_named_where_nothing_is_wrong() -> None:
    days = Days(for_s=0)
    assert days.see(over=False).command == ""
    assert days.see(over=True).command == "do this"


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from([True, False, None]), st.booleans(), st.floats(0, 400))))
def test_a_book_that_was_kept_goes_on_like_one_that_was_not(steps) -> None:
    one, two = Days(), Days()
    for over, clear, after_s in steps:
        two.book = AlertBook(json.loads(json.dumps(two.book.state)))
        first: Alert = one.see(over, clear=clear, after_s=after_s)
        assert first == two.see(over, clear=clear, after_s=after_s)
