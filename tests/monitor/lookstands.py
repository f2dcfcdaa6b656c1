"""Looks that were never taken, for what is judged and shown of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from dbtool.core.holders import Holder
from dbtool.monitor.daily import Daily
from dbtool.monitor.observer import Look, Reader

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MIB = 1 << 20
CALM = Look(
    at=NOW,
    took_s=0.0001,
    database_bytes=100 * MIB,
    page_size=4096,
    page_count=25600,
    free_pages=10,
    journal_mode="wal",
    wal_bytes=MIB,
    journal_bytes=None,
    disk_free_bytes=10_000 * MIB,
    disk_bytes=20_000 * MIB,
    wal_frames=250,
    checkpointed_frames=200,
    commits=3,
    commits_at_least=False,
    users=(Holder(7, "app"),),
    writers=(),
    writer_since=None,
    checkpointers=(),
    readers=(),
    activity=None,
)
KNOWN = Daily(
    at=NOW,
    reclaimable_bytes=0,
    size_bytes=100 * MIB,
    stale_tables={},
    days_until_full=None,
    growth_per_day_bytes=0.0,
    grown_bytes=0,
    backup_at=NOW,
    verified_at=NOW,
)


def look(**changes: Any) -> Look:
    return replace(CALM, **changes)


def reading(pid: int, frame: int, minutes: float) -> Reader:
    return Reader(Holder(pid, "report"), frame, NOW - timedelta(minutes=minutes))


class SetClock:
    """A clock that is told both times."""

    def __init__(self) -> None:
        self.time = NOW
        self.seconds = 1000.0

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.seconds

    def go(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)
        self.seconds += seconds
