"""SQL over a database that somebody else may be writing, or may have prepared: one transaction.

The file is opened as for a backup: hardened, and closed so that nothing beside it is changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from dbtool.core.connection import classified
from dbtool.core.pragmas import harden
from dbtool.core.progress import Progress, Silent
from dbtool.pages.session import ReadSession
from dbtool.pages.state import state_of

__all__ = ["reading"]


@contextmanager
def reading(
    path: Path, *, busy_timeout_s: float = 10.0, progress: Progress | None = None
) -> Iterator[apsw.Connection]:
    """Give a hardened connection within a read transaction on `path`, which writes nothing.

    Args:
        path: the database file; an empty one is a database without tables.
        busy_timeout_s: how long to wait for a lock.
        progress: hears a warning where a private copy had to be made.

    Raises:
        DbtoolError: as `dbtool.core.connection.open_readonly`, also for what fails in the block,
            and Locked `database-busy` where the file changed in spite of the lock.
    """
    state = state_of(path)
    real = path.resolve()
    with classified(real):
        session = ReadSession(
            real, state, busy_timeout_s=busy_timeout_s, progress=progress or Silent()
        )
        empty = None
        try:
            if session.connection is None:
                empty = apsw.Connection(":memory:")
                harden(empty)
            connection = session.connection or empty
            if connection is not None:
                connection.pragma("query_only", 1)
                yield connection
            session.confirm()
        finally:
            if empty is not None:
                empty.close()
            session.close()
