"""Lets whoever started the work stop a long SQL statement.

SQLite works in C: no signal handler of Python runs until a statement is done, unless SQLite calls
back meanwhile. A large or hostile file can make that a very long time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import apsw

from dbtool.core.progress import Progress

__all__ = ["stoppable"]

_STEPS: Final = 20_000
"""Steps of SQLite's virtual machine between two looks; well below a millisecond."""


@contextmanager
def stoppable(
    connection: apsw.Connection, progress: Progress, expired: Callable[[], bool] | None = None
) -> Iterator[None]:
    """Look at `progress` while statements of `connection` run in the block.

    What `progress.advance` raises ends the statement and comes out of it.

    Args:
        connection: other progress handlers of it stay as they are.
        progress: is told of no progress, again and again.
        expired: where it returns True, the statement ends with `apsw.InterruptError`.
    """

    def look() -> bool:
        progress.advance(0)
        return expired is not None and expired()

    connection.set_progress_handler(look, _STEPS, id=look)
    try:
        yield
    finally:
        connection.set_progress_handler(None, id=look)
