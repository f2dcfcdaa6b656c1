"""What a look means: each alert with its evidence, its limit and the command to run next.

Here is judged one moment. Whether an alert fires, which takes some time, and when it is over, is
for `dbtool.monitor.alertbook` to remember. `DB` in a command stands for the database.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal

from dbtool.core.quantities import format_duration, format_size

if TYPE_CHECKING:
    from dbtool.monitor.daily import Daily
    from dbtool.monitor.observer import Look

__all__ = ["ALERTS", "AlertLimits", "Judgement", "Severity", "judge", "unreadable"]

Severity = Literal["critical", "warning"]

ALERTS: Final[dict[str, tuple[Severity, str]]] = {
    "database-unreadable": ("critical", "the database is gone, damaged or encrypted"),
    "wal-large": ("warning", "the WAL has been larger than its limit for some time"),
    "checkpoint-pinned": ("warning", "one reader keeps the WAL from being checkpointed"),
    "writer-held": ("critical", "one transaction keeps all other writers out"),
    "disk-free-low": ("critical", "less space is free than the database may need"),
    "disk-full-soon": ("warning", "at its pace the database fills the disk soon"),
    "statistics-stale": ("warning", "the query planner works with row counts far off"),
    "growth-unusual": ("warning", "the database grew much more than it usually does in a day"),
    "backup-stale": ("critical", "the newest backup is older than its limit"),
    "verify-stale": ("warning", "stored data was not proven for too long"),
    "space-reclaimable": ("warning", "a large part of the file is unused"),
}
"""Code -> severity and what it means."""

_CLEAR: Final = 0.8
"""A firing alert is over below this share of its limit: a value that trembles there tells once."""
_CLEAR_FOR_S: Final = 60.0
"""And it has to stay there for so long, where it changes from look to look."""
_LEAST_GROWTH_BYTES: Final = 1 << 20
_LEAST_RECLAIMABLE_BYTES: Final = 64 << 20
_SHOWN_TABLES: Final = 3
_NOT_SEEN: Final = "it could not be seen"
_DAY_S: Final = 86400.0


@dataclass(frozen=True, slots=True)
class AlertLimits:
    """From where on something is worth an alarm; `[alerts]` of the configuration."""

    wal_bytes: int = 64_000_000
    wal_share: float = 0.1
    """Of the size of the database; the greater of the two counts."""
    wal_for_s: float = 300.0
    pinned_for_s: float = 300.0
    writer_for_s: float = 5.0
    disk_free: float | None = None
    """Bytes, or a share of the disk below 1; None: twice the database."""
    full_within_s: float = 30 * _DAY_S
    growth_factor: int = 3
    """How many times the median of daily growth."""
    backup_age_s: float | None = None
    """None: no backup is too old."""
    verify_age_s: float = 7 * _DAY_S
    reclaimable: float = 0.25
    """Share of the file."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """One alert at one moment."""

    code: str
    over: bool | None
    """Whether the limit is passed; None: not known, `evidence` says why."""
    clear: bool
    """Whether the value is far enough below the limit to end an alert."""
    evidence: str
    """One sentence without a full stop, with the figures."""
    command: str = ""
    """What to run next."""
    for_s: float = 0.0
    """How long the limit has to be passed until it fires."""
    clear_for_s: float = 0.0
    """How long it has to be clear until it is over."""
    subject: str = ""
    """Whom it is about; the time begins anew with another one."""
    value: float | None = None
    limit: float | None = None


def judge(look: Look, daily: Daily | None, limits: AlertLimits) -> tuple[Judgement, ...]:
    """Judge one look, with the facts of the day."""
    return (
        _readable(daily),
        _wal(look, limits),
        _pinned(look, limits),
        _writer(look, limits),
        _disk(look, limits),
        *_daily(daily, look.at, limits),
    )


def _readable(daily: Daily | None) -> Judgement:
    code = "database-unreadable"
    if daily is not None and daily.problem:
        return Judgement(
            code, over=True, clear=False, evidence=daily.problem, command="dbtool verify DB"
        )
    return Judgement(code, over=False, clear=True, evidence="it can be looked at")


def unreadable(why: str) -> tuple[Judgement, ...]:
    """Judge that there was no look: of all else nothing is known."""
    first = Judgement(
        "database-unreadable", over=True, clear=False, evidence=why, command="dbtool verify DB"
    )
    rest = (_unknown(code, why) for code in ALERTS if code != first.code)
    return (first, *rest)


def _unknown(code: str, why: str, command: str = "") -> Judgement:
    return Judgement(code, over=None, clear=False, evidence=why, command=command)


def _limited(code: str, value: float, limit: float, evidence: str, **more: object) -> Judgement:
    """Judge a value that should stay below a limit."""
    return Judgement(
        code,
        over=value > limit,
        clear=value <= limit * _CLEAR,
        evidence=evidence,
        value=value,
        limit=limit,
        **more,  # type: ignore[arg-type]
    )


def _wal(look: Look, limits: AlertLimits) -> Judgement:
    limit = max(limits.wal_bytes, limits.wal_share * look.database_bytes)
    size = look.wal_bytes or 0
    text = f"the WAL has {format_size(size)}; the limit is {format_size(round(limit))}"
    command = 'sqlite3 DB "PRAGMA wal_checkpoint(TRUNCATE)"'
    if look.pinning:
        oldest = min(look.pinning, key=lambda reader: reader.since)
        text += f"; process {oldest.holder} keeps it from beginning anew"
        command = f"ps -fp {oldest.holder.pid}"
    return _limited(
        "wal-large",
        size,
        limit,
        text,
        command=command,
        for_s=limits.wal_for_s,
        clear_for_s=_CLEAR_FOR_S,
    )


def _pinned(look: Look, limits: AlertLimits) -> Judgement:
    code = "checkpoint-pinned"
    if look.readers is None:
        return _unknown(code, look.unknown.get("readers", _NOT_SEEN))
    if not look.pinning or look.wal_frames is None:
        return Judgement(code, over=False, clear=True, evidence="no reader holds the WAL up")
    oldest = min(look.pinning, key=lambda reader: (reader.since, reader.holder.pid))
    behind = look.wal_frames - oldest.frame
    what = f"reads the WAL up to frame {oldest.frame:,} of {look.wal_frames:,}"
    if not oldest.frame:
        what = "reads the database without the WAL"
    held = _held(look, oldest.since)
    text = f"process {oldest.holder} {what}{held}: {behind:,} frames cannot be checkpointed"
    return Judgement(
        code,
        over=True,
        clear=False,
        evidence=text,
        command=f"ps -fp {oldest.holder.pid}",
        for_s=limits.pinned_for_s,
        subject=f"{oldest.holder.pid}:{oldest.frame}",
        value=(look.at - oldest.since).total_seconds(),
        limit=limits.pinned_for_s,
    )


def _writer(look: Look, limits: AlertLimits) -> Judgement:
    code = "writer-held"
    if look.writers is None:
        return _unknown(code, look.unknown.get("writers", _NOT_SEEN))
    if not look.writers or look.writer_since is None:
        return Judgement(code, over=False, clear=True, evidence="nobody writes just now")
    writer = look.writers[0]
    held_s = (look.at - look.writer_since).total_seconds()
    held = _held(look, look.writer_since)
    return Judgement(
        code,
        over=True,
        clear=False,
        evidence=f"process {writer} is in a transaction that writes{held}",
        command=f"ps -fp {writer.pid}",
        for_s=limits.writer_for_s,
        subject=f"{writer.pid}:{look.writer_since.isoformat()}",
        value=held_s,
        limit=limits.writer_for_s,
    )


def _held(look: Look, since: datetime) -> str:
    """Say for how long something has been seen; nothing where that was just now."""
    held_s = (look.at - since).total_seconds()
    return f", for {format_duration(held_s)} at least" if held_s >= 1 else ""


def _disk(look: Look, limits: AlertLimits) -> Judgement:
    size_bytes = look.database_bytes + (look.wal_bytes or 0)
    wanted, why = 2.0 * size_bytes, "twice the database, which VACUUM or a restore may take"
    if limits.disk_free is not None:
        share = limits.disk_free < 1
        wanted = limits.disk_free * look.disk_bytes if share else limits.disk_free
        why = f"{limits.disk_free:.0%} of the disk" if share else format_size(round(wanted))
    free = look.disk_free_bytes
    return Judgement(
        "disk-free-low",
        over=free < wanted,
        clear=free * _CLEAR >= wanted,
        evidence=f"{format_size(free)} are free; the limit is {why}",
        command="df -h .",
        clear_for_s=_CLEAR_FOR_S,
        value=free,
        limit=wanted,
    )


def _daily(daily: Daily | None, now: datetime, limits: AlertLimits) -> Iterator[Judgement]:
    if daily is None:
        for code in list(ALERTS)[-6:]:
            yield _unknown(code, "the daily look was not taken yet", "dbtool monitor --once DB")
        return
    yield _full(daily, limits)
    yield _statistics(daily)
    yield _growth(daily, limits)
    yield _backup(daily, now, limits)
    yield _verify(daily, now, limits)
    yield _reclaimable(daily, limits)


def _full(daily: Daily, limits: AlertLimits) -> Judgement:
    code = "disk-full-soon"
    if daily.growth_per_day_bytes is None:
        return _unknown(code, _why(daily, "growth_per_day_bytes"))
    if daily.days_until_full is None:
        return Judgement(code, over=False, clear=True, evidence="the database does not grow")
    days, within = daily.days_until_full, limits.full_within_s / _DAY_S
    pace = format_size(round(daily.growth_per_day_bytes))
    return Judgement(
        code,
        over=days < within,
        clear=days * _CLEAR >= within,
        evidence=f"at {pace} a day the disk is full in {days:,.0f} days; the limit is {within:.0f}",
        command="dbtool stats --section growth DB",
        value=days,
        limit=within,
    )


def _statistics(daily: Daily) -> Judgement:
    code = "statistics-stale"
    if daily.stale_tables is None:
        return _unknown(code, _why(daily, "stale_tables"))
    if not daily.stale_tables:
        return Judgement(code, over=False, clear=True, evidence="row counts are near enough")
    shown = list(daily.stale_tables.items())[:_SHOWN_TABLES]
    said = ", ".join(f"{name} {old:,} rows (it has {new:,})" for name, (old, new) in shown)
    more = len(daily.stale_tables) - len(shown)
    text = f"the query planner believes of {said}" + (f" and {more} more" if more else "")
    return Judgement(code, over=True, clear=False, evidence=text, command="dbtool optimize DB")


def _growth(daily: Daily, limits: AlertLimits) -> Judgement:
    code = "growth-unusual"
    if daily.grown_bytes is None or daily.growth_per_day_bytes is None:
        missing = "grown_bytes" if daily.grown_bytes is None else "growth_per_day_bytes"
        return _unknown(code, _why(daily, missing))
    usual = max(daily.growth_per_day_bytes, 0.0)
    limit = max(limits.growth_factor * usual, _LEAST_GROWTH_BYTES)
    grown = format_size(max(0, daily.grown_bytes))
    text = f"it grew by {grown} in a day; usual are {format_size(round(usual))}"
    command = "dbtool stats --section growth DB"
    return _limited(code, daily.grown_bytes, limit, text, command=command)


def _backup(daily: Daily, now: datetime, limits: AlertLimits) -> Judgement:
    code, command = "backup-stale", "dbtool backup DB"
    if limits.backup_age_s is None:
        return _unknown(code, "no max_backup_age is configured for it", "dbtool help configuration")
    if daily.backup_at is None:
        if "backup_at" in daily.unknown:
            return _unknown(code, daily.unknown["backup_at"])
        return Judgement(code, over=True, clear=False, evidence="it has no backup", command=command)
    age_s, limit_s = (now - daily.backup_at).total_seconds(), limits.backup_age_s
    text = (
        f"the newest backup is {format_duration(max(0.0, age_s))} old; "
        f"the limit is {format_duration(limit_s)}"
    )
    # What was stale is well again at once with a new backup, so nothing trembles here.
    return Judgement(
        code, age_s > limit_s, age_s <= limit_s, text, command, value=age_s, limit=limit_s
    )


def _verify(daily: Daily, now: datetime, limits: AlertLimits) -> Judgement:
    code, command = "verify-stale", "dbtool verify --snapshots --read-data DB"
    if daily.verified_at is None and (daily.backup_at is None or "verified_at" in daily.unknown):
        return _unknown(code, daily.unknown.get("verified_at", "it has no backup to prove"))
    # What was never proven is as old as the first backup.
    since = daily.verified_at or daily.first_backup_at or daily.backup_at or now
    age, limit = now - since, timedelta(seconds=limits.verify_age_s)
    done = "stored data was proven" if daily.verified_at else "never proven; the first backup was"
    text = (
        f"{done} {format_duration(max(0.0, age.total_seconds()))} ago; "
        f"the limit is {format_duration(limits.verify_age_s)}"
    )
    return Judgement(
        code,
        age > limit,
        age <= limit,
        text,
        command,
        value=age.total_seconds(),
        limit=limits.verify_age_s,
    )


def _reclaimable(daily: Daily, limits: AlertLimits) -> Judgement:
    code = "space-reclaimable"
    if daily.reclaimable_bytes is None or not daily.size_bytes:
        return _unknown(code, _why(daily, "reclaimable_bytes"))
    share = daily.reclaimable_bytes / daily.size_bytes
    gain = format_size(daily.reclaimable_bytes)
    text = f"{share:.0%} of the file is unused: VACUUM gives back about {gain}"
    large = daily.reclaimable_bytes >= _LEAST_RECLAIMABLE_BYTES
    return Judgement(
        code,
        over=share >= limits.reclaimable and large,
        clear=share < limits.reclaimable * _CLEAR or not large,
        evidence=text,
        command="dbtool optimize DB",
        value=share,
        limit=limits.reclaimable,
    )


def _why(daily: Daily, name: str) -> str:
    return daily.unknown.get(name, "it could not be looked at")
