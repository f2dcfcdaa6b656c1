"""Where the dashboard gets what it shows: the commands and the observer, or a recording.

Both are a `Source`; nothing above knows which one it is.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import nullcontext
from typing import Final, Protocol

from dbtool.tui.children import ask
from dbtool.tui.feeds import FEEDS, words_of
from dbtool.tui.model import DatabaseRef, Live, Options, Reading
from dbtool.tui.threads import in_thread

__all__ = ["ChildSource", "Look", "Source"]

_LOOK_DEADLINE_S: Final = 5.0
"""Longer than the helper of the observer has; the first look starts it, on a busy machine too."""
_CHILDREN_AT_ONCE: Final = 2
"""At the start many questions come together; more at once would only make each answer later.
What somebody asks for does not wait behind them."""

Look = Callable[[DatabaseRef], Live]
"""One cheap look from outside; may block, and is given up after some seconds."""


Past = Callable[[DatabaseRef], list[Live]]
"""Looks of the past out of a history; may block."""


class Source(Protocol):
    """Answers questions about a database."""

    replayed: bool
    """True: it tells of the past, and nothing can be started."""

    def now(self) -> float:
        """Return the time of what is shown."""

    def advance(self, looks: int = 1) -> None:
        """Move a recording on by some looks, or back; the present moves by itself."""

    async def read(
        self, feed: str, database: DatabaseRef, extra: tuple[str, ...] = ()
    ) -> Reading | None:
        """Answer a feed; None: a recording that holds no answer.

        Args:
            feed: name of it.
            database: of which it is asked.
            extra: further words of the command line, such as a search.
        """

    async def look(self, database: DatabaseRef) -> Live | None:
        """Take a cheap look; None: there is no new one."""

    async def past(self, database: DatabaseRef) -> list[Live]:
        """Return looks of the past that are known, the oldest first."""


class ChildSource:
    """The commands as child processes, and an observer for the cheap look."""

    replayed = False

    def __init__(
        self,
        options: Options,
        look: Look,
        past: Past = lambda _: [],
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._options = options
        self._look = look
        self._past = past
        self._now = now
        self._free = asyncio.Semaphore(_CHILDREN_AT_ONCE)
        self._looking: set[str] = set()

    def now(self) -> float:
        """Return the time of day."""
        return self._now()

    def advance(self, looks: int = 1) -> None:
        """Do nothing: the present moves by itself."""

    async def read(
        self, feed: str, database: DatabaseRef, extra: tuple[str, ...] = ()
    ) -> Reading | None:
        """Ask the command of a feed."""
        words = words_of(feed, database, self._options, extra)
        async with nullcontext() if FEEDS[feed].every_s is None else self._free:
            return await ask(feed, words, deadline_s=FEEDS[feed].deadline_s, now=self._now)

    async def look(self, database: DatabaseRef) -> Live | None:
        """Look from a thread, for a bounded time; one that hangs is not joined by others."""
        if database.path in self._looking:
            return None
        self._looking.add(database.path)

        def done(_: object) -> None:
            self._looking.discard(database.path)

        task = in_thread(self._look, database)
        task.add_done_callback(done)
        try:
            return await asyncio.wait_for(asyncio.shield(task), _LOOK_DEADLINE_S)
        except TimeoutError:
            return Live(self._now(), problem="it does not answer: a look at its files hangs")

    async def past(self, database: DatabaseRef) -> list[Live]:
        """Read the history in a thread."""
        return await in_thread(self._past, database)
