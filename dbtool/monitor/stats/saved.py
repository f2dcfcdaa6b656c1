"""Saved statistics: named queries of the configuration, run read-only and within limits.

One that fails is a line of the report, not its end. Each is one statement that reads, as for
`dbtool query`: writes, ATTACH and settings are refused three times over.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import apsw

from dbtool.core.query import QueryOptions, run_query
from dbtool.errors import DbtoolError, UsageError

__all__ = ["SavedResult", "SavedStatistic", "run_saved", "saved_statistics"]

Value = int | float | str | bytes | None

MOST_ROWS: Final = 1000
TIME_LIMIT_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class SavedStatistic:
    """One `[stats.NAME]`."""

    name: str
    sql: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class SavedResult:
    """What one of them told."""

    statistic: SavedStatistic
    columns: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]
    truncated: bool
    """True: there were more rows than the limit."""
    duration_s: float
    problem: DbtoolError | None = None
    """Why there is no answer; None: there is one."""


def saved_statistics(tables: Mapping[str, Mapping[str, Any]]) -> tuple[SavedStatistic, ...]:
    """Return the saved statistics of a configuration, in its order.

    Args:
        tables: name -> keys of each `[stats.NAME]`.

    Raises:
        UsageError: `config-incomplete`, one has no SQL.
    """
    found = []
    for name, keys in tables.items():
        if not keys.get("sql"):
            raise UsageError(
                "config-incomplete",
                f"[stats.{name}] has no sql",
                hint='sql = "SELECT count(*) AS files FROM files"',
            )
        found.append(SavedStatistic(name, str(keys["sql"]), str(keys.get("description") or "")))
    return tuple(found)


def run_saved(
    connection: apsw.Connection,
    statistics: Sequence[SavedStatistic],
    *,
    most_rows: int = MOST_ROWS,
    time_limit_s: float = TIME_LIMIT_S,
) -> tuple[SavedResult, ...]:
    """Run saved statistics one after the other.

    The connection keeps a read transaction, the authorizer and the last time limit.

    Args:
        connection: read-only and hardened; used for nothing else afterwards.
        statistics: which.
        most_rows: of each.
        time_limit_s: for each.
    """
    options = QueryOptions(timeout_s=time_limit_s, limit=most_rows)
    return tuple(_run(connection, statistic, options) for statistic in statistics)


def _run(
    connection: apsw.Connection, statistic: SavedStatistic, options: QueryOptions
) -> SavedResult:
    began_s = time.monotonic()
    try:
        answer = run_query(connection, statistic.sql, options)
        columns = tuple(column.name for column in answer.columns)
        rows = tuple(answer.rows)
    except DbtoolError as error:
        took_s = time.monotonic() - began_s
        return SavedResult(statistic, (), (), truncated=False, duration_s=took_s, problem=error)
    took_s = time.monotonic() - began_s
    return SavedResult(statistic, columns, rows, answer.truncated, took_s)
