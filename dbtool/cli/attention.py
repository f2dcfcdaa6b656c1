"""Signals of a command that runs until it is told to stop.

The first INT or TERM asks it to end in order, a second one ends the process; HUP asks it to read
its configuration again. Waiting ends early when one of them comes.
"""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from dbtool.cli.signals import Interrupts

__all__ = ["Attention"]

_STOPS = (signal.SIGINT, signal.SIGTERM)


class Attention:
    """What the signals asked for since `paid` began."""

    def __init__(self, interrupts: Interrupts) -> None:
        self._interrupts = interrupts
        self._reload = False
        self._woken, self._waker = os.pipe()

    @property
    def stopped(self) -> bool:
        """Whether to end."""
        return self._interrupts.received is not None

    def take_reload(self) -> bool:
        """Return whether to read the configuration again; asked once for each HUP."""
        asked, self._reload = self._reload, False
        return asked

    def wait(self, seconds: float) -> None:
        """Wait, at most until a signal comes."""
        if self.stopped or self._reload:
            return
        ready, _, _ = select.select([self._woken], [], [], seconds)
        if ready:
            os.read(self._woken, 4096)

    @contextmanager
    def paid(self) -> Iterator[None]:
        """Handle the signals; afterwards they are handled as before, and were heard."""
        os.set_blocking(self._waker, False)
        handlers = dict.fromkeys(_STOPS, self._stop) | {signal.SIGHUP: self._hang_up}
        before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        woken_before = signal.set_wakeup_fd(self._waker, warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(woken_before)
            for number, handler in before.items():
                signal.signal(number, handler)
            os.close(self._woken)
            os.close(self._waker)
            # The command ended because it was asked to: that is no interruption of its work.
            self._interrupts.received = None

    def _stop(self, number: int, _frame: FrameType | None) -> None:
        if self.stopped:
            os._exit(128 + number)
        self._interrupts.received = number

    def _hang_up(self, _number: int, _frame: FrameType | None) -> None:
        self._reload = True
