"""Counts the statements of a traced application in memory, and writes them to the log now and then.

The cost of a statement is bounded: one look-up by its text and a few additions under a lock. Texts
are normalised later, in a thread of the collector's own, and there are at most `_MOST_TEXTS` in one
period; calls of others are counted together. Nothing here lets an exception through to the
application: what cannot be written is dropped and told once to the `logging` module.

Fork: a child begins with empty counters, a new lock and, at its first statement, a thread of its
own. Signals: the lock is reentrant, so a handler that runs SQL does not wait for itself.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from dbtool.trace.histogram import bucket_of
from dbtool.trace.log import Entry, StatementUse, added, encode
from dbtool.trace.normalise import LONGEST_SQL, normalise
from dbtool.trace.rotate import append

__all__ = ["Channel", "Collector", "Tally"]

logger = logging.getLogger(__name__)

_MOST_TEXTS: Final = 2000
_FIRST_INTERVAL_S: Final = 10.0
_LONGEST_EXAMPLE: Final = 4000


class Tally:
    """Counts of one text of SQL in one period. None: the library cannot tell."""

    __slots__ = (
        "automatic_indexes",
        "busy",
        "calls",
        "errors",
        "example",
        "example_ns",
        "full_scan_steps",
        "full_scans",
        "histogram",
        "longest_ns",
        "rows",
        "sorts",
        "total_ns",
        "vm_steps",
    )

    def __init__(self) -> None:
        self.calls = self.total_ns = self.longest_ns = self.busy = self.errors = 0
        self.histogram: dict[int, int] = {}
        self.rows: int | None = None
        self.full_scan_steps: int | None = None
        self.full_scans: int | None = None
        self.sorts: int | None = None
        self.automatic_indexes: int | None = None
        self.vm_steps: int | None = None
        self.example: str | None = None
        self.example_ns = -1

    def time(self, duration_ns: int, calls: int = 1) -> None:
        """Count so many calls that took so long together."""
        if calls != 1:
            self._times(duration_ns, calls)
            return
        self.calls += 1
        self.total_ns += duration_ns
        self.longest_ns = max(self.longest_ns, duration_ns)
        bucket = bucket_of(duration_ns)
        histogram = self.histogram
        histogram[bucket] = histogram.get(bucket, 0) + 1

    def _times(self, duration_ns: int, calls: int) -> None:
        self.calls += calls
        self.total_ns += duration_ns
        mean_ns = duration_ns // calls
        self.longest_ns = max(self.longest_ns, mean_ns)
        bucket = bucket_of(mean_ns)
        self.histogram[bucket] = self.histogram.get(bucket, 0) + calls

    def use(self, sql: str) -> StatementUse:
        """Return the counts as the log holds them."""
        return StatementUse(
            sql=sql,
            calls=self.calls,
            seconds=max(0, self.total_ns) / 1e9,
            longest_s=self.longest_ns / 1e9,
            histogram=self.histogram,
            rows=self.rows,
            full_scan_steps=self.full_scan_steps,
            full_scans=self.full_scans,
            sorts=self.sorts,
            automatic_indexes=self.automatic_indexes,
            vm_steps=self.vm_steps,
            busy_errors=self.busy,
            errors=self.errors,
            example=self.example,
            example_s=max(0, self.example_ns) / 1e9,
        )


class Channel:
    """The statements of one database through one library."""

    def __init__(self, collector: Collector, database: str, library: str) -> None:
        self.collector = collector
        self.database = database
        self.library = library
        self.tallies: dict[str, Tally] = {}
        self.others = Tally()
        self.plans: dict[str, Any] = {}
        """Plans by text, for `dbtool.trace.plans`; of this period, as an index may come."""

    def tally(self, sql: str) -> Tally:
        """Return the tally of a text; the caller holds the collector's lock."""
        found = self.tallies.get(sql)
        return found if found is not None else self._new(sql)

    def _new(self, sql: str) -> Tally:
        self.collector.wake(self)
        if len(sql) > LONGEST_SQL:
            sql = sql[:LONGEST_SQL]
            if sql in self.tallies:
                return self.tallies[sql]
        if len(self.tallies) >= _MOST_TEXTS:
            return self.others
        self.tallies[sql] = tally = Tally()
        return tally

    def take(self) -> tuple[dict[str, Tally], Tally]:
        """Return what was counted, and begin anew; the caller holds the collector's lock."""
        taken = self.tallies, self.others
        self.tallies, self.others = {}, Tally()
        self.plans.clear()
        return taken


class Collector:
    """Counts for one log.

    Args:
        log: path of the log.
        examples: keep the values of the slowest call of each statement.
        interval_s: how often to write; the first time after 10 s at most.
        max_bytes: of one file of the log.
        files: how many there are at most.
    """

    def __init__(
        self, log: Path, *, examples: bool, interval_s: float, max_bytes: int, files: int
    ) -> None:
        self.log = log
        self.examples = examples
        self._interval_s = interval_s
        self._max_bytes = max_bytes
        self._files = files
        # An application may open ever new databases: channels end with their connections, and
        # those with counts once these are written.
        self._channels: weakref.WeakValueDictionary[tuple[str, str], Channel] = (
            weakref.WeakValueDictionary()
        )
        self._counting: set[Channel] = set()
        self._told = False
        self._closed = False
        self._reset()
        _live.add(self)

    def _reset(self) -> None:
        self.lock = threading.RLock()
        self._writing = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._began_at = time.time()

    def channel(self, database: str, library: str) -> Channel:
        """Return the channel of a database."""
        with self.lock:
            known = self._channels.get((database, library))
            if known is None:
                self._channels[database, library] = known = Channel(self, database, library)
            return known

    def wake(self, channel: Channel) -> None:
        """Note that a channel counts, start the thread that writes; the caller holds the lock."""
        self._counting.add(channel)
        if self._thread is None and not self._closed:
            self._thread = threading.Thread(target=self._run, name="dbtool.trace", daemon=True)
            # At the end of the interpreter no thread can start; what is counted is written then.
            with suppress(RuntimeError):
                self._thread.start()

    def example(self, tally: Tally, duration_ns: int, sql: str, values: object) -> None:
        """Keep a call as the example of its statement, where it is the slowest so far."""
        if duration_ns > tally.example_ns:
            start = sql[:_LONGEST_EXAMPLE]
            text = f"{start} -- {_shortened(values)!r}" if values else start
            tally.example, tally.example_ns = text[:_LONGEST_EXAMPLE], duration_ns

    def flush(self) -> None:
        """Write what was counted; never raises."""
        try:
            with self._writing:
                self._write()
        except Exception as error:  # noqa: BLE001 - tracing must not break what it traces
            if not self._told:
                self._told = True
                # A handler of the application may raise too.
                with suppress(Exception):
                    logger.warning("the trace log %s is not written: %s", self.log, error)

    def close(self) -> None:
        """Write what was counted, and count no more."""
        self._closed = True
        self._stop.set()
        self.flush()

    @property
    def closed(self) -> bool:
        """Whether it counts no more."""
        return self._closed

    def after_fork(self) -> None:
        """Forget, in a child, what the parent counts and will write."""
        self._reset()
        for channel in self._counting:
            channel.take()
        self._counting.clear()

    def _run(self) -> None:
        stop, wait_s = self._stop, min(_FIRST_INTERVAL_S, self._interval_s)
        while not stop.wait(wait_s):
            self.flush()
            wait_s = self._interval_s

    def _write(self) -> None:
        with self.lock:
            # A thread that gives up the lock between two databases would tear one period in two.
            taken = [(channel, *channel.take()) for channel in self._counting]
            self._counting.clear()
            began_at, ended_at = self._began_at, time.time()
            if not taken:
                return
            self._began_at = ended_at
        period = (min(began_at, ended_at), ended_at)
        lines = b"".join(
            encode(Entry(use, *period, os.getpid(), channel.library, channel.database))
            for channel, tallies, others in taken
            for use in _uses(tallies, others)
        )
        append(self.log, lines, max_bytes=self._max_bytes, files=self._files)


def _uses(tallies: dict[str, Tally], others: Tally) -> Iterator[StatementUse]:
    uses: dict[str, StatementUse] = {}
    for sql, tally in tallies.items():
        text = normalise(sql)
        if text:
            use = tally.use(text)
            uses[text] = added(uses[text], use) if text in uses else use
    yield from uses.values()
    if others.calls:
        yield others.use("")


def _shortened(values: Any) -> Any:
    """Return values without what an example has no room for: to write 100 MB out takes a second."""
    if isinstance(values, str | bytes | bytearray):
        return values[:_LONGEST_EXAMPLE]
    if isinstance(values, dict):
        return {name: _shortened(value) for name, value in values.items()}
    if isinstance(values, list | tuple):
        return tuple(_shortened(value) for value in values)
    return values


_live: weakref.WeakSet[Collector] = weakref.WeakSet()


def _all_after_fork() -> None:
    for collector in list(_live):
        collector.after_fork()


def _all_at_exit() -> None:
    for collector in list(_live):
        if not collector.closed:
            collector.flush()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_all_after_fork)
atexit.register(_all_at_exit)
