"""The connection that migrations run on: one that writes as the application would."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import apsw

from dbtool.core.connection import classified, open_live, require_database
from dbtool.errors import UsageError

__all__ = ["borrowed", "open_to_look", "open_to_migrate", "settings_kept"]

_BUSY_TIMEOUT_S: Final = 10.0
_LONGEST_VALUE_BYTES: Final = 1_000_000_000
"""SQLite's own default: a copy of rows must not fail on one that an application could write."""
_TRIGGER_DEPTH: Final = 1000
"""Likewise."""
_SETTINGS: Final = (
    "ignore_check_constraints",
    "legacy_alter_table",
    "query_only",
    "recursive_triggers",
    "reverse_unordered_selects",
)
"""Settings that change what a statement does."""


@contextmanager
def open_to_migrate(
    path: Path, *, busy_timeout_s: float = _BUSY_TIMEOUT_S
) -> Iterator[apsw.Connection]:
    """Open a database to change its schema: triggers fire, foreign keys are off.

    Raises:
        DbtoolError: as `open_live`.
    """
    connection = open_live(path, busy_timeout_s=busy_timeout_s)
    try:
        connection.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 1)
        connection.limit(apsw.SQLITE_LIMIT_LENGTH, _LONGEST_VALUE_BYTES)
        connection.limit(apsw.SQLITE_LIMIT_TRIGGER_DEPTH, _TRIGGER_DEPTH)
        connection.pragma("foreign_keys", 0)
        yield connection
    finally:
        connection.close()


@contextmanager
def open_to_look(path: Path) -> Iterator[apsw.Connection]:
    """Open a database to read its schema and history; nothing is created beside it.

    All that is read is of one moment.

    Raises:
        DbtoolError: as `open_readonly`.
    """
    # Not needed by a start at which nothing is to be done.
    from dbtool.core.progress import Silent
    from dbtool.pages.session import ReadSession
    from dbtool.pages.state import state_of

    real = require_database(path)
    with classified(real):
        session = ReadSession(
            real, state_of(real), busy_timeout_s=_BUSY_TIMEOUT_S, progress=Silent()
        )
    with closing(session), classified(real):
        # SQLite would delete what lies beside a file of no bytes.
        connection = session.connection or apsw.Connection(":memory:")
        connection.pragma("query_only", 1)
        connection.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 1)
        yield connection


@contextmanager
def settings_kept(connection: apsw.Connection) -> Iterator[None]:
    """Let no setting of the connection outlive the block, whatever runs in it.

    No rollback brings them back, and the next migration must run as it would alone.
    """
    before = {name: connection.pragma(name) for name in _SETTINGS}
    try:
        yield
    finally:
        for name, value in before.items():
            connection.pragma(name, value)


@contextmanager
def borrowed(connection: apsw.Connection) -> Iterator[apsw.Connection]:
    """Make a connection of the caller fit for migrations, and give it back as it was.

    Raises:
        UsageError: `connection-in-transaction`.
    """
    if connection.in_transaction:
        raise UsageError(
            "connection-in-transaction",
            "the connection has a transaction open, and migrations need their own",
            hint="commit it first",
        )
    foreign_keys = connection.pragma("foreign_keys")
    connection.pragma("foreign_keys", 0)
    try:
        yield connection
    finally:
        connection.pragma("foreign_keys", foreign_keys)
