"""Lets a long SQL statement be stopped: by whoever started the work, or by the limit of a rule."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import apsw

from dbtool.core.progress import Progress
from dbtool.core.quantities import format_duration
from dbtool.core.stoppable import stoppable

__all__ = ["Watch"]


class Watch:
    """Looks at the clock and at the progress while SQLite works.

    Where the progress raises, the exception ends the statement and comes out of it. Where the limit
    is over, the statement ends with `apsw.InterruptError`.
    """

    def __init__(self, progress: Progress, limit_s: float | None) -> None:
        self._progress = progress
        self._limit_s = limit_s
        self._deadline_s: float | None = None

    @property
    def reason(self) -> str:
        """Why a statement was stopped."""
        return f"not done within its time limit of {format_duration(self._limit_s or 0)}"

    def phase(self, name: str) -> None:
        """Begin to count rows anew."""
        self._progress.start(name, None, "rows")

    def rows(self, count: int) -> None:
        """Tell of rows done."""
        self._progress.advance(count)

    @contextmanager
    def on(self, connection: apsw.Connection) -> Iterator[None]:
        """Watch the statements of a connection; other handlers of it stay."""
        with stoppable(connection, self._progress, self._expired):
            yield

    @contextmanager
    def limited(self) -> Iterator[None]:
        """Give the block the time of one rule."""
        if self._limit_s is not None:
            self._deadline_s = time.monotonic() + self._limit_s
        try:
            yield
        finally:
            self._deadline_s = None

    def _expired(self) -> bool:
        return self._deadline_s is not None and time.monotonic() > self._deadline_s
