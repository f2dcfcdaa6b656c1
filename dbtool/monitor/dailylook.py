"""The facts of a day out of one report of `dbtool.monitor.stats`.

The report takes a pass over all pages in one read transaction (half a second for 500 MB) and reads
what samples and snapshots tell of the growth.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from dbtool.errors import Damaged, Locked, WrongKey
from dbtool.monitor.daily import Daily, TableFacts
from dbtool.monitor.stats.model import (
    GrowthPoint,
    GrowthStats,
    IndexesStats,
    StatsReport,
    StorageStats,
    TablesStats,
    Unavailable,
)

__all__ = ["SECTIONS", "daily_of"]

SECTIONS: Final = ("storage", "tables", "indexes", "growth")
"""Which sections the report needs."""
_MOST_TABLES: Final = 200
_DAY: Final = timedelta(days=1)
_LONGEST_DAY: Final = timedelta(hours=36)


def daily_of(report: StatsReport) -> Daily:
    """Return what a report says; what it could not have is unknown, with its reason.

    Raises:
        Locked: the database was; that is no fact of a whole day.
    """
    if isinstance(report.problem, Locked):
        raise report.problem
    unknown: dict[str, str] = {}
    facts: dict[str, object] = {}
    storage = report.sections.get("storage")
    if isinstance(storage, StorageStats) and storage.reclaimable_bytes is not None:
        facts["reclaimable_bytes"] = storage.reclaimable_bytes
        facts["size_bytes"] = storage.size_bytes
    else:
        unknown["reclaimable_bytes"] = _why(report, storage)
    indexes = report.sections.get("indexes")
    if isinstance(indexes, IndexesStats):
        facts["stale_tables"] = dict(indexes.stale)
    else:
        unknown["stale_tables"] = _why(report, indexes)
    tables = report.sections.get("tables")
    if isinstance(tables, TablesStats):
        facts["tables"] = _tables(tables)
    facts |= _growth(report, unknown)
    if isinstance(report.problem, (Damaged, WrongKey)):
        facts["problem"] = report.problem.message
    return Daily(at=report.taken, unknown=unknown, **facts)  # type: ignore[arg-type]


def _tables(found: TablesStats) -> dict[str, TableFacts]:
    usual = [table for table in found.tables if table.kind in ("table", "without rowid")]
    return {
        table.name: TableFacts(table.size_bytes + table.index_bytes, table.rows)
        for table in usual[:_MOST_TABLES]
    }


def _growth(report: StatsReport, unknown: dict[str, str]) -> dict[str, object]:
    growth = report.sections.get("growth")
    if not isinstance(growth, GrowthStats):
        why = _why(report, growth)
        unknown |= {"growth_per_day_bytes": why, "grown_bytes": why}
        return {}
    ahead = growth.forecast
    if ahead.per_day_bytes is None:
        unknown["growth_per_day_bytes"] = ahead.reason
    grown = _grown(growth.points)
    if grown is None:
        unknown["grown_bytes"] = "there is no sample of a day ago"
    return {
        "growth_per_day_bytes": ahead.per_day_bytes,
        "days_until_full": ahead.days_until_full,
        "grown_bytes": grown,
    }


def _grown(points: Sequence[GrowthPoint]) -> int | None:
    """Return what came in the day before the last point; None: nobody looked a day before."""
    if not points:
        return None
    last = points[-1]
    before = [point for point in points if _DAY <= last.at - point.at <= _LONGEST_DAY]
    return last.size_bytes - before[-1].size_bytes if before else None


def _why(report: StatsReport, section: object) -> str:
    if report.problem is not None:
        return report.problem.message
    return section.reason if isinstance(section, Unavailable) else "it was not looked at"
