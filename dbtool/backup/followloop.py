"""The life of `follow`: look, wait, look again; trouble is told and tried again, never the end."""

from __future__ import annotations

from contextlib import suppress
from typing import Protocol

from dbtool.backup.follow import Follower, Look
from dbtool.errors import DbtoolError

__all__ = ["Listener", "follow"]

_LONGEST_PAUSE_S = 60.0


class Listener(Protocol):
    """Hears what `follow` does, and says when it ends."""

    def stopped(self) -> bool:
        """Return whether to end."""

    def wait(self, seconds: float) -> None:
        """Wait, or return early when `stopped` changed."""

    def looked(self, look: Look) -> None:
        """Hear of a look."""

    def troubled(self, error: DbtoolError, retry_s: float) -> None:
        """Hear that a look failed, and in how many seconds the next one is."""


def follow(follower: Follower, listener: Listener) -> None:
    """Follow until the listener says stop; what was committed before is in a snapshot then.

    Only the first look may fail for good.

    Args:
        follower: closed when this returns.
        listener: hears of everything. The time from one look to the next is that of the follower's
            options; it is doubled with each failure, up to a minute.

    Raises:
        DbtoolError: the first look failed.
    """
    failures = 0
    try:
        while not listener.stopped():
            failures = 0 if _look(follower, listener, failures) else failures + 1
            listener.wait(_pause_s(follower, failures))
        if not failures:
            _look(follower, listener, failures)
    except BaseException:
        with suppress(DbtoolError):
            follower.close(in_order=False)
        raise
    follower.close()


def _look(follower: Follower, listener: Listener, failures: int) -> bool:
    try:
        look = follower.look()
    except DbtoolError as error:
        if follower.newest is None:
            raise  # it never worked: whoever started it has to know
        listener.troubled(error, _pause_s(follower, failures + 1))
        return False
    listener.looked(look)
    return True


def _pause_s(follower: Follower, failures: int) -> float:
    interval_s = follower.options.interval_s
    return min(interval_s * 2.0**failures, max(interval_s, _LONGEST_PAUSE_S))
