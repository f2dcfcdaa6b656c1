"""Settings of a connection that make it safe to look into a database that somebody else wrote.

A schema may be hostile: views and triggers that call functions, cells that point outside their
page, names of megabytes. Sources: https://sqlite.org/security.html and
https://sqlite.org/c3ref/c_dbconfig_defensive.html
"""

from __future__ import annotations

from typing import Final

import apsw

__all__ = ["MAX_SQL_BYTES", "MAX_VALUE_BYTES", "harden", "keep_wal_on_close"]

MAX_VALUE_BYTES: Final = 256 << 20
"""Longest string, BLOB or row that a hardened connection will build."""

MAX_SQL_BYTES: Final = 16 << 20
"""Longest SQL, above the 10 MB that SQLite allows a schema."""

# SQLite reads a schema by parsing its SQL, so a limit on the shape of SQL that is lower than its
# own (depth of expressions, terms of a compound SELECT, length) makes a sound database with one
# large view look damaged. Those stay as SQLite has them; what runs can be interrupted.
_LIMITS: Final = {
    apsw.SQLITE_LIMIT_LENGTH: MAX_VALUE_BYTES,
    apsw.SQLITE_LIMIT_SQL_LENGTH: MAX_SQL_BYTES,
    apsw.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 1000,
    apsw.SQLITE_LIMIT_TRIGGER_DEPTH: 10,
    apsw.SQLITE_LIMIT_WORKER_THREADS: 0,
}


def harden(connection: apsw.Connection) -> None:
    """Distrust the file of `connection`: its schema, its cells, its sizes. Reads nothing of it."""
    connection.enable_load_extension(enable=False)
    connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)
    connection.config(apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0)
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 0)
    for limit, value in _LIMITS.items():
        connection.limit(limit, value)
    connection.pragma("cell_size_check", 1)
    # A file truncated under a memory map kills the process with SIGBUS; a read merely fails.
    connection.pragma("mmap_size", 0)


def keep_wal_on_close(connection: apsw.Connection) -> None:
    """Never move the WAL into the database when this connection closes as the last one."""
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
