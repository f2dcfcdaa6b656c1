"""What healing a repository is asked for, knows on the way, and reports."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from dbtool.backup.check import Check
from dbtool.backup.losses import lost_entries
from dbtool.backup.lostpages import LostPages
from dbtool.backup.model import Finding, Snapshot, SnapshotId
from dbtool.backup.newplaces import NewPlaces
from dbtool.backup.pagemap import SegmentEntries
from dbtool.backup.tree import SnapshotTree
from dbtool.core.progress import Progress

if TYPE_CHECKING:
    from dbtool.backup.repository import Repository

__all__ = ["HealOptions", "HealReport", "Healing", "SnapshotLoss"]


@dataclass(frozen=True, slots=True)
class HealOptions:
    """Where lost pages are looked for."""

    database: Path | None = None
    """The database as it is now; None: there is none."""
    other: Repository | None = None
    """A repository with copies of the snapshots."""


@dataclass(frozen=True, slots=True)
class SnapshotLoss:
    """What one snapshot lost."""

    id: SnapshotId
    snapshot: Snapshot | None
    """None: its object does not open."""
    pages_lost: int
    pages_found: int
    """Those of them that can be, or were, brought back."""
    problem: str = ""
    """Why it is set aside: it is missing, or its map cannot be read; empty: it stays."""
    restored: bool = False
    """It comes back, or came back, from the other repository."""

    @property
    def whole(self) -> bool:
        """Whether it can be restored whole afterwards."""
        return self.restored if self.problem else self.pages_found == self.pages_lost


@dataclass(frozen=True, slots=True)
class HealReport:
    """What healing would do, or did."""

    losses: tuple[SnapshotLoss, ...]
    """One for each snapshot that cannot be restored whole."""
    hints: tuple[str, ...]
    """Heads, marks and moves that are made anew: no snapshot needs them."""
    findings: tuple[Finding, ...]
    """What the check found, before anything was done."""
    found_here: int
    """Different pages found in other groups of the repository."""
    found_in_database: int
    found_in_copy: int
    snapshots_checked: int
    bytes_added: int = 0
    applied: bool = False

    @property
    def sound(self) -> bool:
        """True: there was nothing to heal."""
        return not (self.losses or self.hints or self.findings)

    @property
    def whole(self) -> bool:
        """True: every snapshot can be restored afterwards."""
        return all(loss.whole for loss in self.losses)


@dataclass(slots=True)
class Healing:
    """What stays the same through one healing, and what it has found."""

    repository: Repository
    options: HealOptions
    progress: Progress
    check: Check
    lost: LostPages
    places: NewPlaces
    trees: dict[SnapshotId, SnapshotTree] = field(default_factory=dict)
    """Snapshots that lost pages and nothing else."""
    unreadable: dict[SnapshotId, str] = field(default_factory=dict)
    """Snapshots of which not even the map is there, and why."""

    @property
    def hurt(self) -> list[SnapshotId]:
        """Every snapshot that cannot be restored whole."""
        return sorted({*self.trees, *self.unreadable})

    def lost_segments(self, tree: SnapshotTree) -> Iterator[tuple[int, SegmentEntries, list[int]]]:
        """Yield number, entries and lost pages of each segment of a snapshot that lost some."""
        for number in range(len(tree.body.segments)):
            entries = tree.segment(number)
            hit = sorted(lost_entries(entries, self.check.damaged))
            if hit:
                yield number, entries, hit
