"""The plain values that go into a repository and come out: options, snapshots, results, findings.

Nothing here does anything. Times are aware UTC datetimes, sizes are bytes, durations are seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NewType

from dbtool.errors import UsageError

if TYPE_CHECKING:
    from dbtool.backup.mount import SnapshotConnection

__all__ = [
    "SAFETY_TAG",
    "BackupOptions",
    "BackupResult",
    "Connector",
    "Finding",
    "Replaced",
    "RepositoryReport",
    "RestoreMode",
    "RestoreOptions",
    "RestorePlan",
    "RestoreResult",
    "Snapshot",
    "SnapshotId",
]

SnapshotId = NewType("SnapshotId", str)
"""32 lowercase hexadecimal digits; tables show the first eight."""

SAFETY_TAG = "safety"
"""Marks a snapshot of what a restore was about to overwrite; `latest` and @TIME pass it over."""

RestoreMode = Literal["new", "delta", "live"]
"""new: write a new file; delta: rewrite what differs in place; live: through SQLite."""

Connector = Callable[["Snapshot"], "SnapshotConnection"]
"""Opens a snapshot as a database."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a list of snapshots shows of one of them."""

    id: SnapshotId
    time: datetime
    """When the read transaction began: the state is that of this moment."""
    database: str
    """Absolute path of the source at the time, or the name given with `--name`."""
    host: str
    sequence: int
    """1 for the first snapshot of this database in this repository, then counted up."""
    parent: SnapshotId | None
    page_size: int
    """Bytes; 0 for an empty file."""
    page_count: int
    pages_changed: int
    """Pages stored anew by this snapshot."""
    bytes_added: int
    """What this snapshot added to the repository."""
    duration_s: float
    tags: tuple[str, ...] = ()
    note: str = ""
    seen: datetime | None = None
    """When the database was last seen unchanged since this snapshot; None: never again."""
    verified: datetime | None = None
    """When all its data was last read and proven; None: never."""
    connector: Connector | None = field(default=None, compare=False, repr=False)
    """How its repository opens it; None: it is not from a repository."""

    def connect(self) -> SnapshotConnection:
        """Return a read-only SQLite connection to the snapshot; see `Repository.connect`.

        Raises:
            UsageError: `snapshot-detached`, it was not obtained from a repository.
        """
        if self.connector is None:
            raise UsageError(
                "snapshot-detached",
                f"snapshot {self.id[:8]} does not know its repository",
                hint="take it from Repository.snapshots() or Repository.find()",
            )
        return self.connector(self)

    @property
    def rank(self) -> tuple[int, datetime, str]:
        """Tells which of two snapshots of one database is newer, also where a clock was wrong."""
        return self.sequence, self.time, self.id

    @property
    def size_bytes(self) -> int:
        """Size of the database file that a restore gives."""
        return self.page_size * self.page_count


@dataclass(frozen=True, slots=True)
class Replaced:
    """What a restore was about to replace when it took a safety snapshot; `undo` goes by it."""

    source: SnapshotId
    """The snapshot that came over it."""
    table: str | None = None
    """The table whose rows were replaced; None: the whole database."""
    where: str | None = None
    """Condition on the rows; None: all of the table."""
    columns: tuple[str, ...] = ()
    """Columns that were set back; empty: all."""
    mode: str = "replace"
    """How rows were restored; see `TableRestore`."""
    triggers: bool = True
    """Whether the table's triggers fired."""


@dataclass(frozen=True, slots=True)
class BackupOptions:
    """How one snapshot is taken."""

    name: str | None = None
    """Name of the database in the repository; None: its absolute path."""
    tags: tuple[str, ...] = ()
    note: str = ""
    always: bool = False
    """Take a snapshot even when nothing changed."""
    force_scan: bool = False
    """Read and hash every page even when the file looks untouched."""
    dry_run: bool = False
    """Find out what would be stored, store nothing."""
    busy_timeout_s: float = 10.0


@dataclass(frozen=True, slots=True)
class BackupResult:
    """What one backup did."""

    snapshot: Snapshot | None
    """The new one; or the one that the database is unchanged since; None after a first dry run."""
    unchanged: bool
    """True: nothing differed, and no snapshot was written (unless `always`)."""
    pages_scanned: int
    """Pages read: all of them, those that the WAL names, or none where the file was untouched."""
    pages_total: int
    pages_changed: int
    pages_moved: int
    """Changed pages whose content the repository held already (after VACUUM, from a template)."""
    size_bytes: int
    """Size of the database."""
    bytes_changed: int
    """Size of the changed pages before compression."""
    bytes_added: int
    """What the repository grew by; an estimate without map and snapshot object in a dry run."""
    duration_s: float
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class RestoreOptions:
    """How a snapshot is brought back."""

    mode: RestoreMode = "new"
    safety_snapshot: bool = True
    """Before an existing file is overwritten, take a snapshot of what it holds."""
    busy_timeout_s: float = 10.0


@dataclass(frozen=True, slots=True)
class RestorePlan:
    """What a restore would do to its target; nothing has been written."""

    snapshot: Snapshot
    target: Path
    mode: RestoreMode
    target_exists: bool
    target_size_bytes: int
    """Size of the file that is there now; 0 when there is none."""
    pages_total: int
    pages_differing: int | None
    """Pages to be written; None where only the work itself would tell (live)."""
    holders: tuple[str, ...] = ()
    """Processes that have the target open, as `pid (command)`."""


@dataclass(frozen=True, slots=True)
class RestoreResult:
    """What one restore did."""

    snapshot: Snapshot
    target: Path
    mode: RestoreMode
    pages_total: int
    pages_written: int
    size_bytes: int
    duration_s: float
    safety_snapshot: Snapshot | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong in a repository."""

    object: str
    """Key of the damaged or missing object."""
    problem: str
    """One sentence."""
    snapshots: tuple[SnapshotId, ...] = ()
    """Snapshots that cannot be restored whole because of it."""
    pages: tuple[tuple[int, int], ...] = ()
    """Affected pages of those snapshots, inclusive (first, last) ranges; empty: unknown or all."""


@dataclass(frozen=True, slots=True)
class RepositoryReport:
    """What a check of a repository found."""

    snapshots_checked: int
    objects_checked: int
    bytes_read: int
    read_data: float
    """Share of the packs whose data was read and proven, 0 to 1."""
    duration_s: float
    findings: tuple[Finding, ...] = field(default=())
    warnings: tuple[str, ...] = ()

    @property
    def damaged_snapshots(self) -> tuple[SnapshotId, ...]:
        """Every snapshot named by a finding, once."""
        return tuple(
            dict.fromkeys(snapshot for finding in self.findings for snapshot in finding.snapshots)
        )
