"""Which snapshots to keep: a policy over the times and tags of snapshots, nothing else.

The rules are those of restic and borg, as their users expect them:

- `hourly = 24` keeps the newest snapshot of each of the newest 24 hours that have one. Hours in
  which nothing was backed up do not count. So with `daily`, `weekly` (ISO weeks, from Monday),
  `monthly` and `yearly`.
- A snapshot stays when any rule keeps it; rules do not wait for each other.
- While a rule has not found as many periods as it may keep, it keeps the oldest snapshot too, so
  that `yearly` reaches back to the first day from the first day on.
- `within` counts back from the newest snapshot, not from today: a database that nobody has backed
  up for a year does not lose its last month. The same goes for safety snapshots.

Which snapshot is newest is told by their numbers, not by their times: a clock that was ahead for an
hour must not cost the state of today.

Periods are those of the local calendar, because that is what people mean by a day; the hour that
comes twice when summer time ends is two hours. Each database is judged by itself.

Two snapshots of a database are kept whatever the rules say: the newest, and the newest of those
whose data was read and proven. Safety snapshots (what a restore overwrote) follow a rule of their
own, and are neither.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta, tzinfo

from dbtool.backup.model import SAFETY_TAG, Snapshot

__all__ = ["Kept", "Retention", "Verdict", "decide", "protected"]

_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Retention:
    """What to keep of the snapshots of one database; 0 switches a rule off."""

    last: int = 0
    """The newest so many."""
    hourly: int = 0
    daily: int = 0
    weekly: int = 0
    monthly: int = 0
    yearly: int = 0
    within_s: float = 0.0
    """All that are no older than this many seconds, counted from the newest."""
    tags: tuple[str, ...] = ()
    """All that have one of these tags."""
    safety_s: float = 30 * _DAY_S
    """How long safety snapshots stay, counted from the newest snapshot of the database."""

    @property
    def keeps_nothing(self) -> bool:
        """True: no rule is set, which is no policy at all, and nothing must be removed by it."""
        rules = [entry.name for entry in fields(self) if entry.name != "safety_s"]
        return not any(getattr(self, name) for name in rules)


@dataclass(frozen=True, slots=True)
class Kept:
    """A snapshot that stays, and why."""

    snapshot: Snapshot
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a policy says of the snapshots of one database; both parts oldest first."""

    kept: tuple[Kept, ...]
    condemned: tuple[Snapshot, ...]


def decide(
    snapshots: Iterable[Snapshot], retention: Retention, *, zone: tzinfo | None = None
) -> Verdict:
    """Apply a policy to the snapshots of one database.

    Args:
        snapshots: all of them, in any order.
        retention: the policy; one that keeps nothing condemns nothing.
        zone: whose calendar counts; None: that of this machine.
    """
    found = sorted(snapshots, key=_age_key, reverse=True)
    reasons: dict[str, list[str]] = {snapshot.id: [] for snapshot in found}
    if retention.keeps_nothing:
        for why in reasons.values():
            why.append("no policy")
    for snapshot, rule in _rules(found, retention, zone):
        reasons[snapshot.id].append(rule)
    for snapshot, rule in protected(found):
        if not reasons[snapshot.id]:
            reasons[snapshot.id].append(rule)
    found.reverse()
    return Verdict(
        tuple(Kept(one, tuple(reasons[one.id])) for one in found if reasons[one.id]),
        tuple(one for one in found if not reasons[one.id]),
    )


def protected(snapshots: Iterable[Snapshot]) -> Iterator[tuple[Snapshot, str]]:
    """Yield what no policy removes from the snapshots of one database, and why."""
    found = sorted(snapshots, key=_rank, reverse=True)
    regular = _regular(found)
    newest = next(iter(regular or found), None)
    if newest is not None:
        yield newest, "newest"
    proven = next((one for one in regular if one.verified is not None), None)
    if proven is not None:
        yield proven, "newest verified"


def _regular(snapshots: Sequence[Snapshot]) -> list[Snapshot]:
    return [one for one in snapshots if SAFETY_TAG not in one.tags]


def _age_key(snapshot: Snapshot) -> tuple[datetime, int, str]:
    return snapshot.time, snapshot.sequence, snapshot.id


def _rank(snapshot: Snapshot) -> tuple[int, datetime, str]:
    return snapshot.rank


def _rules(
    newest_first: Sequence[Snapshot], retention: Retention, zone: tzinfo | None
) -> Iterator[tuple[Snapshot, str]]:
    regular = _regular(newest_first)
    for snapshot in sorted(regular, key=_rank, reverse=True)[: retention.last]:
        yield snapshot, "last"
    for name, period in _PERIODS.items():
        yield from _periodic(regular, name, getattr(retention, name), period, zone)
    newest = [one.time for one in sorted(newest_first, key=_rank)][-1:]
    for snapshot in newest_first:
        age = newest[0] - snapshot.time
        yield from _single(snapshot, age, retention)


def _single(
    snapshot: Snapshot, age: timedelta, retention: Retention
) -> Iterator[tuple[Snapshot, str]]:
    """Yield the rules that keep one snapshot whatever the others are."""
    for tag in snapshot.tags:
        if tag in retention.tags:
            yield snapshot, f"tag {tag}"
    if SAFETY_TAG in snapshot.tags:
        if age <= timedelta(seconds=retention.safety_s):
            yield snapshot, "safety"
    elif retention.within_s and age <= timedelta(seconds=retention.within_s):
        yield snapshot, "within"


def _periodic(
    newest_first: Sequence[Snapshot],
    name: str,
    count: int,
    period: Callable[[datetime], object],
    zone: tzinfo | None,
) -> Iterator[tuple[Snapshot, str]]:
    before: object = None
    for number, snapshot in enumerate(newest_first, 1):
        if not count:
            return
        current = period(snapshot.time.astimezone(zone))
        if current != before:
            yield snapshot, name
        elif number == len(newest_first):
            yield snapshot, f"oldest {name}"
        else:
            continue
        before, count = current, count - 1


def _hour(time: datetime) -> object:
    # The offset tells the two hours apart that have one name when summer time ends.
    return time.year, time.month, time.day, time.hour, time.utcoffset()


_PERIODS: dict[str, Callable[[datetime], object]] = {
    "hourly": _hour,
    "daily": lambda time: time.date(),
    "weekly": lambda time: time.isocalendar()[:2],
    "monthly": lambda time: (time.year, time.month),
    "yearly": lambda time: time.year,
}
