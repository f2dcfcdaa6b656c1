"""A table made as the snapshot has it: the table first, its rows, then its indexes and triggers."""

from __future__ import annotations

import re
from typing import Final

import apsw

from dbtool.errors import Refused
from dbtool.rows.shape import TableShape

__all__ = ["advance_sequence", "create_indexes", "create_table", "create_triggers", "run_single"]

_AUTOINCREMENT: Final = re.compile(r"\bAUTOINCREMENT\b", re.IGNORECASE)


def create_table(target: apsw.Connection, shape: TableShape) -> None:
    """Create the table of a snapshot, empty."""
    run_single(target, shape.sql)


def create_indexes(target: apsw.Connection, source: apsw.Connection, table: str) -> None:
    """Create the indexes that the table has in the snapshot."""
    _create(target, source, table, "index")


def create_triggers(target: apsw.Connection, source: apsw.Connection, table: str) -> None:
    """Create the triggers that the table has in the snapshot."""
    _create(target, source, table, "trigger")


def _create(target: apsw.Connection, source: apsw.Connection, table: str, kind: str) -> None:
    rows = source.execute(
        "SELECT sql FROM main.sqlite_schema"
        " WHERE type = ? AND tbl_name = ? COLLATE NOCASE AND sql IS NOT NULL ORDER BY rowid",
        (kind, table),
    ).fetchall()
    for (sql,) in rows:
        run_single(target, str(sql))


def run_single(target: apsw.Connection, sql: str) -> None:
    """Run one CREATE statement of a snapshot's schema, and nothing that may stand behind it.

    Raises:
        Refused: `schema-not-taken`, SQLite does not take it here.
    """
    cursor = target.cursor()
    cursor.exec_trace = lambda _cursor, statement, _bindings: statement == sql
    try:
        cursor.execute(sql).fetchall()
    except (apsw.SQLError, apsw.ExecTraceAbort) as error:
        raise Refused(
            "schema-not-taken",
            "a part of the snapshot's schema cannot be created here",
            context=f"{error}\n{sql}",
        ) from error
    finally:
        cursor.close()


def advance_sequence(target: apsw.Connection, source: apsw.Connection, shape: TableShape) -> None:
    """Let AUTOINCREMENT give out no key that it had given out in the snapshot already."""
    if not (_has_sequences(source) and _has_sequences(target)):
        return
    row = source.execute(
        "SELECT seq FROM main.sqlite_sequence WHERE name = ? COLLATE NOCASE", (shape.name,)
    ).fetchone()
    if row is None or not isinstance(row[0], int) or not _AUTOINCREMENT.search(shape.sql):
        return
    known = target.execute(
        "SELECT 1 FROM main.sqlite_sequence WHERE name = ?", (shape.name,)
    ).fetchone()
    if known:
        target.execute(
            "UPDATE main.sqlite_sequence SET seq = max(seq, ?1) WHERE name = ?2 AND seq < ?1",
            (row[0], shape.name),
        )
    else:
        target.execute("INSERT INTO main.sqlite_sequence VALUES (?, ?)", (shape.name, row[0]))


def _has_sequences(connection: apsw.Connection) -> bool:
    return bool(
        connection.execute(
            "SELECT 1 FROM main.sqlite_schema WHERE name = 'sqlite_sequence'"
        ).fetchone()
    )
