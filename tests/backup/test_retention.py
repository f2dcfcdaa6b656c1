"""Retention: what restic's and borg's users expect, against an oracle that counts periods."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from dbtool.backup.model import SAFETY_TAG, Snapshot, SnapshotId
from dbtool.backup.retention import Retention, Verdict, decide

START = datetime(2026, 3, 10, 12, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def snapshot(number: int, time: datetime, **changes: Any) -> Snapshot:
    made = Snapshot(
        id=SnapshotId(f"{number:032x}"),
        time=time,
        database="/app.db",
        host="here",
        sequence=number + 1,
        parent=None,
        page_size=4096,
        page_count=1,
        pages_changed=1,
        bytes_added=1,
        duration_s=0.1,
    )
    return replace(made, **changes)


def every(step: timedelta, count: int, start: datetime = START) -> list[Snapshot]:
    """Return snapshots oldest first, the newest at `start`."""
    return [snapshot(number, start - step * (count - 1 - number)) for number in range(count)]


def kept(verdict: Verdict) -> dict[datetime, tuple[str, ...]]:
    return {entry.snapshot.time: entry.reasons for entry in verdict.kept}


def test_without_a_rule_everything_stays() -> None:
    found = every(timedelta(hours=1), 5)
    verdict = decide(found, Retention())
    assert [entry.snapshot for entry in verdict.kept] == found
    assert verdict.condemned == ()
    assert Retention().keeps_nothing
    assert not Retention(tags=("x",)).keeps_nothing


def test_no_snapshots_are_no_problem() -> None:
    assert decide([], Retention(last=3)) == Verdict((), ())


def test_last_counts_snapshots() -> None:
    found = every(timedelta(seconds=1), 10)
    verdict = decide(found, Retention(last=3))
    assert [entry.snapshot for entry in verdict.kept] == found[-3:]
    assert list(verdict.condemned) == found[:-3]


def test_daily_keeps_the_newest_of_each_day_and_days_without_snapshots_do_not_count() -> None:
    times = [
        datetime(2026, 3, day, hour, tzinfo=UTC) for day in (1, 5, 6, 9) for hour in (3, 15, 23)
    ]
    found = [snapshot(number, time) for number, time in enumerate(times)]
    verdict = decide(found, Retention(daily=3), zone=UTC)
    assert [entry.snapshot.time for entry in verdict.kept] == [
        datetime(2026, 3, day, 23, tzinfo=UTC) for day in (5, 6, 9)
    ]


def test_the_oldest_stays_while_a_rule_has_room() -> None:
    found = every(timedelta(days=1), 20, datetime(2026, 3, 31, tzinfo=UTC))
    reasons = kept(decide(found, Retention(monthly=12), zone=UTC))
    assert reasons == {found[-1].time: ("monthly",), found[0].time: ("oldest monthly",)}
    assert len(kept(decide(found, Retention(monthly=1), zone=UTC))) == 1


def test_the_hour_that_comes_twice_is_two_hours() -> None:
    times = [datetime(2026, 10, 25, hour, 30, tzinfo=UTC) for hour in (0, 1)]
    assert len({time.astimezone(BERLIN).strftime("%H:%M") for time in times}) == 1
    found = [snapshot(number, time) for number, time in enumerate(times)]
    assert len(decide(found, Retention(hourly=5), zone=BERLIN).kept) == 2


def test_a_day_is_one_of_the_local_calendar() -> None:
    late, later = datetime(2026, 6, 1, 21, 30, tzinfo=UTC), datetime(2026, 6, 1, 22, 30, tzinfo=UTC)
    found = [snapshot(0, late), snapshot(1, later)]
    assert len(decide(found, Retention(daily=1), zone=UTC).kept) == 1
    assert len(decide(found, Retention(daily=2), zone=BERLIN).kept) == 2
    assert kept(decide(found, Retention(daily=2), zone=BERLIN))[late] == ("daily",)


def test_a_week_begins_on_monday_also_across_the_year() -> None:
    times = [datetime(2026, 12, day, tzinfo=UTC) for day in (27, 28, 31)]
    times.append(datetime(2027, 1, 3, tzinfo=UTC))
    found = [snapshot(number, time) for number, time in enumerate(times)]
    verdict = decide(found, Retention(weekly=2), zone=UTC)
    assert [entry.snapshot.time.day for entry in verdict.kept] == [27, 3]


def test_within_counts_from_the_newest_and_not_from_today() -> None:
    found = every(timedelta(days=1), 10, START - timedelta(days=1000))
    verdict = decide(found, Retention(within_s=2 * 86400))
    assert [entry.snapshot for entry in verdict.kept] == found[-3:]


def test_tags_keep_for_ever() -> None:
    found = every(timedelta(days=1), 10)
    found[2] = replace(found[2], tags=("release", "x"))
    reasons = kept(decide(found, Retention(last=1, tags=("release",))))
    assert reasons[found[2].time] == ("tag release",)
    assert len(reasons) == 2


def test_the_newest_verified_one_stays() -> None:
    found = every(timedelta(days=1), 10)
    for number in (1, 4):
        found[number] = replace(found[number], verified=START)
    reasons = kept(decide(found, Retention(last=1)))
    assert reasons[found[4].time] == ("newest verified",)
    assert found[1].time not in reasons


def test_safety_snapshots_have_a_rule_of_their_own() -> None:
    found = every(timedelta(days=10), 10)
    for number in (1, 8, 9):
        found[number] = replace(found[number], tags=(SAFETY_TAG,))
    reasons = kept(decide(found, Retention(last=1)))
    assert reasons == {
        found[7].time: ("last",),
        found[8].time: ("safety",),
        found[9].time: ("safety",),
    }


def test_the_newest_stays_even_where_all_are_safety_snapshots() -> None:
    found = [replace(one, tags=(SAFETY_TAG,)) for one in every(timedelta(days=10), 3)]
    assert [one.snapshot for one in decide(found, Retention(last=1, safety_s=0)).kept] == found[-1:]


policies = st.builds(
    Retention,
    last=st.integers(0, 4),
    hourly=st.integers(0, 5),
    daily=st.integers(0, 5),
    weekly=st.integers(0, 4),
    monthly=st.integers(0, 4),
    yearly=st.integers(0, 3),
    within_s=st.sampled_from([0.0, 3600.0, 86400.0 * 3]),
    tags=st.sampled_from([(), ("a",), ("a", "b")]),
    safety_s=st.sampled_from([0.0, 86400.0 * 30]),
)
histories = st.lists(
    st.tuples(
        st.integers(0, 3 * 365 * 24 * 60),
        st.sampled_from([(), (), (), ("a",), (SAFETY_TAG,), ("b", SAFETY_TAG)]),
        st.booleans(),
    ),
    max_size=40,
)
NAMES = {
    "hourly": "%Y-%m-%d %H %z",
    "daily": "%Y-%m-%d",
    "weekly": "%G-%V",
    "monthly": "%Y-%m",
    "yearly": "%Y",
}


def oracle(found: list[Snapshot], policy: Retention) -> set[str]:
    """Return the ids that stay, worked out from sets of period names."""
    if policy.keeps_nothing:
        return {one.id for one in found}
    order = sorted(found, key=lambda one: (one.time, one.sequence))
    regular = [one for one in order if SAFETY_TAG not in one.tags]
    # What is newest is told by the numbers: the times of histories jump.
    counted = sorted(found, key=lambda one: one.sequence)
    numbered = [one for one in counted if SAFETY_TAG not in one.tags]
    stay = {one.id for one in numbered[len(numbered) - min(policy.last, len(numbered)) :]}
    for rule, pattern in NAMES.items():
        newest = {one.time.astimezone(BERLIN).strftime(pattern): one for one in regular}
        chosen = list(newest.values())[::-1][: getattr(policy, rule)]
        stay |= {one.id for one in chosen}
        if regular and len(chosen) < getattr(policy, rule):
            stay.add(regular[0].id)
    for one in order:
        age_s = (counted[-1].time - one.time).total_seconds()
        safety = SAFETY_TAG in one.tags
        if (
            set(one.tags) & set(policy.tags)
            or (safety and age_s <= policy.safety_s)
            or (policy.within_s and not safety and age_s <= policy.within_s)
        ):
            stay.add(one.id)
    stay |= {one.id for one in (numbered or counted)[-1:]}
    return stay | {one.id for one in [one for one in numbered if one.verified][-1:]}


@settings(deadline=None)
@given(policy=policies, history=histories)
def test_it_keeps_what_the_oracle_keeps(
    policy: Retention, history: list[tuple[int, tuple[str, ...], bool]]
) -> None:
    found = [
        snapshot(
            number,
            START - timedelta(minutes=minutes),
            tags=tags,
            verified=START if proven else None,
        )
        for number, (minutes, tags, proven) in enumerate(history)
    ]
    verdict = decide(found, policy, zone=BERLIN)
    assert {entry.snapshot.id for entry in verdict.kept} == oracle(found, policy)
    assert len(verdict.kept) + len(verdict.condemned) == len(found)
    assert all(entry.reasons for entry in verdict.kept)
    again = decide([entry.snapshot for entry in verdict.kept], policy, zone=BERLIN)
    assert {one.id for one in again.condemned} <= {
        entry.snapshot.id for entry in verdict.kept if "oldest" in " ".join(entry.reasons)
    }


def test_a_clock_that_was_ahead_costs_nothing_of_today() -> None:
    taken = every(timedelta(minutes=1), 5)
    ahead = snapshot(4, START + timedelta(days=400))
    today = [*taken[:4], ahead, snapshot(5, START)]
    assert {one.snapshot.id for one in decide(today, Retention(last=1)).kept} == {today[-1].id}
    kept = {one.snapshot.id for one in decide(today, Retention(within_s=3600)).kept}
    assert kept == {one.id for one in today}
    assert today[-1].id in {one.snapshot.id for one in decide(today, Retention(yearly=1)).kept}
