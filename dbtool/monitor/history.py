"""Samples of a database over time: one a minute for 7 days, one an hour for 90, one a day for ever.

A small SQLite file of our own, in the user's state folder or beside the database, never in it:

    series(id, metric, label)          what is measured; the label is a table's name, or ""
    minute|hour|day(series, at, value) at: start of the interval, in minutes, hours, days since 2020
    state(key, value)                  what the next run goes on from

Samples of one interval become one value, as the metric says: the last one (a size), the greatest
(an age) or their sum (commits). One row takes 17 bytes. One process at a time records a
database, as sums would count twice; everybody may read meanwhile. A file that is damaged is put
aside, never repaired: samples are worth less than an alarm in time.

Pruning removes the oldest two hours of what is too old at a time. So a clock that is wrong for a
while costs a few samples and no history.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, NamedTuple, Self

import apsw

from dbtool.core.atomicfile import failures_named
from dbtool.core.connection import classified
from dbtool.errors import DbtoolError
from dbtool.monitor.historyfile import history_exists, open_or_begin, reading, take_lock

__all__ = [
    "Point",
    "Recorder",
    "Resolution",
    "Rollup",
    "Sample",
    "SeriesName",
    "history_beside",
    "history_file",
    "read_series",
    "read_state",
    "series_names",
]

Rollup = Literal["last", "greatest", "sum"]
Resolution = Literal["minute", "hour", "day"]

_EPOCH_S: Final = 1_577_836_800
"""2020-01-01T00:00Z. Minutes since then take three bytes until 2035."""
_SECONDS: Final[dict[Resolution, int]] = {"minute": 60, "hour": 3600, "day": 86400}
_KEPT: Final[dict[Resolution, timedelta]] = {
    "minute": timedelta(days=7),
    "hour": timedelta(days=90),
}
_PRUNED_AT_ONCE_S: Final = 7200
_LATEST: Final = datetime(9000, 1, 1, tzinfo=UTC)

_MERGES: Final[dict[Rollup, str]] = {
    "last": "excluded.value",
    "greatest": "max(value, excluded.value)",
    "sum": "value + excluded.value",
}


class Sample(NamedTuple):
    """One measured value."""

    metric: str
    value: float
    rollup: Rollup = "last"
    label: str = ""
    """Of which table; empty: of the whole database."""


class SeriesName(NamedTuple):
    """What is measured."""

    metric: str
    label: str


class Point(NamedTuple):
    """One value of a series."""

    at: datetime
    """Start of its interval, UTC."""
    value: float
    interval_s: int
    """60, 3600 or 86400."""


def history_file(folder: Path, database: Path) -> Path:
    """Return where in the user's state `folder` the samples of a database lie."""
    digest = hashlib.sha256(os.fsencode(database.resolve())).hexdigest()[:16]
    return folder / "history" / f"{digest}.db"


def history_beside(database: Path) -> Path:
    """Return where they lie when they are to stay with the database."""
    real = database.resolve()
    return real.with_name(f"{real.name}.history.db")


def read_series(
    path: Path,
    metric: str,
    *,
    since: datetime,
    until: datetime | None = None,
    label: str = "",
    resolution: Resolution | None = None,
) -> tuple[Point, ...]:
    """Return the values of a series, oldest first; none where there is no history.

    Args:
        path: of the history.
        metric: its name.
        since: intervals that ended before are left out.
        until: intervals that began at or after it are left out; None: none.
        label: of a table; empty: of the whole database.
        resolution: of all values; None: the finest that is left of each time.

    Raises:
        DbtoolError: the history is there and cannot be read.
    """
    if not history_exists(path):
        return ()
    end = until or _LATEST
    with classified(path), reading(path) as connection:
        names: tuple[Resolution, ...] = ("minute", "hour", "day")
        points: list[Point] = []
        for name in names if resolution is None else (resolution,):
            found = _points(connection, name, SeriesName(metric, label), since, end)
            if points:
                found = [p for p in found if p.at + timedelta(seconds=p.interval_s) <= end]
            points = [*found, *points]
            if found and resolution is None:
                # Coarser intervals hold the same samples again: only those that ended before.
                end = found[0].at
    return tuple(points)


def series_names(path: Path) -> tuple[SeriesName, ...]:
    """Return what was ever measured; nothing where there is no history.

    Raises:
        DbtoolError: the history is there and cannot be read.
    """
    if not history_exists(path):
        return ()
    with classified(path), reading(path) as connection:
        rows = connection.execute("SELECT metric, label FROM series ORDER BY metric, label")
        return tuple(SeriesName(str(metric), str(label)) for metric, label in rows)


def read_state(path: Path, key: str) -> str | None:
    """Return what a recorder noted under a key; None where there is nothing.

    Raises:
        DbtoolError: the history is there and cannot be read.
    """
    if not history_exists(path):
        return None
    with classified(path), reading(path) as connection:
        found = connection.execute("SELECT value FROM state WHERE key = ?", (key,)).get
    return None if found is None else str(found)


class Recorder:
    """Writes samples; a context manager. `open` makes one."""

    def __init__(self, path: Path, connection: apsw.Connection, lock: int) -> None:
        self.path = path
        self._connection = connection
        self._lock = lock
        self._ids: dict[SeriesName, int] = {}

    @classmethod
    def open(cls, path: Path, *, aside: list[Path] | None = None) -> Recorder | None:
        """Return the recorder of a history; None where another process records it.

        Args:
            path: of the history; created with its folder.
            aside: gets the new path of a damaged history that was put aside.

        Raises:
            StorageFailed: it cannot be written.
            DbtoolError: `history-unknown`, it is of a newer dbtool, or no history.
        """
        with failures_named("write", path):
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = take_lock(path)
        if lock is None:
            return None
        try:
            return cls(path, open_or_begin(path, [] if aside is None else aside), lock)
        except BaseException:
            os.close(lock)
            raise

    def write(self, samples: Iterable[Sample], at: datetime) -> None:
        """Add samples that were taken at one time, in one transaction.

        Raises:
            DbtoolError: they cannot be written.
        """
        self.write_all([(at, samples)], {})

    def write_all(
        self, taken: Iterable[tuple[datetime, Iterable[Sample]]], state: Mapping[str, str]
    ) -> None:
        """Add samples of several times and note the state after them, in one transaction.

        Raises:
            DbtoolError: they cannot be written.
        """
        try:
            with classified(self.path), self._connection:
                for at, samples in taken:
                    for sample in samples:
                        self._add(sample, _seconds(at))
                for item in state.items():
                    self._connection.execute("INSERT OR REPLACE INTO state VALUES(?, ?)", item)
        except DbtoolError:
            self._ids.clear()  # of rows that were rolled back
            raise

    def _add(self, sample: Sample, moment_s: int) -> None:
        series = self._series(SeriesName(sample.metric, sample.label))
        value = int(sample.value) if float(sample.value).is_integer() else sample.value
        for name, seconds in _SECONDS.items():
            self._connection.execute(
                f"INSERT INTO {name} VALUES(?, ?, ?) ON CONFLICT DO UPDATE "
                f"SET value = {_MERGES[sample.rollup]}",
                (series, moment_s // seconds, value),
            )

    def prune(self, now: datetime) -> int:
        """Remove the oldest of what is older than is kept; return how many rows went.

        Raises:
            DbtoolError: they cannot be removed.
        """
        removed = 0
        with classified(self.path), self._connection:
            for name, kept in _KEPT.items():
                limit = _seconds(now - kept) // _SECONDS[name]
                oldest = self._connection.execute(f"SELECT min(at) FROM {name}").get  # noqa: S608
                if oldest is None:
                    continue
                step = max(1, _PRUNED_AT_ONCE_S // _SECONDS[name])
                self._connection.execute(
                    f"DELETE FROM {name} WHERE at < ?",  # noqa: S608 - a name of ours
                    (min(limit, int(oldest) + step),),
                )
                removed += self._connection.changes()
        return removed

    def state(self, key: str) -> str | None:
        """Return what an earlier run noted under a key.

        Raises:
            DbtoolError: it cannot be read.
        """
        with classified(self.path):
            found = self._connection.execute("SELECT value FROM state WHERE key = ?", (key,)).get
        return None if found is None else str(found)

    def close(self) -> None:
        """Close the file and let others record."""
        self._connection.close()
        os.close(self._lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _series(self, name: SeriesName) -> int:
        known = self._ids.get(name)
        if known is None:
            self._connection.execute(
                "INSERT OR IGNORE INTO series(metric, label) VALUES(?, ?)", name
            )
            known = int(
                self._connection.execute(
                    "SELECT id FROM series WHERE metric = ? AND label = ?", name
                ).get
            )
            self._ids[name] = known
        return known


def _points(
    connection: apsw.Connection,
    resolution: Resolution,
    name: SeriesName,
    since: datetime,
    until: datetime,
) -> list[Point]:
    seconds = _SECONDS[resolution]
    rows: Sequence[tuple[Any, ...]] = connection.execute(
        f"SELECT at, value FROM {resolution} JOIN series ON id = series "  # noqa: S608
        "WHERE metric = ? AND label = ? AND at >= ? AND at < ? ORDER BY at",
        (*name, _seconds(since) // seconds, -(-_seconds(until) // seconds)),
    ).fetchall()
    return [
        Point(datetime.fromtimestamp(at * seconds + _EPOCH_S, UTC), value, seconds)
        for at, value in rows
    ]


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp()) - _EPOCH_S
