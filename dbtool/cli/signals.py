"""Signals: the first one stops work at its next safe point, the second one ends the process.

While no work is running (a prompt, a file being looked up) there is nothing to finish, and the
first signal stops at once too. The exit code is 128 plus the number of the signal.
"""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

__all__ = ["HANDLED", "Interrupted", "Interrupts"]

_SILENT = "dbtool.silent"

HANDLED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(KeyboardInterrupt):
    """The user asked to stop; not an `Exception`, so nothing takes it for a failure."""


class Interrupts:
    """Receives the signals of one run of the program."""

    def __init__(self) -> None:
        self.received: int | None = None
        """Number of the first signal that came."""
        self.working = False
        """True between the first and the last safe point of a piece of work."""

    def install(self) -> None:
        """Handle SIGINT, SIGTERM and SIGHUP, except those that the parent told us to ignore."""
        _let_callbacks_be_interrupted()
        for number in HANDLED:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._receive)

    def check(self) -> None:
        """Raise `Interrupted` when a signal came; called at safe points."""
        if self.received is not None:
            raise Interrupted

    def _receive(self, number: int, _frame: FrameType | None) -> None:
        if self.received is not None:
            os._exit(128 + number)
        self.received = number
        if not self.working:
            raise Interrupted
        if sys.stderr.isatty():
            os.write(2, b"\r\x1b[Kstopping at the next safe point; once more stops at once\n")


def _let_callbacks_be_interrupted() -> None:
    """Say nothing of a signal that came within a callback, where Python can only print it.

    It was received all the same, and stops the work at the next safe point or the program at its
    end.
    """
    before = sys.unraisablehook

    def silent(failure: sys.UnraisableHookArgs) -> None:
        if failure.exc_type is not Interrupted:
            before(failure)

    silent.__qualname__ = _SILENT
    if getattr(before, "__qualname__", "") != _SILENT:
        sys.unraisablehook = silent
