"""What a repair plans and what it did, as plain values; nothing here does anything."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dbtool.integrity.findings import DAMAGES, Finding, Kind, Rung, VerifyReport
from dbtool.integrity.repair.proof import Stamps

if TYPE_CHECKING:
    from dbtool.backup.model import Snapshot

__all__ = [
    "CLIMB",
    "Attempt",
    "Evidence",
    "Healed",
    "RepairOptions",
    "RepairPlan",
    "RepairResult",
    "RungFailed",
    "RungPlan",
    "TableLoss",
]

CLIMB: Final = (Rung.TRANSPLANT, Rung.DERIVED, Rung.ROLL_FORWARD, Rung.SALVAGE, Rung.RESTORE)
"""The order in which rungs are tried. A transplant comes before rebuilding, where it is proven: it
gives back the very bytes."""


class RungFailed(Exception):  # noqa: N818 - a finding about one rung, the next one is tried
    """A rung does not hold; its message says why, for people."""


@dataclass(frozen=True, slots=True)
class RepairOptions:
    """What to repair, and how."""

    rung: Rung | None = None
    """Try this one alone; None: the ladder."""
    to: Path | None = None
    """Write the healed database there and leave the damaged one as it is; None: replace it."""
    take_freelist: bool = False
    """Salvage rows from free pages too, that is deleted ones."""
    temp: Path | None = None
    """Folder for copies that a check makes; None: the system's."""
    drop_cache: bool = True
    """Let the system forget the file first, so that what lies on the medium is read."""
    busy_timeout_s: float = 10.0


@dataclass(frozen=True, slots=True)
class RungPlan:
    """What one rung would do."""

    rung: Rung
    why: str
    """What it would do, or why it cannot, for people."""
    possible: bool = False
    lossless: bool = False
    """Nothing would be lost, and that can be proven."""
    rows_at_risk: int | None = None
    """Rows that it may lose, an estimate; None: unknown."""


@dataclass(frozen=True, slots=True)
class RepairPlan:
    """What a check found, and what each rung could do about it; nothing was changed."""

    database: Path
    report: VerifyReport
    rungs: tuple[RungPlan, ...]
    """In the order in which they would be tried."""
    has_repository: bool
    options: RepairOptions = RepairOptions()
    stamps: Stamps | None = None
    """What the files looked like before they were checked; None: there was nothing to look at."""

    @property
    def damage(self) -> tuple[Finding, ...]:
        """The findings that are damage to this file."""
        return tuple(
            finding
            for finding in self.report.findings
            if finding.verdict in DAMAGES and finding.kind != Kind.BACKUP
        )

    @property
    def healthy(self) -> bool:
        """Whether there is nothing to repair."""
        return not self.damage

    @property
    def chosen(self) -> RungPlan | None:
        """The rung that would be tried first; None: none is possible."""
        return next((rung for rung in self.rungs if rung.possible), None)


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where the damaged files are kept, byte for byte."""

    folder: Path
    files: tuple[tuple[str, int, str], ...]
    """(name, size in bytes, SHA-256 in hexadecimal) of each."""
    unreadable: tuple[tuple[int, int], ...] = ()
    """(offset, length) in the database that the system cannot read; zeros stand in the copy."""


@dataclass(frozen=True, slots=True)
class TableLoss:
    """What became of one table."""

    table: str
    before: int | None
    """Rows in the damaged database; None: not known."""
    snapshot: int | None
    """Rows in the snapshot; None: not counted, or it is not there."""
    after: int | None
    """Rows in the healed database; None: the table is not there."""
    lost: int | None
    """Rows known to be lost; None: unknown."""
    unproven: int = 0
    """Rows of the healed database that came from damaged places, or lost a part of their values."""


@dataclass(frozen=True, slots=True)
class Healed:
    """A copy that one rung made and proved; the caller puts it where it belongs."""

    path: Path
    how: str
    """What was done, for people."""
    lossless: bool = False
    """Nothing is lost, and that is proven."""
    tables: tuple[TableLoss, ...] = ()
    pages_replaced: int = 0
    """Pages that came from the repository."""
    source: Snapshot | None = None
    """The snapshot that was used."""
    rules: tuple[Finding, ...] = ()
    """Rules of the schema that the healed data breaks, such as foreign keys."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Attempt:
    """One rung that was tried."""

    rung: Rung
    why: str
    """What it did, or why it did not hold."""
    held: bool = False


@dataclass(frozen=True, slots=True)
class RepairResult:
    """What a repair did."""

    database: Path
    target: Path
    """The healed file: the database itself, or another."""
    began: datetime
    duration_s: float
    rung: Rung | None
    """The rung that held; None: none did, and nothing was changed."""
    healed: Healed | None
    attempts: tuple[Attempt, ...]
    evidence: Evidence | None
    """The damaged files; None: they are where they were."""
    notes: tuple[str, ...] = ()
