"""A database as the public API knows it: a path, and a reading connection when one is wanted.

Naming a database opens nothing: backups and restores go by the path, and a connection that nobody
asked for would only hold locks.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Final, Self

import apsw

from dbtool.core.connection import open_live, require_database

__all__ = ["Database", "open"]

DEFAULT_BUSY_TIMEOUT_S: Final = 10.0


class Database:
    """One SQLite database.

    Attributes:
        path: the file, as it was named.
    """

    def __init__(self, path: str | Path, *, busy_timeout_s: float = DEFAULT_BUSY_TIMEOUT_S) -> None:
        self.path = Path(path)
        self._busy_timeout_s = busy_timeout_s
        self._connection: apsw.Connection | None = None

    @property
    def connection(self) -> apsw.Connection:
        """A hardened connection that reads and never writes, opened when first asked for.

        Raises:
            DbtoolError: as `dbtool.core.connection.open_readonly`.
        """
        if self._connection is None:
            # Opened for writing, so that SQLite clears WAL files away when it closes as the last.
            connection = open_live(self.path, busy_timeout_s=self._busy_timeout_s)
            connection.pragma("query_only", 1)
            self._connection = connection
        return self._connection

    def close(self) -> None:
        """Close the connection, if there is one; the next use opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Database({str(self.path)!r})"


def open(path: str | Path, *, busy_timeout_s: float = DEFAULT_BUSY_TIMEOUT_S) -> Database:
    """Return the database at `path`, after a look at whether it is one.

    Args:
        path: the database file.
        busy_timeout_s: how long its connection waits for a lock.

    Raises:
        NotFound: `database-not-found`.
        UsageError: `database-is-folder`, `not-a-database`.
        WrongKey: `database-encrypted`.
        Damaged: `database-truncated`.
        StorageFailed: `permission-denied`.
    """
    require_database(Path(path))
    return Database(path, busy_timeout_s=busy_timeout_s)
