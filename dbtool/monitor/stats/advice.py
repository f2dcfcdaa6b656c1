"""What of a report deserves attention, each with its evidence and the command to run next.

The thresholds are those of the alerts of `monitor`, so that neither says what the other denies.
`DB` in a command stands for the database.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from dbtool.core.quantities import format_age, format_duration, format_size
from dbtool.monitor.alerts import AlertLimits
from dbtool.monitor.stats.model import (
    BackupStats,
    GrowthStats,
    IndexesStats,
    StatsReport,
    StorageStats,
    TablesStats,
)

__all__ = ["Advice", "advice"]

_WORTH_VACUUM_BYTES: Final = 64 << 20
_DAY_S: Final = 86400.0
_FEW: Final = 3
_FEW_ENTRIES: Final = 1000
"""An index so small costs next to nothing; the list of indexes still has its note."""


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing to look after."""

    code: str
    """Stable name of the situation, in kebab case."""
    urgent: bool
    """True: data or service is at risk; False: it costs space or speed."""
    text: str
    """What it is, with its figures; one sentence without a full stop."""
    command: str
    """What to run next; empty: nothing of dbtool."""


def advice(report: StatsReport, limits: AlertLimits | None = None) -> tuple[Advice, ...]:
    """Return what deserves attention, the urgent first.

    Args:
        report: of a database.
        limits: from where on something is worth a word; None: the usual ones.
    """
    limits = limits or AlertLimits()
    found = [
        *_opening(report),
        *_disk(report, limits),
        *_backups(report, limits),
        *_space(report, limits),
        *_objects(report),
        *_indexes(report),
    ]
    return tuple(sorted(found, key=lambda one: not one.urgent))


def _opening(report: StatsReport) -> Iterator[Advice]:
    problem = report.problem
    if problem is not None:
        command = problem.hint.split("\n")[0]
        yield Advice(problem.code, True, problem.message, command)  # noqa: FBT003 - urgent


def _disk(report: StatsReport, limits: AlertLimits) -> Iterator[Advice]:
    growth, file = report.sections.get("growth"), report.file
    size_bytes = file.file_bytes + (file.wal_bytes or 0)
    free = format_size(file.disk_free_bytes)
    if isinstance(growth, GrowthStats):
        ahead = growth.forecast
        days, worst = ahead.days_until_full, ahead.days_at_worst
        near_days = limits.full_within_s / _DAY_S
        if days is not None and days < near_days:
            pace = f"{format_size(round(ahead.per_day_bytes or 0))} a day"
            text = f"the disk is full in about {_days(days)} ({free} free, {pace})"
            yield Advice("disk-full-soon", urgent=True, text=text, command="df -h .")
        elif worst is not None and worst < near_days:
            pace = f"{format_size(round(ahead.high_bytes or 0))} a day"
            when = f"in {_days(worst)} ({free} free, {pace})"
            text = f"at the pace of busy weeks the disk is full {when}"
            yield Advice("disk-full-soon", urgent=False, text=text, command="df -h .")
    wanted, why = 2.0 * size_bytes, "twice the database, which VACUUM and restores may take"
    if limits.disk_free is not None:
        share = limits.disk_free < 1
        wanted = limits.disk_free * file.disk_bytes if share else limits.disk_free
        why = f"{limits.disk_free:.0%} of the disk" if share else format_size(round(wanted))
    if file.disk_free_bytes < wanted:
        text = f"{free} free is less than {why}"
        yield Advice("disk-free-low", urgent=False, text=text, command="df -h .")
    if (file.wal_bytes or 0) > max(limits.wal_bytes, limits.wal_share * file.file_bytes):
        text = f"the WAL has grown to {format_size(file.wal_bytes or 0)}; a reader may hold it up"
        yield Advice("wal-large", urgent=True, text=text, command="dbtool monitor --once DB")


def _backups(report: StatsReport, limits: AlertLimits) -> Iterator[Advice]:
    backups = report.sections.get("backups")
    if not isinstance(backups, BackupStats):
        if report.problem is None and _no_snapshots(backups):
            text = "there is no backup of it"
            yield Advice("backup-missing", urgent=True, text=text, command="dbtool backup DB")
        return
    age_s = (report.taken - backups.seen).total_seconds()
    if backups.max_age_s is not None and age_s > backups.max_age_s:
        limit = format_duration(backups.max_age_s)
        text = f"the newest backup is {format_duration(age_s)} old; {limit} is the limit"
        yield Advice("backup-stale", urgent=True, text=text, command="dbtool backup DB")
    if backups.damaged:
        text = f"snapshots cannot be read: {backups.damaged[0]}"
        command = "dbtool verify --snapshots DB"
        yield Advice("snapshot-damaged", urgent=True, text=text, command=command)
    verified = backups.verified
    if verified is None or (report.taken - verified).total_seconds() > limits.verify_age_s:
        when = f"last {format_age(verified, report.taken)}" if verified else "never"
        text = f"the stored snapshots were {when} read and proven"
        if verified:
            text = f"the stored snapshots were read and proven {when}"
        command = "dbtool verify --snapshots --read-data DB"
        yield Advice("verify-stale", urgent=False, text=text, command=command)


def _no_snapshots(section: object) -> bool:
    return "dbtool backup" in getattr(section, "how", "")


def _space(report: StatsReport, limits: AlertLimits) -> Iterator[Advice]:
    storage = report.sections.get("storage")
    if not isinstance(storage, StorageStats) or not storage.page_count:
        return
    gain = storage.reclaimable_bytes or 0
    share = gain / storage.size_bytes
    if share >= limits.reclaimable and gain >= _WORTH_VACUUM_BYTES:
        text = f"{share:.0%} of the file is unused: VACUUM gives back about {format_size(gain)}"
        yield Advice("space-reclaimable", urgent=False, text=text, command="dbtool optimize DB")


def _objects(report: StatsReport) -> Iterator[Advice]:
    tables = report.sections.get("tables")
    if not isinstance(tables, TablesStats):
        return
    for problem in tables.problems[:_FEW]:
        damaged = problem.kind == "tree"
        text = f"{problem.kind} {problem.name} does not work here: {problem.problem}"
        if damaged:
            text = f"{problem.name} is damaged: {problem.problem}"
        command = "dbtool verify DB" if damaged else ""
        yield Advice("object-failing", urgent=damaged, text=text, command=command)
    rest = len(tables.problems) - _FEW
    if rest > 0:
        text = f"{rest} more views or tables do not work here"
        command = "dbtool stats --section tables --json DB"
        yield Advice("object-failing", urgent=False, text=text, command=command)


def _indexes(report: StatsReport) -> Iterator[Advice]:
    indexes = report.sections.get("indexes")
    if not isinstance(indexes, IndexesStats):
        return
    costly = [index for index in indexes.redundant if index.entries >= _FEW_ENTRIES]
    for index in costly[:_FEW]:
        relation = "has the same terms as" if index.duplicate else "is the beginning of"
        if index.covered_by == "rowid":
            relation = "does what the table does itself, by its"
        size = format_size(index.size_bytes)
        text = f"index {index.name} {relation} {index.covered_by}; {size}, and writes pay for it"
        yield Advice("index-redundant", urgent=False, text=text, command="dbtool optimize DB")
    rest = costly[_FEW:]
    if rest:
        size = format_size(sum(index.size_bytes for index in rest))
        text = f"{len(rest):,} more indexes are superfluous; {size}, and writes pay for them"
        command = "dbtool stats --section indexes DB"
        yield Advice("index-redundant", urgent=False, text=text, command=command)
    for table, (believed, now) in list(indexes.stale.items())[:_FEW]:
        text = f"the query planner believes that {table} has {believed:,} rows; it has {now:,}"
        yield Advice("statistics-stale", urgent=False, text=text, command="dbtool optimize DB")


def _days(days: float) -> str:
    return "less than a day" if days < 1 else f"{days:.0f} days"
