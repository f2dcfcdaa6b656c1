"""`dbtool monitor --watch` and `--serve`: look again and again until a signal ends it."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

from dbtool.cli.attention import Attention
from dbtool.cli.monitor.samplers import samplers, watched
from dbtool.cli.monitor.telling import Telling
from dbtool.cli.monitor.view import alert_line, live_line, sampling_data
from dbtool.cli.notify import notify
from dbtool.cli.signals import Interrupted
from dbtool.cli.visible import visible
from dbtool.core.clock import SystemClock
from dbtool.errors import UsageError
from dbtool.monitor.httpserver import Address, parse_address

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dbtool.cli.context import Session
    from dbtool.monitor.sampler import Sampler, Sampling

__all__ = ["run"]

_ALERT = 4
_INTERVAL_S = 10.0
_NEAR_S = 1.0
"""The next look where an alert is about to fire: a writer that is held is seen within seconds."""
_PING_EVERY_S = 300.0


def run(session: Session, db: str | None, *, interval_s: float | None, serve: str | None) -> int:
    """Look until a signal ends it; return the exit code."""
    address = None if serve is None else parse_address(serve)
    if address is None and session.format not in ("table", "ndjson"):
        raise UsageError(
            "usage",
            f"--watch has no end, so it cannot be one {session.format} document",
            hint="dbtool monitor --watch -o ndjson DB",
        )
    chosen_s = interval_s or session.config.get("monitor.interval") or _INTERVAL_S
    attention, telling = Attention(session.interrupts), Telling(session, background=True)
    latest: dict[str, Sampling] = {}
    with ExitStack() as stack:
        found = stack.enter_context(samplers(session, watched(session, db), SystemClock()))
        stack.callback(telling.close)
        stack.enter_context(attention.paid())
        loop = _Loop(session, attention, telling, found, latest, chosen_s)
        loop.lines = address is None
        with suppress(Interrupted):  # in the middle of a look that takes long
            loop.look(time.monotonic())  # before anybody can ask what it saw
            if address is not None:
                _serve(session, stack, address, latest, chosen_s)
            loop.until_stopped()
        notify("STOPPING=1")
    return _ALERT if any(sampling.firing for sampling in latest.values()) else 0


def _serve(
    session: Session,
    stack: ExitStack,
    address: Address,
    latest: Mapping[str, Sampling],
    interval_s: float,
) -> None:
    from dbtool import __version__
    from dbtool.monitor.exporter import registry_of
    from dbtool.monitor.httpserver import health_of, serving

    clock = SystemClock()
    registry = registry_of(lambda: dict(latest), __version__)
    health = lambda: health_of(dict(latest), clock.now(), interval_s)  # noqa: E731 - as short as it is
    bound = stack.enter_context(serving(address, registry, health))
    session.note(f"serving http://{bound}/metrics and /healthz; Ctrl-C ends it")
    if not bound.is_loopback:
        session.note("whoever reaches that address reads names and sizes of databases and tables")


class _Loop:
    def __init__(
        self,
        session: Session,
        attention: Attention,
        telling: Telling,
        found: Mapping[str, Sampler],
        latest: dict[str, Sampling],
        interval_s: float,
    ) -> None:
        self._session = session
        self._attention = attention
        self._telling = telling
        self._samplers = found
        self._latest = latest
        self._interval_s = interval_s
        self._ping_s = 0.0
        self._line_s = 0.0
        self._open_line = False
        self._on_terminal = session.terminal(1)
        self.lines = True
        """Whether to write a line for each look, not for alerts alone."""

    def until_stopped(self) -> None:
        """Look at each interval."""
        notify("READY=1")
        next_s = time.monotonic() + self._pause_s()
        while True:
            self._attention.wait(max(0.0, next_s - time.monotonic()))
            if self._attention.take_reload() and self._on_terminal:
                return  # the terminal is gone, and nothing can be written there any more
            if self._attention.stopped:
                break
            now_s = time.monotonic()
            if now_s < next_s:
                continue
            self.look(now_s)
            next_s += self._pause_s()
            if next_s < time.monotonic():
                # After a sleep of the machine, or a look that took long, none is made up for.
                next_s = time.monotonic() + self._pause_s()
        self._end_line()

    def look(self, now_s: float) -> None:
        """Look at each database, show it, tell of it."""
        due = now_s >= self._line_s
        if due:
            # Looks in between, where an alert is near, are told by alerts alone.
            self._line_s = max(self._line_s, now_s - self._interval_s) + self._interval_s
        for name, sampler in self._samplers.items():
            sampling = sampler.sample()
            self._latest[name] = sampling
            elsewhere = sampler.told_elsewhere
            self._telling.hear(name, sampler.path, sampling, elsewhere=elsewhere)
            self._show(name, sampler, sampling, due=due)
        if now_s >= self._ping_s:
            self._ping_s = now_s + _PING_EVERY_S
            self._telling.ping()

    def _pause_s(self) -> float:
        near = any(a.state == "pending" for s in self._latest.values() for a in s.alerts)
        return min(self._interval_s, _NEAR_S) if near else self._interval_s

    def _show(self, name: str, sampler: Sampler, sampling: Sampling, *, due: bool) -> None:
        session = self._session
        if session.format == "ndjson":
            if due or sampling.changed:
                session.output.record("sample", sampling_data(name, sampler.path, sampling))
            return
        for alert in sampling.changed:
            self._end_line()
            self._write(f"{name}: {alert_line(alert, sampling.at)}", end="\n")
        if due and self.lines and not session.quiet:
            live = session.terminal(1) and len(self._samplers) == 1
            text = live_line(name, sampling)
            if live:
                self._write(text[: max(0, session.width() - 1)], end="", head="\r\x1b[K")
                self._open_line = True
            else:
                self._write(text, end="\n")

    def _end_line(self) -> None:
        if self._open_line:
            self._open_line = False
            self._write("", end="\n")

    @staticmethod
    def _write(text: str, *, end: str, head: str = "") -> None:
        sys.stdout.write(f"{head}{visible(text)}{end}")
        sys.stdout.flush()
