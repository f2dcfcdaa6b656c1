"""The cheap looks of the dashboard: the monitor's observer, its alerts, its history.

Samples go to the same history as those of `dbtool monitor`, once a minute and only for the moment
in which they are written, so that a monitor which runs beside is never kept from storing its own.
Alerts are judged in memory: who is told of them by hooks is the monitor's business, and what it
remembers of them is left alone.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dbtool.errors import DbtoolError
from dbtool.tui.model import Live, LiveAlert, LockHolder

if TYPE_CHECKING:
    from dbtool.core.clock import Clock
    from dbtool.monitor.alertbook import Alert, AlertBook
    from dbtool.monitor.alerts import AlertLimits
    from dbtool.monitor.daily import Daily
    from dbtool.monitor.history import Sample
    from dbtool.monitor.observer import Look, Observer
    from dbtool.tui.model import DatabaseRef

__all__ = ["Looks", "Watched", "live_of"]

logger = logging.getLogger(__name__)

_SAVE_EVERY_S: Final = 60.0
_PAST: Final = timedelta(hours=2)


@dataclass
class Watched:
    """One database that is looked at."""

    history: Path
    """File of its samples."""
    limits: AlertLimits
    observer: Observer
    book: AlertBook
    daily: Daily | None = None
    """What the monitor found at its last daily look; None: it never looked."""
    waiting: list[tuple[datetime, list[Sample]]] = field(default_factory=list)
    """Samples that are not stored yet."""
    looked_s: float | None = None
    saved_s: float = 0.0


class Looks:
    """Looks at databases; one object for one dashboard, each database from one thread at a time.

    Args:
        watch: gives history file and limits of a database.
        clock: of times and durations.
    """

    def __init__(
        self, watch: Callable[[DatabaseRef], tuple[Path, AlertLimits]], clock: Clock
    ) -> None:
        self._watch = watch
        self._clock = clock
        self._watched: dict[str, Watched] = {}

    def look(self, database: DatabaseRef) -> Live:
        """Look once; what cannot be looked at is told, nothing is raised."""
        now, now_s = self._clock.now(), self._clock.monotonic()
        try:
            watched = self._watched.get(database.path) or self._begin(database)
            look = watched.observer.look()
        except DbtoolError as error:
            return Live(now.timestamp(), problem=error.message)
        alerts = self._judge(watched, look, now, now_s)
        self._remember(watched, look, now_s)
        return replace(live_of(look, alerts), identity=_identity(database.path))

    def past(self, database: DatabaseRef) -> list[Live]:
        """Return what the history holds of the last two hours, a look a minute."""
        from dbtool.monitor.history import read_series

        since = self._clock.now() - _PAST
        values: dict[datetime, dict[str, float]] = {}
        with suppress(DbtoolError):
            place = self._watch(database)[0]
            for metric in ("database_bytes", "wal_bytes", "commits"):
                for point in read_series(place, metric, since=since, resolution="minute"):
                    values.setdefault(point.at, {})[metric] = point.value
        return [_past(at, found) for at, found in sorted(values.items())]

    def close(self) -> None:
        """Store what is not stored yet, and end the helpers."""
        for watched in self._watched.values():
            _save(watched)
            watched.observer.close()

    def _begin(self, database: DatabaseRef) -> Watched:
        from dbtool.monitor.alertbook import AlertBook
        from dbtool.monitor.observer import Observer

        history, limits = self._watch(database)
        kept = _kept(history)
        observer = Observer(
            Path(database.path), clock=self._clock, resume=kept.get("observer"), timeout_s=2.0
        )
        watched = Watched(history, limits, observer, AlertBook(), _daily(kept))
        self._watched[database.path] = watched
        return watched

    def _judge(
        self, watched: Watched, look: Look, now: datetime, now_s: float
    ) -> tuple[Alert, ...]:
        from dbtool.monitor.alerts import judge

        elapsed_s = 0.0 if watched.looked_s is None else now_s - watched.looked_s
        watched.looked_s = now_s
        judged = judge(look, watched.daily, watched.limits)
        alerts = watched.book.update(judged, elapsed_s=elapsed_s, now=now)
        return tuple(alert for alert in alerts if alert.state == "firing")

    @staticmethod
    def _remember(watched: Watched, look: Look, now_s: float) -> None:
        from dbtool.monitor.metrics import samples_of

        watched.waiting.append((look.at, samples_of(look)))
        if now_s - watched.saved_s >= _SAVE_EVERY_S:
            watched.saved_s = now_s
            _save(watched)


def _identity(path: str) -> str:
    """Return what tells a file from another one under the same name; empty: it cannot be told."""
    try:
        status = Path(path).stat()
    except OSError:
        return ""
    return f"{status.st_dev}:{status.st_ino}"


def live_of(look: Look, alerts: tuple[Alert, ...] = ()) -> Live:
    """Return a look as the dashboard shows it."""
    problem = "" if look.journal_mode else "it is encrypted or no database: its header is not sound"
    return Live(
        look.at.timestamp(),
        size_bytes=look.database_bytes,
        wal_bytes=look.wal_bytes or 0,
        disk_free_bytes=look.disk_free_bytes,
        journal_mode=look.journal_mode or "",
        commits=look.commits,
        frames=look.wal_frames,
        backfilled=look.checkpointed_frames,
        holders=_holders(look),
        unseen=dict(look.unknown) if look.journal_mode == "wal" else {},
        problem=problem,
        alerts=tuple(
            LiveAlert(alert.code, alert.severity, alert.evidence, alert.command) for alert in alerts
        ),
    )


def _holders(look: Look) -> tuple[LockHolder, ...]:
    since_s = None if look.writer_since is None else look.writer_since.timestamp()
    writing = [LockHolder(h.pid, h.command, "write", None, since_s) for h in look.writers or ()]
    copying = [LockHolder(h.pid, h.command, "checkpoint") for h in look.checkpointers or ()]
    pinning = set(look.pinning)
    reading = [
        LockHolder(
            reader.holder.pid,
            reader.holder.command,
            "read",
            reader.frame,
            reader.since.timestamp(),
            blocks_checkpoint=reader in pinning,
        )
        for reader in look.readers or ()
    ]
    busy = {holder.pid for holder in chain(writing, copying, reading)}
    idle = [LockHolder(h.pid, h.command, "open") for h in look.users or () if h.pid not in busy]
    return (*writing, *copying, *reading, *idle)


def _past(at: datetime, found: Mapping[str, float]) -> Live:
    size, wal, commits = (found.get(n) for n in ("database_bytes", "wal_bytes", "commits"))
    return Live(
        at.replace(tzinfo=UTC).timestamp(),
        size_bytes=None if size is None else int(size),
        wal_bytes=None if wal is None else int(wal),
        commits=None if commits is None else int(commits),
    )


def _kept(history: Path) -> dict[str, Any]:
    """Return what the monitor left behind for the next one that looks."""
    from dbtool.monitor.history import read_state

    with suppress(DbtoolError, ValueError):
        found = json.loads(read_state(history, "sampler") or "{}")
        return found if isinstance(found, dict) else {}
    return {}


def _daily(kept: Mapping[str, Any]) -> Daily | None:
    from dbtool.monitor.daily import from_json

    return from_json(kept.get("daily"))


def _save(watched: Watched) -> None:
    """Store the samples, and from where on commits are counted; if somebody records, he does."""
    from dbtool.monitor.history import Recorder

    taken, watched.waiting = watched.waiting, []
    try:
        recorder = Recorder.open(watched.history)
        if recorder is None:
            return
        with recorder:
            kept = _kept(watched.history) | {"observer": watched.observer.state}
            state = {"sampler": json.dumps(kept, default=datetime.isoformat)}
            recorder.write_all(taken, state)
    except DbtoolError as error:
        # A full disk, say; what is seen is shown all the same.
        logger.warning("%s", error.message)
