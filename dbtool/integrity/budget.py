"""Time to check, and its end: kept by a look at the clock at every block and inside SQLite.

SQLite calls the progress handler of a connection every so many steps of its virtual machine, and
`PRAGMA integrity_check` every so many pages of a tree; the exception that the handler raises ends
the statement and comes out of it. So one handler serves the budget and Ctrl-C alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import apsw

from dbtool.core.clock import Clock, SystemClock
from dbtool.core.progress import Progress

__all__ = ["Budget", "BudgetEnded", "Watched"]

_STEPS: Final = 5_000
"""Some 0.1 ms of the virtual machine; pages of a tree, at 4 KiB 20 ms from a warm cache."""


class BudgetEnded(Exception):  # noqa: N818 - an end that was asked for, no error
    """The time for the check is over."""


class Budget:
    """How long a check may go on.

    Args:
        limit_s: seconds; None: without end.
        clock: the time.
    """

    def __init__(self, limit_s: float | None, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self.began_s = self._clock.monotonic()
        self._limit_s = limit_s

    @property
    def limited(self) -> bool:
        """Whether there is an end."""
        return self._limit_s is not None

    def elapsed_s(self) -> float:
        """Return how long the check has been going on."""
        return self._clock.monotonic() - self.began_s

    def check(self) -> None:
        """Raise `BudgetEnded` when the time is over."""
        if self._limit_s is not None and self.elapsed_s() >= self._limit_s:
            raise BudgetEnded

    @contextmanager
    def watching(self, connection: apsw.Connection, progress: Progress) -> Iterator[None]:
        """Let statements of `connection` end with the budget, or when `progress` says so."""

        def watch() -> bool:
            progress.advance(0)
            self.check()
            return False

        connection.set_progress_handler(watch, _STEPS)
        try:
            yield
        finally:
            connection.set_progress_handler(None)


class Watched:
    """A `Progress` that also ends the work when the budget does."""

    def __init__(self, progress: Progress, budget: Budget) -> None:
        self._progress = progress
        self._budget = budget

    def start(self, phase: str, total: int | None, unit: str) -> None:
        """Begin a phase."""
        self._progress.start(phase, total, unit)

    def advance(self, amount: int) -> None:
        """Count, and raise `BudgetEnded` when the time is over."""
        self._progress.advance(amount)
        self._budget.check()

    def finish(self) -> None:
        """End the phase."""
        self._progress.finish()

    def warn(self, message: str) -> None:
        """Pass the warning on."""
        self._progress.warn(message)
