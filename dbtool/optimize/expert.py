"""Candidates of sqlite3_expert, the program that comes with SQLite.

It works on an empty database with the same schema: its advice goes by the statistics that it takes
and prints, which are wrong in some builds, so its candidates are all that is taken from it.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import apsw

from dbtool.core.connection import connect
from dbtool.optimize.definition import IndexDefinition, Term
from dbtool.optimize.workload import Statement

__all__ = ["expert_candidates", "expert_program"]

_TIMEOUT_S: Final = 10
_SCHEMA = (
    "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND type IN ('table', 'view', 'index') "
    "AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY type = 'view', type = 'index', rowid"
)


def expert_program() -> Path | None:
    """Return the program, or None where the installed SQLite brings none."""
    try:
        import apsw.sqlite_extra

        path = Path(str(apsw.sqlite_extra.path("sqlite3_expert")))
    except (ImportError, LookupError, AttributeError):
        return None
    return path if path.is_file() else None


def expert_candidates(
    source: apsw.Connection, statements: Sequence[Statement], folder: Path
) -> list[IndexDefinition]:
    """Return what sqlite3_expert thinks of; nothing where it is not there or fails.

    Args:
        source: the database, for its schema.
        statements: of the workload.
        folder: a private place for the empty database.
    """
    program = expert_program()
    if program is None:
        return []
    path = folder / "expert.db"
    flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
    empty = connect(path, flags, busy_timeout_s=0)
    try:
        for (sql,) in source.execute(_SCHEMA).fetchall():
            _attempt(empty, str(sql))
    finally:
        empty.close()
    found: dict[str, None] = {}
    for statement in statements:
        found.update(dict.fromkeys(_advice(program, statement.sql, path)))
    return list(_definitions(path, list(found)))


def _advice(program: Path, sql: str, path: Path) -> list[str]:
    try:
        done = subprocess.run(  # noqa: S603 - our own program; the statement is one argument
            [str(program), "-verbose", "1", "-sql", sql, str(path)],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return []
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    return [line.partition(";")[0] for line in lines if line.startswith("CREATE INDEX ")]


def _definitions(path: Path, created: Sequence[str]) -> Iterator[IndexDefinition]:
    """Read each index back from SQLite, which understands its statement."""
    connection = connect(path, apsw.SQLITE_OPEN_READWRITE, busy_timeout_s=0)
    try:
        for sql in created:
            before = _indexes(connection)
            if not _attempt(connection, sql):
                continue
            for name, table in _indexes(connection) - before:
                rows = connection.execute(
                    'SELECT name, "desc" FROM pragma_index_xinfo(?) WHERE key ORDER BY seqno',
                    (name,),
                ).fetchall()
                if all(column is not None for column, _ in rows):
                    terms = tuple(Term(str(c), descending=bool(desc)) for c, desc in rows)
                    yield IndexDefinition(table, terms, reason="sqlite3_expert")
    finally:
        connection.close()


def _indexes(connection: apsw.Connection) -> set[tuple[str, str]]:
    rows = connection.execute("SELECT name, tbl_name FROM sqlite_schema WHERE type = 'index'")
    return {(str(name), str(table)) for name, table in rows.fetchall()}


def _attempt(connection: apsw.Connection, sql: str) -> bool:
    try:
        connection.execute(sql).fetchall()
    except (apsw.Error, UnicodeDecodeError):
        return False
    return True
