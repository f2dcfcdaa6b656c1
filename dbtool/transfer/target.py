"""The database that rows are imported into: opened so that its triggers fire, made where it is not.

Foreign keys are not enforced meanwhile, because a source may name children before their parents;
what refers to nothing in the end is counted instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import apsw

from dbtool.core.connection import classified, open_live
from dbtool.core.foreignkeys import foreign_key_violations
from dbtool.core.names import folded, identifier
from dbtool.core.progress import Progress
from dbtool.core.schema import Schema
from dbtool.core.stoppable import stoppable

__all__ = [
    "immediately",
    "make_index",
    "open_target",
    "rebuild_text_indexes",
    "take_indexes_away",
    "violations",
]

_BUSY_TIMEOUT_S: Final = 30.0
_UNIQUE: Final = "CREATE UNIQUE INDEX"


@contextmanager
def open_target(path: Path) -> Iterator[apsw.Connection]:
    """Open a database to write rows.

    Raises:
        DbtoolError: as `open_live`; also what SQLite fails with in the block.
    """
    with classified(path):
        connection = open_live(path, busy_timeout_s=_BUSY_TIMEOUT_S)
        try:
            connection.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 1)
            connection.pragma("foreign_keys", 0)
            # Else REPLACE fires no DELETE trigger, and a text index keeps the words of old rows.
            connection.pragma("recursive_triggers", 1)
            yield connection
        finally:
            connection.close()


@contextmanager
def immediately(connection: apsw.Connection) -> Iterator[None]:
    """Run the block in one transaction that may write from its first statement on."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # A full disk has rolled it back already.
        with suppress(apsw.SQLError):
            connection.execute("ROLLBACK")
        raise


def violations(connection: apsw.Connection, tables: Iterable[str]) -> int:
    """Return how many rows of these tables, or that refer to them, refer to nothing."""
    return foreign_key_violations(connection, tables).total()


def take_indexes_away(connection: apsw.Connection, table: str) -> list[str]:
    """Drop the indexes of an empty table that keep no promise; return their definitions.

    They are made at once in the end, which is faster than row by row.
    """
    if connection.execute(f"SELECT 1 FROM main.{identifier(table)} LIMIT 1").fetchall():  # noqa: S608 - quoted
        return []
    rows = connection.execute(
        "SELECT s.name, s.sql FROM main.sqlite_schema AS s, pragma_index_list(?1) AS i"
        " WHERE s.type = 'index' AND s.name = i.name AND s.sql IS NOT NULL AND NOT i.\"unique\"",
        (table,),
    ).fetchall()
    for name, _ in rows:
        connection.execute(f"DROP INDEX main.{identifier(str(name))}")
    return [str(sql) for _, sql in rows]


def make_index(connection: apsw.Connection, sql: str) -> list[str]:
    """Make an index that is not there, and return what to say.

    One that cannot be unique is made without that; one whose name is taken is not made.
    """
    plain = sql.replace(_UNIQUE, "CREATE INDEX", 1)
    there = "SELECT 1 FROM main.sqlite_schema WHERE type = 'index' AND sql IN (?, ?)"
    if connection.execute(there, (sql, plain)).fetchall():
        return []  # made before an interruption
    try:
        connection.execute(sql)
    except apsw.SQLError as error:
        if "already exists" not in str(error):
            raise
        return [f"an index was not made, because its name is taken ({error}): {sql}"]
    except apsw.ConstraintError as error:
        if not sql.startswith(_UNIQUE):
            raise
        connection.execute(plain)
        return [f"an index of the source is unique there and cannot be here ({error}): {sql}"]
    return []


def rebuild_text_indexes(
    connection: apsw.Connection, schema: Schema, tables: Iterable[str], progress: Progress
) -> list[str]:
    """Rebuild full-text indexes over these tables that no trigger maintains; return their names."""
    written = {folded(table) for table in tables}
    rebuilt = []
    for table in schema.tables.values():
        sql = table.item.sql or ""
        if table.kind != "virtual" or "fts5" not in sql.lower():
            continue
        content = _content(connection, table.name)
        if content is None or folded(content) not in written:
            continue
        if _maintained(schema, content, table.name):
            continue
        name = identifier(table.name)
        progress.start(f"indexing the words of {content}", None, "rows")
        with stoppable(connection, progress), immediately(connection):
            connection.execute(f"INSERT INTO main.{name}({name}) VALUES ('rebuild')")  # noqa: S608 - quoted
        progress.finish()
        rebuilt.append(table.name)
    return rebuilt


def _content(connection: apsw.Connection, table: str) -> str | None:
    """Return the table that a full-text index is over; None: it has its content by itself."""
    import re

    rows = connection.execute(
        "SELECT sql FROM main.sqlite_schema WHERE type = 'table' AND name = ?", (table,)
    ).fetchall()
    found = re.search(
        r"""content\s*=\s*(?:'([^']+)'|"([^"]+)"|(\w+))""", str(rows[0][0]), re.IGNORECASE
    )
    return next((name for name in found.groups() if name), None) if found else None


def _maintained(schema: Schema, table: str, index: str) -> bool:
    return any(
        kind == "trigger"
        and folded(item.table) == folded(table)
        and folded(index) in folded(item.sql or "")
        for (kind, _), item in schema.items.items()
    )
