"""A table made as the snapshot has it: the table first, its rows, then its indexes and triggers."""

from __future__ import annotations

import re
from typing import Final

import apsw

from dbtool.core.progress import Progress
from dbtool.errors import Refused
from dbtool.rows.changes import compare
from dbtool.rows.match import TableRestore, match
from dbtool.rows.shape import TableShape, describe
from dbtool.rows.stage import Stage
from dbtool.rows.write import write_changes

__all__ = ["advance_sequence", "copy_table", "create_triggers"]

_AUTOINCREMENT: Final = re.compile(r"\bAUTOINCREMENT\b", re.IGNORECASE)


def copy_table(
    target: apsw.Connection,
    source: apsw.Connection,
    shape: TableShape,
    *,
    where: str | None,
    progress: Progress,
) -> int:
    """Create the table of a snapshot with its rows and indexes; return the number of rows.

    Args:
        target: in a transaction; has no such table.
        source: onto the snapshot.
        shape: the table there.
        where: condition on its rows; None: all.
        progress: told of rows.

    Raises:
        Refused: `schema-not-taken`.
    """
    run_single(target, shape.sql)
    made = describe(target, shape.name, where_from="it")
    asked = TableRestore(shape.name, where, mode="insert-missing")
    stage = Stage(target, source, match(made, shape, asked), where)
    count = stage.fill(progress)
    write_changes(target, stage, compare(target, stage, "insert-missing"))
    stage.clear()
    _create(target, source, shape.name, "index")
    advance_sequence(target, source, made)
    return count


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
