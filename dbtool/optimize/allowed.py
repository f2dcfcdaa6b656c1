"""What the statements of a plan may do: a plan is a file, and anybody may have written it.

SQLite itself asks about each thing that a statement would do, while it prepares it; so neither a
second statement behind a semicolon nor a trigger gets past. Invariant: nothing of a plan changes a
row of a table that is not SQLite's own, or reads or writes another file.

Source: https://sqlite.org/c3ref/set_authorizer.html
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import apsw

from dbtool.errors import Refused

__all__ = ["only_upkeep"]

_VACUUM: Final = "VACUUM"
"""Attaches a file of its own, so it is let through, word for word."""
_ALWAYS: Final = frozenset(
    {
        apsw.SQLITE_ANALYZE,
        apsw.SQLITE_CREATE_INDEX,
        apsw.SQLITE_DROP_INDEX,
        apsw.SQLITE_FUNCTION,
        apsw.SQLITE_READ,
        apsw.SQLITE_REINDEX,
        apsw.SQLITE_SELECT,
    }
)
_ON_TABLES: Final = frozenset(
    {
        apsw.SQLITE_CREATE_TABLE,
        apsw.SQLITE_DELETE,
        apsw.SQLITE_DROP_TABLE,
        apsw.SQLITE_INSERT,
        apsw.SQLITE_UPDATE,
    }
)
_STATISTICS: Final = frozenset({"sqlite_stat1", "sqlite_stat4"})
_SCHEMAS: Final = frozenset({"sqlite_master", "sqlite_schema"})
"""SQLite writes them for CREATE INDEX; it lets no statement write them."""
_PRAGMAS: Final = {
    "analysis_limit": None,
    "incremental_vacuum": None,
    "journal_mode": frozenset({"delete", "persist", "truncate", "wal"}),
}


@contextmanager
def only_upkeep(connection: apsw.Connection, statement: str) -> Iterator[None]:
    """Let nothing but indexes, statistics and free space be touched while a statement runs.

    Args:
        connection: it runs on.
        statement: the text.

    Raises:
        Refused: `plan-not-allowed`.
    """
    if statement == _VACUUM:
        yield
        return
    before = connection.authorizer
    connection.authorizer = _judged
    try:
        yield
    except apsw.AuthError as error:
        raise Refused(
            "plan-not-allowed",
            "the plan holds a statement that no plan of dbtool holds",
            context=statement[:200],
            hint="somebody wrote it into the file; make a new plan: dbtool optimize --out FILE",
        ) from error
    finally:
        connection.authorizer = before


def _judged(
    operation: int, first: str | None, second: str | None, schema: str | None, _trigger: str | None
) -> int:
    fine = operation in _ALWAYS
    if operation in _ON_TABLES:
        fine = str(first).lower() in _STATISTICS | _SCHEMAS
    elif operation == apsw.SQLITE_PRAGMA:
        values = _PRAGMAS.get(str(first).lower(), frozenset())
        fine = values is None or str(second).lower() in values
    if schema not in (None, "main", ""):
        fine = False
    return apsw.SQLITE_OK if fine else apsw.SQLITE_DENY
