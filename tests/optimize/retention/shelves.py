# ruff: noqa: E501 - SQL and tables read best on one line
"""A table with old and new rows, and what lies where."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import apsw

from dbtool.core.clock import SystemClock
from dbtool.core.progress import Silent
from dbtool.optimize.retention.move import MoveResult, archive_rows
from dbtool.optimize.retention.reading import with_archives
from dbtool.optimize.retention.rule import RetentionRule

ROWS = 120
PLAN = "archive-1@1.0"


class June(SystemClock):
    """It is June 2026: the first half of the rows is over 90 days old."""

    def now(self) -> datetime:
        return datetime(2026, 6, 15, tzinfo=UTC)


def make_live(path: Path, extra: str = "") -> Path:
    connection = apsw.Connection(str(path))
    connection.execute(f"{extra}; PRAGMA journal_mode = wal").fetchall()
    connection.execute(
        "CREATE TABLE log(id INTEGER PRIMARY KEY, at TEXT, n REAL, data TEXT COLLATE NOCASE, b BLOB,"
        " twice AS (n * 2)); CREATE TABLE sums(month TEXT PRIMARY KEY, n)"
    )
    with connection:
        connection.executemany(
            "INSERT INTO log(id, at, n, data, b) VALUES (?, ?, ?, ?, ?)",
            (
                (
                    n,
                    f"2026-{1 + n // 20:02}-{1 + n % 20:02}T00:00",
                    n / 3,
                    f"text {n} " * 20,
                    bytes([n]),
                )
                for n in range(ROWS)
            ),
        )
    connection.close()
    return path


def make_rule(folder: Path, **changes: object) -> RetentionRule:
    values = {
        "table": "log", "column": "at", "older_than_s": 90 * 86400.0,
        "archive_to": str(folder / "archive" / "{%Y-%m}.db"),
        "rollup": "INSERT INTO sums SELECT substr(at, 1, 7), count(*) FROM expired GROUP BY 1 "
        "ON CONFLICT(month) DO UPDATE SET n = n + excluded.n",
        "secure_delete": False, "compress": ("data",), **changes,
    }  # fmt: skip
    return RetentionRule(**values)  # type: ignore[arg-type]


def move(path: Path, rule: RetentionRule) -> MoveResult:
    return archive_rows(path, rule, plan=PLAN, clock=June(), progress=Silent())


def rows(path: Path, sql: str = "SELECT * FROM log ORDER BY id") -> list:
    connection = apsw.Connection(str(path))
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def together(path: Path, rule: RetentionRule, sql: str = "SELECT * FROM log ORDER BY id") -> list:
    """Return what a reader sees with archives."""
    connection = apsw.Connection(str(path))
    try:
        with_archives(connection, [rule])
        return connection.execute(sql).fetchall()
    finally:
        connection.close()
