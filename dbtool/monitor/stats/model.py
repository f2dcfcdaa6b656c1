"""The plain values of a report on a database. Nothing here does anything.

A section that cannot be seen from outside is an `Unavailable` with the reason and the way to get
it, never a guess, and never a figure of our own connection. Sizes are bytes, times aware UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

from dbtool.errors import DbtoolError

__all__ = [
    "SECTIONS",
    "BackupStats",
    "FileStats",
    "Forecast",
    "GrowthPoint",
    "GrowthStats",
    "IndexStats",
    "IndexesStats",
    "ObjectProblem",
    "StatsReport",
    "StorageStats",
    "TableGrowth",
    "TableStats",
    "TablesStats",
    "Unavailable",
    "WriteStats",
    "WrittenObject",
]

SECTIONS: Final = ("storage", "tables", "indexes", "growth", "workload", "writes", "backups")

Basis = Literal["samples", "snapshots"]
"""Where a point of the growth comes from: our own samples, or snapshots in the repository."""


@dataclass(frozen=True, slots=True)
class Unavailable:
    """Something that cannot be told."""

    reason: str
    how: str = ""
    """What would get it, a command where there is one; may be empty."""


@dataclass(frozen=True, slots=True)
class FileStats:
    """What the file system says, of a file that cannot be opened as well."""

    path: Path
    file_bytes: int
    wal_bytes: int | None
    """Size of the WAL file; None: there is none."""
    modified: datetime
    """When a file of the database was last written."""
    disk_free_bytes: int
    """For processes that are not root."""
    disk_bytes: int


@dataclass(frozen=True, slots=True)
class StorageStats:
    """The pages, and the settings that stay in the file."""

    wal_pending_bytes: int | None
    """What of the WAL no checkpoint has moved yet; None: it cannot be told, or there is no WAL."""
    page_size: int
    page_count: int
    freelist_pages: int
    packed_bytes: int | None
    """Size after VACUUM, estimated; None: the pages could not be looked at."""
    encoding: str
    journal_mode: str
    """wal or delete, which stands for every kind of rollback journal."""
    auto_vacuum: str
    schema_version: int
    user_version: int
    application_id: int
    written_by: str
    """Version of the SQLite library that wrote last; empty: the header does not say."""

    @property
    def size_bytes(self) -> int:
        """Size of the database, its WAL applied."""
        return self.page_size * self.page_count

    @property
    def freelist_bytes(self) -> int:
        """Whole pages that are free, and used again before the file grows."""
        return self.page_size * self.freelist_pages

    @property
    def reclaimable_bytes(self) -> int | None:
        """What VACUUM would give back, estimated; None: not known."""
        return None if self.packed_bytes is None else max(0, self.size_bytes - self.packed_bytes)


@dataclass(frozen=True, slots=True)
class TableStats:
    """One table."""

    name: str
    kind: str
    """table, without rowid, virtual, shadow (of a virtual table) or system."""
    rows: int | None
    """None: only the module of a virtual table knows."""
    pages: int
    """Of a virtual table, those of its shadow tables, which are listed too."""
    size_bytes: int
    payload_bytes: int
    unused_bytes: int
    overflow_pages: int
    largest_row_bytes: int
    reclaimable_bytes: int
    index_count: int
    index_bytes: int
    """Of its indexes together, not within `size_bytes`."""
    owner: str = ""
    """The virtual table that a shadow table belongs to."""
    module: str = ""
    """What a virtual table is made by."""

    @property
    def fill(self) -> float:
        """Share of the bytes of its pages that are used, 0 to 1; 1 where it has none."""
        return 1 - self.unused_bytes / self.size_bytes if self.size_bytes else 1.0

    @property
    def overflow(self) -> float:
        """Share of its pages that hold the rest of long rows, 0 to 1."""
        return self.overflow_pages / self.pages if self.pages else 0.0


@dataclass(frozen=True, slots=True)
class ObjectProblem:
    """A view, virtual table or tree that does not work here."""

    name: str
    kind: str
    problem: str


@dataclass(frozen=True, slots=True)
class TablesStats:
    """All tables, the largest with its indexes first."""

    tables: tuple[TableStats, ...]
    views: int
    triggers: int
    problems: tuple[ObjectProblem, ...] = ()


@dataclass(frozen=True, slots=True)
class IndexStats:
    """One index."""

    name: str
    table: str
    terms: str
    """Its columns and expressions, for people; empty where SQLite cannot load the table."""
    unique: bool
    partial: bool
    made_by: str
    """c: CREATE INDEX; u: UNIQUE; pk: PRIMARY KEY; empty: unknown."""
    entries: int
    pages: int
    size_bytes: int
    unused_bytes: int
    covered_by: str = ""
    """The index that makes it superfluous ("rowid": the table itself); empty: none does."""
    duplicate: bool = False
    """Whether that one has the very same terms."""
    named_in: tuple[str, ...] = ()
    """Views and triggers that insist on it by INDEXED BY."""

    @property
    def fill(self) -> float:
        """Share of the bytes of its pages that are used, 0 to 1."""
        return 1 - self.unused_bytes / self.size_bytes if self.size_bytes else 1.0


@dataclass(frozen=True, slots=True)
class IndexesStats:
    """All indexes, the largest first."""

    indexes: tuple[IndexStats, ...]
    analyzed: bool
    """Whether ANALYZE ever left statistics for the query planner."""
    stale: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Table -> (rows as the statistics say, rows now), where they differ tenfold."""

    @property
    def redundant(self) -> tuple[IndexStats, ...]:
        """Those that another one makes superfluous."""
        return tuple(index for index in self.indexes if index.covered_by)


@dataclass(frozen=True, slots=True)
class GrowthPoint:
    """The size of the database at one moment."""

    at: datetime
    size_bytes: int
    basis: Basis


@dataclass(frozen=True, slots=True)
class Forecast:
    """Where the size goes, if it goes on like that."""

    per_day_bytes: float | None
    """Median of the daily differences; None: unknown, `reason` says why."""
    low_bytes: float | None
    """Per day, over quiet weeks: the 15th percentile of the means of 7 days."""
    high_bytes: float | None
    """Per day, over busy weeks: the 85th."""
    days_until_full: float | None
    """Until the disk is full, at the median; None: unknown, or it does not grow."""
    days_at_worst: float | None
    """The same over busy weeks."""
    days_seen: float
    """Days from the first to the last point that it is based on."""
    reason: str = ""
    """Why it is unknown; empty: it is known."""


@dataclass(frozen=True, slots=True)
class TableGrowth:
    """One table in the oldest and in the newest of the snapshots that were looked into."""

    name: str
    rows_then: int | None
    """None: there was no such table."""
    rows_now: int | None
    bytes_then: int
    bytes_now: int


@dataclass(frozen=True, slots=True)
class GrowthStats:
    """The size of the database over time."""

    points: tuple[GrowthPoint, ...]
    """Oldest first."""
    forecast: Forecast
    tables: tuple[TableGrowth, ...] = ()
    """Only where snapshots were looked into; what grew most first."""
    tables_since: datetime | None = None
    """Time of the oldest of those."""
    tables_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class WrittenObject:
    """A table or index in the WAL."""

    name: str
    """Empty: pages of no object, such as those of the freelist."""
    kind: str
    """table, index, schema or none."""
    table: str
    frames: int
    """Pages written, each time counted."""
    pages: int
    """Different pages."""


@dataclass(frozen=True, slots=True)
class WriteStats:
    """What was written since the WAL began anew, as its frames tell."""

    frames: int
    transactions: int
    pages: int
    """Different pages."""
    page_size: int
    objects: tuple[WrittenObject, ...]
    """Those written most first."""


@dataclass(frozen=True, slots=True)
class BackupStats:
    """The snapshots of the database in its repository."""

    location: str
    encrypted: bool
    count: int
    newest: datetime
    newest_id: str
    seen: datetime
    """When the database was last known to look like the newest one."""
    oldest: datetime
    newest_added_bytes: int
    added_bytes: int
    """What its snapshots added to the repository when they were taken."""
    size_bytes: int
    """What they would take as plain copies."""
    repository_bytes: int
    """What the whole repository takes, snapshots of other databases included."""
    databases: int
    """How many databases have snapshots there."""
    verified: datetime | None
    """When the newest proof of stored data was made; None: never."""
    max_age_s: float | None
    """Age from which the newest is too old; None: no limit is configured."""
    damaged: tuple[str, ...] = ()
    """Snapshots that cannot be read."""
    followed: bool = False
    """Whether `follow` keeps it up to date just now."""

    @property
    def ratio(self) -> float | None:
        """How many times smaller than plain copies; None: nothing is stored."""
        return self.size_bytes / self.added_bytes if self.added_bytes else None


@dataclass(frozen=True, slots=True)
class StatsReport:
    """All that was asked for; a section that was not is missing."""

    file: FileStats
    taken: datetime
    sections: Mapping[str, object]
    """Name -> the figures of that name, or `Unavailable`; in the order of `SECTIONS`."""
    duration_s: float = 0.0
    problem: DbtoolError | None = None
    """Why the database could not be opened; None: it could."""
    late: bool = False
    """Whether parts were left out because their time was over."""

    @property
    def complete(self) -> bool:
        """Whether all that can be had is there."""
        return self.problem is None and not self.late
