"""Who is told of alerts: the hooks and the ping address of [alerts].

In a loop they are told in a thread of their own, one after the other, so that a slow command never
keeps the next look waiting.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from dbtool.cli.audience import OF_ALERTS, Audience

if TYPE_CHECKING:
    from dbtool.cli.context import Session
    from dbtool.monitor.sampler import Sampling

__all__ = ["Telling"]

_ALERT = 4
_MOST_WAITING = 100
_LAST_WORDS_S = 15.0


class Telling:
    """Tells of alerts that begin to fire or are over.

    Args:
        session: of this run.
        background: tell in a thread; `close` waits for it, for a while.
    """

    def __init__(self, session: Session, *, background: bool = False) -> None:
        self._session = session
        self._audience = Audience(session, OF_ALERTS)
        self._firing: dict[str, list[str]] = {}
        self._queue: queue.Queue[Callable[[], None] | None] | None = None
        if background:
            self._queue = queue.Queue(_MOST_WAITING)
            self._thread = threading.Thread(target=self._work, name="alerts", daemon=True)
            self._thread.start()

    def hear(self, name: str, path: Path, sampling: Sampling, *, elsewhere: bool = False) -> None:
        """Tell of what changed with a sample.

        Args:
            name: of the database.
            path: of it.
            sampling: the sample.
            elsewhere: another process tells of it.
        """
        self._firing[name] = [
            f"{name}: {alert.code}: {alert.evidence}" for alert in sampling.firing
        ]
        if elsewhere:
            return
        begun = [alert for alert in sampling.changed if alert.state == "firing"]
        database = str(path.resolve())
        if begun:
            summary = "\n".join(f"{name}: {alert.code}: {alert.evidence}" for alert in begun)
            self._do(lambda: self._audience.tell("failure", summary, _ALERT, database))
        elif sampling.changed and not sampling.firing:
            over = ", ".join(alert.code for alert in sampling.changed)
            summary = f"{name}: resolved: {over}"
            self._do(lambda: self._audience.tell("success", summary, 0, database))

    def ping(self) -> None:
        """Call the ping address: all is well, or what is not."""
        wrong = [line for lines in self._firing.values() for line in lines]
        if wrong:
            self._do(lambda: self._audience.ping("failure", "\n".join(wrong)))
        else:
            names = ", ".join(self._firing)
            self._do(lambda: self._audience.ping("success", f"{names}: ok"))

    def close(self) -> None:
        """Let what is being told be told, within 15 s."""
        if self._queue is not None:
            # Behind what waits; where that is too much already, nobody waits for it.
            with suppress(queue.Full):
                self._queue.put(None, timeout=_LAST_WORDS_S)
                self._thread.join(_LAST_WORDS_S)

    def _do(self, task: Callable[[], None]) -> None:
        if self._queue is None:
            task()
        elif not self._queue.full():  # a hook that hangs has been told often enough
            self._queue.put(task)

    def _work(self) -> None:
        assert self._queue is not None
        while (task := self._queue.get()) is not None:
            try:
                task()
            except Exception as error:  # noqa: BLE001 - the next alert is to be told all the same
                self._session.warn(f"an alert could not be told: {error}")
