"""Takes samples of one database: looks, judges, remembers, in three tiers by their cost.

    each look   files, -shm, locks: 0.1 ms          60 s     headers of new WAL frames
    10 min      the list of snapshots               a day    a pass over all pages

What is remembered goes to the history once a minute and at the end, in one transaction, so a look
costs no write; a kill loses a minute of samples, and no alert. Where another process records this
database, nothing is stored until that has ended, and `Sampler.told_elsewhere` says whether it is
that one that tells of alerts.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from dbtool.core.clock import Clock
from dbtool.errors import DbtoolError
from dbtool.monitor.alertbook import Alert, AlertBook
from dbtool.monitor.alerts import AlertLimits, judge, unreadable
from dbtool.monitor.daily import Daily, from_json, to_json
from dbtool.monitor.history import Recorder, Sample, read_state
from dbtool.monitor.metrics import daily_samples, samples_of
from dbtool.monitor.observer import Look, Observer

__all__ = ["BackupFacts", "KeptAlerts", "Sampler", "Sampling", "Sources", "kept_alerts"]

logger = logging.getLogger(__name__)

_FRAMES_EVERY_S: Final = 60.0
_SAVE_EVERY_S: Final = 60.0
_BACKUPS_EVERY_S: Final = 600.0
_PRUNE_EVERY_S: Final = 3600.0
_DAILY_EVERY: Final = timedelta(days=1)
_RETRY_S: Final = 3600.0
_CLOCK_SLACK: Final = timedelta(hours=1)


class BackupFacts(NamedTuple):
    """What the repository says of the backups."""

    backup_at: datetime | None
    """None: there is none."""
    first_backup_at: datetime | None
    verified_at: datetime | None
    unknown: str = ""
    """Why nothing is known; empty: all is."""


class KeptAlerts(NamedTuple):
    """Alerts that an earlier look left behind."""

    at: datetime
    alerts: tuple[Alert, ...]


@dataclass(frozen=True, slots=True)
class Sources:
    """Where slower facts come from. Each may raise `DbtoolError`."""

    daily: Callable[[Look], Daily] | None = None
    """Takes a pass over all pages."""
    backups: Callable[[], BackupFacts] | None = None
    """Reads the list of snapshots."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """One sample of a database."""

    at: datetime
    look: Look | None
    """None: it could not be looked at, `problem` says why."""
    problem: DbtoolError | None
    alerts: tuple[Alert, ...]
    daily: Daily | None
    commits_per_s: float | None
    """Since the sample before; None: there is none, or nobody knows."""
    totals: dict[str, int] = field(default_factory=dict)
    """commits, frames, resets: since this process began to sample."""

    @property
    def firing(self) -> tuple[Alert, ...]:
        """Alerts that fire."""
        return tuple(alert for alert in self.alerts if alert.state == "firing")

    @property
    def changed(self) -> tuple[Alert, ...]:
        """Alerts that began or ceased to fire with this sample."""
        return tuple(alert for alert in self.alerts if alert.changed)


class Sampler:
    """Samples one database; a context manager. Not for several threads at once.

    Args:
        path: the database.
        recorder: of its history; closed with the sampler. A path: of the history, while another
            process records it. None: nothing is stored.
        limits: of its alerts.
        sources: of slower facts.
        ignored: codes of alerts that are not wanted.
        clock: gives times and durations.
        tells: whether somebody hears of the alerts of this process.
    """

    def __init__(
        self,
        path: Path,
        *,
        recorder: Recorder | Path | None,
        limits: AlertLimits,
        sources: Sources = Sources(),
        ignored: Collection[str] = (),
        clock: Clock,
        tells: bool = False,
    ) -> None:
        self.path = path
        self.limits = limits
        self._recorder = recorder if isinstance(recorder, Recorder) else None
        self._sources = sources
        self._ignored = frozenset(ignored)
        self._clock = clock
        self._history = recorder if isinstance(recorder, Path) else None
        self._tells = tells
        self._told_elsewhere = False
        kept = _load(self._recorder)
        self._observer = Observer(path, clock=clock, resume=kept.get("observer"))
        self._book = AlertBook(kept.get("alerts"))
        self._daily = from_json(kept.get("daily"))
        self._looked_at = _time(kept.get("looked_at"))
        self._due: dict[str, float] = {}
        self._looked_s: float | None = None
        self._shown: tuple[Alert, ...] = ()
        self._waiting: list[tuple[datetime, list[Sample]]] = []
        self._totals = {"commits": 0, "frames": 0, "resets": 0}

    @property
    def recording(self) -> bool:
        """Whether samples are stored."""
        return self._recorder is not None

    @property
    def told_elsewhere(self) -> bool:
        """Whether another process that records this database tells of its alerts."""
        return self._told_elsewhere

    @property
    def observer(self) -> Observer:
        """What looks."""
        return self._observer

    def sample(self) -> Sampling:
        """Look once and judge; what cannot be looked at is an alert, no error."""
        now, now_s = self._clock.now(), self._clock.monotonic()
        if self._recorder is None and self._is_due("join", now_s, _SAVE_EVERY_S):
            self._join()
        elapsed_s = self._elapsed_s(now, now_s)
        look, problem = None, None
        try:
            first = not self._observer.state
            look = self._observer.look(frames=self._is_due("frames", now_s, _FRAMES_EVERY_S))
            if first:
                look = replace(look, activity=None)  # what was in the log before anybody looked
        except DbtoolError as error:
            problem = error
            judged = unreadable(error.message + (f": {error.context}" if error.context else ""))
        else:
            self._count(look)
            self._refresh(look, now_s)
            judged = judge(look, self._daily, self.limits)
        wanted = [one for one in judged if one.code not in self._ignored]
        alerts = self._book.update(wanted, elapsed_s=elapsed_s or 0.0, now=now)
        self._looked_at, self._looked_s, self._shown = now, now_s, alerts
        if self._is_due("save", now_s, _SAVE_EVERY_S) or any(alert.changed for alert in alerts):
            self._save(now, now_s)
        per_s = None
        if look is not None and elapsed_s is not None and elapsed_s > 0:
            per_s = look.commits / elapsed_s
        totals = dict(self._totals)
        return Sampling(now, look, problem, alerts, self._daily, per_s, totals)

    def close(self) -> None:
        """Store what is not stored yet, end the helper."""
        try:
            self._save(self._clock.now(), self._clock.monotonic())
        finally:
            self._observer.close()
            if self._recorder is not None:
                self._recorder.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _join(self) -> None:
        """Go on where the process that recorded has ended; else see whether it tells of alerts."""
        if self._history is None:
            return
        try:
            self._recorder = Recorder.open(self._history)
            kept = _parsed(read_state(self._history, "sampler"))
        except DbtoolError as error:
            logger.warning("%s", error.message)
            kept = {}
        self._told_elsewhere = self._recorder is None and bool(kept.get("tells"))
        if self._recorder is not None:
            self._book = AlertBook(kept.get("alerts"))

    def _elapsed_s(self, now: datetime, now_s: float) -> float | None:
        """Return the time since the last look; of an earlier process by the wall clock."""
        if self._looked_s is not None:
            return now_s - self._looked_s
        if self._looked_at is None:
            return None
        return float((now - self._looked_at).total_seconds())

    def _is_due(self, what: str, now_s: float, every_s: float) -> bool:
        if now_s < self._due.get(what, now_s):
            return False
        self._due[what] = now_s + every_s
        return True

    def _count(self, look: Look) -> None:
        self._totals["commits"] += look.commits
        if look.activity is not None:
            self._totals["frames"] += look.activity.frames
            self._totals["resets"] += look.activity.resets
        self._waiting.append((look.at, samples_of(look)))

    # -- slower facts

    def _refresh(self, look: Look, now_s: float) -> None:
        at = look.at
        kept = self._daily
        fresh = (
            kept is not None
            and not kept.problem  # which somebody may have healed since
            and at - _DAILY_EVERY < kept.at < at + _CLOCK_SLACK
        )
        if self._sources.daily is not None and not fresh and self._is_due("daily", now_s, _RETRY_S):
            self._daily = self._taken(self._sources.daily, look)
            self._due.pop("backups", None)
        if (
            self._sources.backups is not None
            and self._daily is not None
            and self._is_due("backups", now_s, _BACKUPS_EVERY_S)
        ):
            self._daily = _with_backups(self._daily, self._sources.backups)
            if not fresh:
                self._waiting.append((at, daily_samples(self._daily)))

    @staticmethod
    def _taken(source: Callable[[Look], Daily], look: Look) -> Daily:
        try:
            return source(look)
        except DbtoolError as error:
            names = (
                "reclaimable_bytes",
                "stale_tables",
                "growth_per_day_bytes",
                "grown_bytes",
            )
            # Of two days ago, so that it is tried again before a day is over.
            return Daily(at=look.at - 2 * _DAILY_EVERY, unknown=dict.fromkeys(names, error.message))

    # -- what is remembered

    def _save(self, now: datetime, now_s: float) -> None:
        recorder = self._recorder
        if recorder is None:
            self._waiting.clear()
            return
        state: dict[str, Any] = {
            "observer": self._observer.state,
            "alerts": self._book.state,
            "daily": None if self._daily is None else to_json(self._daily),
            "looked_at": self._looked_at and self._looked_at.isoformat(),
            "shown": [asdict(alert) for alert in self._shown],
            "tells": self._tells,
        }
        try:
            recorder.write_all(
                self._waiting, {"sampler": json.dumps(state, default=datetime.isoformat)}
            )
            if self._is_due("prune", now_s, _PRUNE_EVERY_S):
                recorder.prune(now)
        except DbtoolError as error:
            # A full disk, say: the alarm about it matters more than its sample.
            logger.warning("%s", error.message)
        self._waiting.clear()


def kept_alerts(path: Path) -> KeptAlerts | None:
    """Return the alerts as they stood when a process last stored samples; None: never.

    Args:
        path: of the history.

    Raises:
        DbtoolError: the history is there and cannot be read.
    """
    try:
        kept = json.loads(read_state(path, "sampler") or "")
        alerts = [
            Alert(**{**one, "since": one["since"] and datetime.fromisoformat(one["since"])})
            for one in kept["shown"]
        ]
        return KeptAlerts(datetime.fromisoformat(kept["looked_at"]), tuple(alerts))
    except (ValueError, KeyError, TypeError):
        return None


def _with_backups(daily: Daily, source: Callable[[], BackupFacts]) -> Daily:
    try:
        facts = source()
    except DbtoolError as error:
        facts = BackupFacts(None, None, None, error.message)
    unknown = {k: v for k, v in daily.unknown.items() if k not in ("backup_at", "verified_at")}
    if facts.unknown:
        unknown |= {"backup_at": facts.unknown, "verified_at": facts.unknown}
    return replace(
        daily,
        backup_at=facts.backup_at,
        first_backup_at=facts.first_backup_at,
        verified_at=facts.verified_at,
        unknown=unknown,
    )


def _load(recorder: Recorder | None) -> dict[str, Any]:
    return {} if recorder is None else _parsed(recorder.state("sampler"))


def _time(text: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return found if found.tzinfo else None


def _parsed(text: str | None) -> dict[str, Any]:
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
