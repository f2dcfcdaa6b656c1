"""What indexes cost those who write: rows of a table taken out and put in again, counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import apsw

from dbtool.core.names import identifier

__all__ = ["WriteCost", "measure_writes"]

_ROWS: Final = 300
_STATUS: Final = "SQLITE_STMTSTATUS_VM_STEP"


@dataclass(frozen=True, slots=True)
class WriteCost:
    """What it takes to delete rows and to insert them again."""

    rows: int
    steps: int
    pages: int
    """Written."""


def measure_writes(connection: apsw.Connection, table: str) -> WriteCost | None:
    """Delete rows spread over a table, insert them again, and count; the rows stay as they were.

    Args:
        connection: of a copy, outside of a transaction; triggers do not run meanwhile.
        table: its name.

    Returns:
        None where the rows of the table cannot be taken out, such as those of WITHOUT ROWID.
    """
    columns = _columns(connection, table)
    name = identifier(table)
    profile: list[dict[str, Any]] = []
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 0)
    connection.trace_v2(apsw.SQLITE_TRACE_PROFILE, profile.append, id=profile)
    try:
        low, high = connection.execute(f"SELECT min(rowid), max(rowid) FROM {name}").get
        if low is None:
            return None
        step = max(1, (high - low) // _ROWS)
        connection.execute(
            f"CREATE TEMP TABLE dbtool_taken AS SELECT rowid AS dbtool_rowid, {columns} "
            f"FROM main.{name} WHERE rowid IN (WITH RECURSIVE n(i) AS (SELECT ?1 UNION ALL "
            "SELECT i + ?2 FROM n WHERE i + ?2 <= ?3) SELECT i FROM n)",
            (low, step, high),
        )
        return _counted(connection, name, columns, profile)
    except apsw.Error:
        return None
    finally:
        connection.trace_v2(0, None, id=profile)
        connection.execute("DROP TABLE IF EXISTS temp.dbtool_taken")
        connection.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 1)


def _counted(
    connection: apsw.Connection, name: str, columns: str, profile: list[dict[str, Any]]
) -> WriteCost:
    written = connection.status(apsw.SQLITE_DBSTATUS_CACHE_WRITE)[0]
    profile.clear()
    with connection:
        connection.execute(
            f"DELETE FROM main.{name} WHERE rowid IN (SELECT dbtool_rowid FROM temp.dbtool_taken)"
        )
        rows = connection.changes()
        connection.execute(
            f"INSERT INTO main.{name}(rowid, {columns}) "
            f"SELECT dbtool_rowid, {columns} FROM temp.dbtool_taken"
        )
    pages = connection.status(apsw.SQLITE_DBSTATUS_CACHE_WRITE)[0] - written
    return WriteCost(rows, sum(event["stmt_status"][_STATUS] for event in profile), pages)


def _columns(connection: apsw.Connection, table: str) -> str:
    rows = connection.execute(
        "SELECT name FROM pragma_table_xinfo(?) WHERE hidden = 0", (table,)
    ).fetchall()
    return ", ".join(identifier(str(name)) for (name,) in rows)
