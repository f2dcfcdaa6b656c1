"""A database as the dashboard sees it, made up: the same readings and looks every time."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from dbtool.tui.model import DatabaseRef, Live, LockHolder, Options, Problem, Reading

NOW_S = datetime(2026, 3, 4, 12, 0, tzinfo=UTC).timestamp()
DATABASE = DatabaseRef("app.db", "/srv/app.db", "/srv/app.db", "/srv/app.db.backups", 3600.0)
OTHER = DatabaseRef("logs.db", "/srv/logs.db", "logs", "s3://nas/logs", None)


def options(*databases: DatabaseRef, **settings: Any) -> Options:
    return Options(databases or (DATABASE,), **settings)


def time_of(seconds_ago: float) -> str:
    moment = datetime.fromtimestamp(NOW_S, UTC) - timedelta(seconds=seconds_ago)
    return moment.isoformat().replace("+00:00", "Z")


def snapshot(number: int, *, ago_s: float, **fields: Any) -> dict[str, Any]:
    return {
        "id": f"{number:08x}" + "0" * 24,
        "time": time_of(ago_s),
        "database": "/srv/app.db",
        "host": "web1",
        "sequence": number,
        "parent": None,
        "size": 512 * 2**20 + number * 4096,
        "page_size": 4096,
        "pages": 131072 + number,
        "pages_changed": number * 10,
        "added": number * 100_000,
        "duration": 0.5,
        "tags": [],
        "note": "",
        "seen": None,
        "verified": None,
    } | fields


SNAPSHOTS = [
    snapshot(1, ago_s=86_400, tags=["nightly"], verified=time_of(80_000)),
    snapshot(2, ago_s=7_200),
    snapshot(3, ago_s=2_520, note="before v2"),
]
TIMER = {
    "timer": "systemd",
    "when": "*-*-* 02:30:00",
    "next_run": "Thu 2026-03-05 02:30:00 UTC",
    "last_run": "Wed 2026-03-04 02:30:11 UTC",
    "last_result": "success",
    "where": ["/etc/systemd/system/dbtool-app.timer"],
}
SCHEDULE = {"database": "/srv/app.db", "timers": [TIMER]}


def reading(feed: str, data: Any, *, at_s: float = NOW_S, **fields: Any) -> Reading:
    return Reading(feed, at_s, 0.1, 0, data, **fields)


def failing(feed: str, code: str, message: str = "it failed", hint: str = "") -> Reading:
    return Reading(feed, NOW_S, 0.1, 10, problem=Problem(code, message, "", hint, 10))


WRITER = LockHolder(18842, "gunicorn", "write", since_s=NOW_S - 1)
READER = LockHolder(18844, "report.py", "read", 2, NOW_S - 840, blocks_checkpoint=True)
OPEN = LockHolder(18850, "cron", "open")
LIVE = Live(
    NOW_S,
    size_bytes=512 * 2**20,
    wal_bytes=48 * 2**20,
    disk_free_bytes=81 * 2**30,
    journal_mode="wal",
    commits=5,
    frames=12_000,
    backfilled=2,
    holders=(WRITER, READER, OPEN),
)
CALM = replace(LIVE, wal_bytes=0, frames=0, backfilled=0, holders=())


def table(name: str, rows: int | None, size: int, **fields: Any) -> dict[str, Any]:
    return {
        "name": name,
        "kind": "table",
        "rows": rows,
        "pages": size // 4096,
        "size": size,
        "payload": size // 2,
        "unused": size // 10,
        "overflow_pages": 0,
        "largest_row": 100,
        "reclaimable": 0,
        "index_count": 1,
        "index_size": size // 4,
        "owner": "",
        "module": "",
        "fill": 0.9,
    } | fields


STORAGE = {
    "database": "/srv/app.db",
    "advice": [{"code": "vacuum", "urgent": False, "text": "a third is unused", "command": ""}],
    "storage": {
        "available": True,
        "page_size": 4096,
        "page_count": 131072,
        "size": 512 * 2**20,
        "freelist": 0,
        "reclaimable": 160 * 2**20,
        "encoding": "UTF-8",
        "journal_mode": "wal",
        "auto_vacuum": "none",
        "user_version": 42,
    },
    "tables": {
        "available": True,
        "tables": [
            table("orders", 1_200_000, 300 * 2**20),
            table("docs", None, 90 * 2**20, kind="virtual", module="fts5"),
            table("users", 5_000, 9 * 2**20, reclaimable=2**20),
        ],
        "problems": [{"name": "old_view", "kind": "view", "problem": "no such table: gone"}],
    },
    "growth": {
        "available": True,
        "points": [{"at": time_of(86400 * n), "size": (600 - n) * 2**20} for n in range(30, 0, -1)],
        "forecast": {"per_day": 3.1 * 2**20, "days_until_full": 400.0, "reason": ""},
    },
    "map": {"available": True, "pages_per_cell": 128, "cells": ["orders"] * 80 + ["users", ""] * 9},
}
INDEXES = {
    "indexes": {
        "available": True,
        "indexes": [
            {
                "name": "orders_by_day",
                "table": "orders",
                "terms": "day",
                "unique": False,
                "partial": False,
                "made_by": "c",
                "entries": 1_200_000,
                "pages": 5000,
                "size": 20 * 2**20,
                "unused": 0,
                "covered_by": "orders_by_day_total",
                "duplicate": False,
                "named_in": [],
                "fill": 0.83,
            }
        ],
    }
}
ADVICE = {
    "database": "/srv/app.db",
    "actions": [
        {
            "id": "index-1a2b3c",
            "kind": "index",
            "title": "index orders(customer)",
            "sql": ["CREATE INDEX orders_customer ON orders(customer)"],
            "inverse": ["DROP INDEX orders_customer"],
            "evidence": {"writes": "+2 %"},
            "before": 1_000_000.0,
            "after": 1_000.0,
            "lock_s": 0.4,
            "disk_bytes": 2**20,
            "size_bytes": 2**20,
        },
        {
            "id": "space-4d5e6f",
            "kind": "space",
            "title": "VACUUM",
            "sql": ["VACUUM"],
            "inverse": [],
            "evidence": {},
            "before": None,
            "after": None,
            "lock_s": 2.0,
            "disk_bytes": 2**30,
            "size_bytes": -160 * 2**20,
        },
    ],
    "notes": ["two statements could not be run"],
    "steps_before": 1_000_000.0,
    "steps_after": 1_000.0,
}
STATEMENT = {
    "sql": "SELECT * FROM orders WHERE customer = ?",
    "calls": 1200,
    "seconds": 6.5,
    "longest": 0.4,
    "p50": 0.004,
    "p95": 0.02,
    "rows": 5000,
    "full_scan_steps": 900_000,
    "sorts": 0,
    "automatic_indexes": None,
    "busy_errors": 2,
}
QUERIES = {"workload": {"available": True, "statements": [STATEMENT]}}
MIGRATIONS = {
    "database": "app",
    "version": "0001",
    "pending": 1,
    "drifted": False,
    "migrations": [
        {
            "version": "0001",
            "name": "base",
            "state": "applied",
            "file": "migrations/0001_base.sql",
            "kind": "run",
            "applied_at": time_of(86400),
            "duration": 0.012,
            "snapshot": "00000001" + "0" * 24,
            "reversible": True,
        },
        {
            "version": "0002",
            "name": "orders",
            "state": "pending",
            "file": "migrations/0002_orders.sql",
            "kind": None,
            "applied_at": None,
            "duration": None,
            "snapshot": None,
            "reversible": True,
        },
    ],
}
PLAN = {
    "sql": "SELECT * FROM orders WHERE note = ?",
    "before": {
        "steps": 15010,
        "scan_steps": 4999,
        "sorts": 0,
        "seconds": 0.0001078,
        "plan": ["SCAN t"],
    },
    "after": {
        "steps": 15,
        "scan_steps": 0,
        "sorts": 0,
        "seconds": 0.0000025,
        "plan": ["SEARCH t USING INDEX t_b_idx (b=?)"],
    },
    "indexes": [{"sql": "CREATE INDEX t_b_idx ON t(b)", "bytes": 126976}],
    "notes": ["measured with values taken from rows"],
}
FOUND = {
    "total": 47,
    "hits": [
        {
            "table": "orders",
            "key": {"id": 7},
            "rank": 1,
            "excerpts": [
                {
                    "column": "note",
                    "text": "by rail to rock",
                    "spans": [[11, 15]],
                    "before": True,
                    "after": False,
                }
            ],
        }
    ],
    "tables": [{"table": "orders", "rows": 47, "ranked": True}],
    "suggestions": [],
    "notes": [],
    "as_of": None,
    "elapsed": 0.012,
}

READINGS = {
    "snapshots": reading("snapshots", SNAPSHOTS),
    "schedule": reading("schedule", SCHEDULE),
    "storage": reading("storage", STORAGE),
    "indexes": reading("indexes", INDEXES),
    "advice": reading("advice", ADVICE),
    "queries": reading("queries", QUERIES),
    "migrations": reading("migrations", MIGRATIONS),
    "search": reading("search", FOUND),
    "plan": reading("plan", PLAN),
}


class Scripted:
    """A source that answers what it was given, at once; the clock stands still."""

    replayed = False

    def __init__(
        self, readings: dict[str, Reading] | None = None, looks: list[Live] | None = None
    ) -> None:
        self.readings = dict(READINGS if readings is None else readings)
        self.looks = list([LIVE] if looks is None else looks)
        self.before: list[Live] = []
        self.asked: list[tuple[str, tuple[str, ...]]] = []
        self.time_s = NOW_S

    def now(self) -> float:
        return self.time_s

    def advance(self, looks: int = 1) -> None:
        """The present moves by itself."""

    async def read(
        self, feed: str, database: DatabaseRef, extra: tuple[str, ...] = ()
    ) -> Reading | None:
        self.asked.append((feed, extra))
        await asyncio.sleep(0)
        return self.readings.get(feed)

    async def past(self, database: DatabaseRef) -> list[Live]:
        return list(self.before)

    async def look(self, database: DatabaseRef) -> Live | None:
        if len(self.looks) > 1:
            return self.looks.pop(0)
        return self.looks[0] if self.looks else None
