"""The statistics of ANALYZE: whether they fit, what new ones change, how old ones come back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import apsw

from dbtool.core.names import identifier
from dbtool.optimize.candidates import literal
from dbtool.optimize.indexes import LEAST_STEPS, WORSE, has_statistics, same_answer, total
from dbtool.optimize.measure import Cost, Meter
from dbtool.optimize.workload import Statement

__all__ = ["ANALYZE", "StaleTable", "restoring", "stale_tables", "try_analyze"]

ANALYZE: Final = ("PRAGMA analysis_limit = 2000", "ANALYZE")
"""Reads no more than so many rows of an index for each number; the lock is short."""
_STALE_TIMES: Final = 10
_TABLES: Final = ("sqlite_stat1", "sqlite_stat4")
LEAST_GAIN: Final = 0.05


@dataclass(frozen=True, slots=True)
class StaleTable:
    """A table whose number of rows is far from what its statistics say."""

    table: str
    recorded_rows: int
    rows: int


def stale_tables(connection: apsw.Connection) -> list[StaleTable]:
    """Return the tables whose statistics are off by ten times or more; none without statistics."""
    if not has_statistics(connection):
        return []
    rows = connection.execute(
        "SELECT s.tbl, max(CAST(s.stat AS INTEGER)) FROM sqlite_stat1 s JOIN sqlite_schema m "
        "ON m.type = 'table' AND m.name = s.tbl WHERE s.idx IS NULL OR s.idx NOT IN "
        "(SELECT name FROM pragma_index_list(s.tbl) WHERE partial) GROUP BY s.tbl"
    ).fetchall()
    found = []
    for table, recorded in rows:
        count = int(connection.execute(f"SELECT count(*) FROM {identifier(str(table))}").get)
        low, high = sorted((max(count, 1), max(int(recorded or 0), 1)))
        if high >= _STALE_TIMES * low:
            found.append(StaleTable(str(table), int(recorded or 0), count))
    return found


def restoring(connection: apsw.Connection, index: str | None = None) -> tuple[str, ...]:
    """Return the statements that bring statistics back as they are now.

    Args:
        connection: reads the database.
        index: only what is known of this index; None: all of it, in the place of any other.
    """
    found: list[str] = []
    for table in _TABLES:
        there = connection.execute("SELECT 1 FROM sqlite_schema WHERE name = ?", (table,)).get
        if there is None:
            if index is None:
                found.append(f"DROP TABLE IF EXISTS {table}")
            continue
        if index is None:
            found.append(f"DELETE FROM {table}")
        where = "" if index is None else " WHERE idx = ?"
        bindings = () if index is None else (index,)
        for row in connection.execute(f"SELECT * FROM {table}{where}", bindings).fetchall():
            values = ", ".join("NULL" if value is None else literal(value) for value in row)
            found.append(f"INSERT INTO {table} VALUES ({values})")
    reread = ("ANALYZE sqlite_schema",) if found and has_statistics(connection) else ()
    return (*found, *reread)


def try_analyze(
    meter: Meter,
    statements: Sequence[Statement],
    base: Mapping[str, Cost],
    now: Mapping[str, Cost],
    *,
    least_gain: float = LEAST_GAIN,
) -> dict[str, Cost] | None:
    """Run ANALYZE on the copy; keep it where the workload gains and no query loses.

    Args:
        meter: of the copy.
        statements: of the workload.
        base: what they cost at first.
        now: what they cost without ANALYZE.
        least_gain: share of the steps that must go; below 0: may even come, a little.

    Returns:
        What the statements cost now; None: it was taken back.
    """
    connection = meter.connection
    undo = restoring(connection)
    try:
        run(connection, ANALYZE)
    except apsw.SQLError:  # an index wants a collation or a function of the application
        return None
    costs = meter.measure_all(statements, phase="measuring with statistics")
    gained = total(now, statements) - total(costs, statements)
    least = least_gain * total(now, statements)
    enough = not statements or gained >= (max(least, LEAST_STEPS) if least_gain > 0 else least)
    fine = all(
        costs[each.id].writes
        or (
            not costs[each.id].error
            and costs[each.id].steps <= WORSE * base[each.id].steps
            and same_answer(each.sql, base[each.id], costs[each.id]) is not False
        )
        for each in statements
    )
    if enough and fine:
        return costs
    run(connection, undo)
    # Statistics are read when the schema is: this makes SQLite forget those that are gone.
    if has_statistics(connection):
        connection.execute("ANALYZE sqlite_schema")
    return None


def run(connection: apsw.Connection, sql: Sequence[str]) -> None:
    """Run statements one after the other in one transaction."""
    with connection:
        for statement in sql:
            connection.execute(statement).fetchall()


def evidence(stale: Sequence[StaleTable]) -> dict[str, Any]:
    """Return stale tables as a plan holds them."""
    return {
        "tables": [
            {"table": each.table, "recorded_rows": each.recorded_rows, "rows": each.rows}
            for each in stale
        ]
    }
