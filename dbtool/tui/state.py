"""All that is known of one database: the newest answers, the looks so far, the events.

It only grows by `take` and `see`, and each of them returns whether something worth telling
happened, so that the log of events is made in one place.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from dbtool.tui.line import Status
from dbtool.tui.model import DatabaseRef, Live, Problem, Reading

__all__ = ["Event", "State"]

_MOST_LOOKS: Final = 1800
"""An hour at two seconds."""
_MOST_EVENTS: Final = 500


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened."""

    at_s: float
    status: Status
    kind: str
    """alert, job, error, recovered or note."""
    text: str
    hint: str = ""


@dataclass
class State:
    """What is known of one database."""

    database: DatabaseRef
    readings: dict[str, Reading] = field(default_factory=dict)
    """The newest answer of each feed."""
    good: dict[str, Reading] = field(default_factory=dict)
    """The newest answer of each feed that was one."""
    looks: deque[Live] = field(default_factory=lambda: deque(maxlen=_MOST_LOOKS))
    events: deque[Event] = field(default_factory=lambda: deque(maxlen=_MOST_EVENTS))
    identity: str = ""
    """Of the file that was seen last."""
    alerts: dict[str, str] = field(default_factory=dict)
    """Alerts that fire: code to evidence."""

    @property
    def live(self) -> Live | None:
        """The newest look."""
        return self.looks[-1] if self.looks else None

    def data(self, feed: str) -> Any:
        """Return what a feed last answered; None: nothing yet."""
        reading = self.good.get(feed)
        return None if reading is None else reading.data

    def problem(self, feed: str) -> Problem | None:
        """Return why a feed's newest answer is none."""
        reading = self.readings.get(feed)
        return None if reading is None else reading.problem

    def take(self, reading: Reading) -> None:
        """Take an answer."""
        before = self.readings.get(reading.feed)
        self.readings[reading.feed] = reading
        if reading.ok:
            self.good[reading.feed] = reading
        self.events.extend(_of_reading(before, reading))

    def forget(self, feed: str) -> None:
        """Forget what a feed answered, because something else is asked now."""
        self.readings.pop(feed, None)
        self.good.pop(feed, None)

    def see(self, live: Live) -> None:
        """Take a look."""
        before = self.live
        self.looks.append(live)
        self.events.extend(_of_look(before, live))
        self._recognise(live)
        if not live.problem:
            self._take_alerts(live)

    def tell(self, event: Event) -> None:
        """Take an event from elsewhere, such as a job that ended."""
        self.events.append(event)

    def _recognise(self, live: Live) -> None:
        """Notice another file under the same name, also where it was away in between."""
        if not live.identity:
            return
        if self.identity and live.identity != self.identity:
            text = "the database was replaced by another file"
            self.tell(
                Event(live.at_s, Status.WARN, "note", text, f"dbtool verify {self.database.word}")
            )
        self.identity = live.identity

    def recall(self, looks: Iterable[Live]) -> None:
        """Take looks of the past, before the first one; they are no events."""
        self.looks.extendleft(reversed(list(looks)))

    def _take_alerts(self, live: Live) -> None:
        """Make an event of each alert that is new or over."""
        now = {alert.code: alert for alert in live.alerts}
        for code in now.keys() - self.alerts.keys():
            alert = now[code]
            status = Status.CRIT if alert.severity == "critical" else Status.WARN
            hint = alert.command.replace("DB", self.database.word)
            self.tell(Event(live.at_s, status, "alert", f"{code}: {alert.evidence}", hint))
        for code in self.alerts.keys() - now.keys():
            self.tell(Event(live.at_s, Status.OK, "recovered", f"no longer: {code}"))
        self.alerts = {code: alert.evidence for code, alert in now.items()}

    def age_s(self, feed: str, now_s: float) -> float | None:
        """Return how old what is shown of a feed is; None: there is nothing."""
        reading = self.good.get(feed)
        return None if reading is None else max(now_s - reading.at_s, 0.0)


_NOTHING_THERE: Final = ("migrations-not-found", "schedule-not-found", "repository-not-found")
"""Answers, not failures: there are no migrations, timers, backups."""


def _of_reading(before: Reading | None, reading: Reading) -> Iterator[Event]:
    was = before.problem if before is not None else None
    if reading.problem is not None and reading.problem.code in _NOTHING_THERE:
        return
    if was is not None and was.code in _NOTHING_THERE:
        was = None
    if reading.problem is not None and (was is None or was.code != reading.problem.code):
        yield Event(
            reading.at_s,
            Status.WARN,
            "error",
            f"{reading.feed}: {reading.problem.message}",
            reading.problem.hint,
        )
    elif reading.problem is None and was is not None:
        yield Event(reading.at_s, Status.OK, "recovered", f"{reading.feed} answers again")


def _of_look(before: Live | None, live: Live) -> Iterator[Event]:
    was = before.problem if before is not None else ""
    if live.problem and live.problem != was:
        yield Event(live.at_s, Status.CRIT, "error", live.problem)
    elif was and not live.problem:
        yield Event(live.at_s, Status.OK, "recovered", "the database can be read again")
