"""Patience with a remote: how often something that did not come through is tried again, and when.

Waits grow twofold and are jittered, so that many clients which a store has turned away do not come
back together. Their number is bounded. Until a store has answered once there is little patience: a
mistyped address shall not cost a minute.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from dbtool.errors import Unreachable

__all__ = ["Patience", "Retrying"]

logger = logging.getLogger(__name__)

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Patience:
    """When to try again, and when to give up."""

    attempts: int = 9
    """How often a store that has answered before is asked, the first time included."""
    attempts_at_first: int = 4
    """How often one that has never answered is asked."""
    first_s: float = 0.25
    """Seconds before the second attempt, at most; each later wait is up to twice as long."""
    longest_s: float = 20.0

    def waits(self) -> Iterator[float]:
        """Yield the seconds to wait after each failure, without end."""
        wait_s = self.first_s
        while True:
            yield wait_s * random.uniform(0.5, 1)  # noqa: S311  spreads load, guards nothing
            wait_s = min(self.longest_s, wait_s * 2)


class Retrying:
    """Calls work that may raise `Unreachable` until it comes through. Thread-safe."""

    def __init__(
        self, patience: Patience | None = None, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._patience = patience or Patience()
        self._sleep = sleep
        self._answered = False

    def __call__(self, work: Callable[[int], Result]) -> Result:
        """Return what `work` returns; it is told how often it failed to come through before.

        Raises:
            Unreachable: the last attempt did.
        """
        failures = 0
        for wait_s in self._patience.waits():
            try:
                result = work(failures)
            except Unreachable as error:
                failures += 1
                if failures >= self._limit():
                    raise
                logger.info("trying again in %.1f s: %s", wait_s, error.message)
                self._sleep(wait_s)
            else:
                self._answered = True
                return result
        raise AssertionError("waits have no end")

    def _limit(self) -> int:
        patience = self._patience
        return patience.attempts if self._answered else patience.attempts_at_first
