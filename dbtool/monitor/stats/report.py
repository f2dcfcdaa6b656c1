"""One report on a database, from one consistent state of it, without disturbing anybody.

Whatever cannot be had is `Unavailable` with the reason; only a file that is not there, or is no
database at all, is an error. The read transaction lasts no longer than the look at the pages; the
repository is asked afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import apsw

from dbtool.core.clock import Clock, SystemClock
from dbtool.core.connection import classify, require_database
from dbtool.core.progress import Progress, Silent
from dbtool.core.stoppable import stoppable
from dbtool.errors import DbtoolError, NotFound, UsageError
from dbtool.monitor.stats.model import (
    SECTIONS,
    GrowthPoint,
    StatsReport,
    TableGrowth,
    TablesStats,
    Unavailable,
)
from dbtool.monitor.stats.objects import indexes_stats, tables_stats
from dbtool.monitor.stats.storage import file_stats, storage_stats
from dbtool.monitor.stats.writes import frames_of, write_stats
from dbtool.monitor.walframes import FramesSeen
from dbtool.pages.reader import PageReader
from dbtool.pages.schematable import SchemaRow, read_schema
from dbtool.pages.source import PageInvalid
from dbtool.pages.space import SpaceEstimate, estimate_space

if TYPE_CHECKING:
    from dbtool.backup.repository import Repository

__all__ = ["StatsOptions", "StatsProviders", "stats_report"]

_OF_PAGES = ("tables", "indexes")
_NO_TRACE = Unavailable(
    "the statements of other processes cannot be seen from outside",
    "dbtool help trace      lets an application write them down\n"
    "dbtool stats --section workload --trace FILE DB      then adds them up",
)


@dataclass(frozen=True, slots=True)
class StatsOptions:
    """What is wanted, and how long it may take."""

    sections: tuple[str, ...] = SECTIONS
    """Names out of `SECTIONS`."""
    deadline_s: float | None = None
    """Seconds after which sections that are not done are left out; None: no limit."""
    busy_timeout_s: float = 5.0
    trace: Path | None = None
    """Log of a traced application, for `workload`."""
    compare_snapshots: bool = False
    """Also compare the tables of the oldest and the newest snapshot, reading both whole."""
    max_backup_age_s: float | None = None


@dataclass(frozen=True, slots=True)
class StatsProviders:
    """Where the report asks for what is not in the database. Each may raise `DbtoolError`."""

    repository: Callable[[], Repository | None] = lambda: None
    """Opens the repository; None: there is none."""
    samples: Callable[[], Sequence[GrowthPoint]] = tuple
    """Returns the samples of the size that `monitor` stored."""
    database: str | None = None
    """Name in the repository; None: its real path."""


def stats_report(
    path: Path,
    options: StatsOptions = StatsOptions(),
    *,
    providers: StatsProviders = StatsProviders(),
    progress: Progress | None = None,
    clock: Clock | None = None,
) -> StatsReport:
    """Return the sections that are wanted of the database at `path`.

    Args:
        path: the database.
        options: see `StatsOptions`.
        providers: see `StatsProviders`.
        progress: asked again and again whether to stop.
        clock: gives the time of the report.

    Raises:
        NotFound: `database-not-found`.
        UsageError: `database-is-folder`, `not-a-database`, `database-name-unsupported`.
    """
    return _Report(path, options, providers, progress or Silent(), clock or SystemClock()).made()


class _Report:
    def __init__(
        self,
        path: Path,
        options: StatsOptions,
        providers: StatsProviders,
        progress: Progress,
        clock: Clock,
    ) -> None:
        self.path = path
        self.options = options
        self.providers = providers
        self.progress = progress
        self.clock = clock
        self.began_s = clock.monotonic()
        self.sections: dict[str, object] = {}
        self.problem: DbtoolError | None = None
        self.late = False
        self._opened: tuple[Repository | None] | DbtoolError | None = None

    def made(self) -> StatsReport:
        """Make the report."""
        try:
            require_database(self.path)
        except (NotFound, UsageError):
            raise
        except DbtoolError as error:
            self.problem = error
        file = file_stats(self.path)
        self._look_at_database()
        for name, make in {
            "growth": lambda: self._growth(file.disk_free_bytes),
            "workload": self._workload,
            "backups": self._backups,
        }.items():
            if name in self.options.sections:
                self.sections[name] = self._tried(make)
        ordered: dict[str, object] = {
            name: self.sections[name] for name in SECTIONS if name in self.sections
        }
        took_s = self.clock.monotonic() - self.began_s
        return StatsReport(file, self.clock.now(), ordered, took_s, self.problem, self.late)

    def _expired(self) -> bool:
        limit_s = self.options.deadline_s
        return limit_s is not None and self.clock.monotonic() - self.began_s > limit_s

    def _left_out(self) -> Unavailable:
        self.late = True
        return Unavailable(
            f"it was not done within {self.options.deadline_s:g} s", "give it longer with --timeout"
        )

    def _tried(self, make: Callable[[], object]) -> object:
        """Return what `make` returns, or why it cannot be had."""
        if self._expired():
            return self._left_out()
        try:
            return make()
        except apsw.InterruptError:
            return self._left_out()
        except apsw.Error as error:
            return _unavailable(classify(self.path.resolve(), error))
        except DbtoolError as error:
            return _unavailable(error)

    # -- the database

    def _look_at_database(self) -> None:
        wanted = [
            name for name in ("storage", *_OF_PAGES, "writes") if name in self.options.sections
        ]
        if not wanted:
            return
        if self.problem is None:
            try:
                reader = PageReader.open(
                    self.path, busy_timeout_s=self.options.busy_timeout_s, progress=self.progress
                )
            except DbtoolError as error:
                self.problem = error
            else:
                with reader:
                    self._read(reader, wanted)
                return
        assert self.problem is not None
        self.sections.update(dict.fromkeys(wanted, _unavailable(self.problem)))

    def _read(self, reader: PageReader, wanted: Sequence[str]) -> None:
        frames = self._tried(lambda: frames_of(reader)) if "writes" in wanted else None
        asked = tuple(frames.pages) if isinstance(frames, FramesSeen) else ()
        space = self._tried(lambda: self._space(reader, asked))
        schema = _schema(reader)
        known = space if isinstance(space, SpaceEstimate) else None
        if "storage" in wanted:
            self.sections["storage"] = self._tried(lambda: storage_stats(reader, known))
        if "writes" in wanted:
            if not isinstance(frames, FramesSeen):
                self.sections["writes"] = frames
            elif known is None:
                self.sections["writes"] = space
            else:
                found = write_stats(frames, known.owner_of, schema, reader.page_size)
                self.sections["writes"] = found
        if any(name in wanted for name in _OF_PAGES):
            self._objects(reader, schema, space, wanted)

    def _objects(
        self,
        reader: PageReader,
        schema: Sequence[SchemaRow],
        space: object,
        wanted: Sequence[str],
    ) -> None:
        if not isinstance(space, SpaceEstimate):
            self.sections.update((name, space) for name in _OF_PAGES if name in wanted)
            return
        with self._stoppable(reader):
            tables = self._tried(lambda: tables_stats(reader.connection, schema, space))
            if "tables" in wanted:
                self.sections["tables"] = tables
            if "indexes" not in wanted:
                return
            if isinstance(tables, TablesStats):
                self.sections["indexes"] = self._tried(
                    lambda: indexes_stats(reader.connection, schema, space, tables)
                )
            else:
                self.sections["indexes"] = tables

    def _space(self, reader: PageReader, asked: Sequence[int]) -> SpaceEstimate:
        if reader.connection is None:
            return SpaceEstimate(0, 0, 0, 0, ())
        with self._stoppable(reader):
            return estimate_space(reader.connection, asked=asked)

    def _stoppable(self, reader: PageReader) -> AbstractContextManager[None]:
        if reader.connection is None:
            return nullcontext()
        return stoppable(reader.connection, self.progress, self._expired)

    # -- what is elsewhere

    def _growth(self, free_bytes: int) -> object:
        from dbtool.monitor.stats.growth import growth_stats, tables_over_time

        points = list(self.providers.samples())
        tables: tuple[TableGrowth, ...] = ()
        between = None
        try:
            repository = self.repository()
        except DbtoolError:
            if not points:
                raise
            repository = None  # the section of backups says why
        if repository is not None:
            from dbtool.monitor.stats.backups import ends, growth_of_snapshots

            points += growth_of_snapshots(repository, self._name())
            pair = ends(repository, self._name()) if self.options.compare_snapshots else None
            if pair is not None:
                tables = tables_over_time(*pair, self.progress, self._expired)
                between = pair[0].time, pair[1].time
        return growth_stats(
            points, now=self.clock.now(), free_bytes=free_bytes, tables=tables, between=between
        )

    def _workload(self) -> object:
        if self.options.trace is None:
            return _NO_TRACE
        from dbtool.trace.log import read_log

        found = read_log(self.options.trace)
        own = [name for name in found.databases if self._is_named(name)]
        if found.databases and not own:
            shown = ", ".join(found.databases[:3])
            return Unavailable(f"{self.options.trace} is about other databases: {shown}")
        if len(found.databases) == len(own) or len(own) > 1:
            return found
        return read_log(self.options.trace, database=own[0])

    def _is_named(self, name: str) -> bool:
        """Say whether an application means this database; it may see it in another folder."""
        return Path(name).name in (self.path.name, self.path.resolve().name)

    def _backups(self) -> object:
        repository = self.repository()
        if repository is None:
            return Unavailable("there is no repository of it", "dbtool backup DB")
        from dbtool.monitor.stats.backups import backup_stats

        return backup_stats(repository, self._name(), max_age_s=self.options.max_backup_age_s)

    def repository(self) -> Repository | None:
        """Return the repository; it is opened once, and fails once."""
        if isinstance(self._opened, DbtoolError):
            raise self._opened
        if self._opened is None:
            try:
                self._opened = (self.providers.repository(),)
            except DbtoolError as error:
                self._opened = error
                raise
        return self._opened[0]

    def _name(self) -> str:
        return self.providers.database or str(self.path.resolve())


def _schema(reader: PageReader) -> Sequence[SchemaRow]:
    if not reader.page_count:
        return ()
    try:
        return read_schema(reader, lambda _: None)
    except (PageInvalid, DbtoolError):
        return ()


def _unavailable(error: DbtoolError) -> Unavailable:
    reason = f"{error.message} ({error.context})" if error.context else error.message
    return Unavailable(reason, error.hint)
