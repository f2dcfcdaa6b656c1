"""What a check of a database finds, as plain values; nothing here does anything.

A `Finding` is one thing that is wrong with one object (a table, an index, the freelist ...), an
`ObjectVerdict` what that means for the object, a `VerifyReport` all of it. Findings are in the
order in which they were found, object verdicts in the order of the schema. Pages are 1-based.

The ladder that heals damage, by the rung that a finding names:

    0 preserve       keep the damaged files as they are; every repair begins with it
    1 derived        REINDEX, rebuild of a full-text index, VACUUM INTO for the freelist, a bit of
                     the WAL put right by its checksum
    2 transplant     pages that are proven to have rotted, from the newest snapshot: no loss
    3 roll forward   the last snapshot that verified, and what was kept after it
    4 salvage        every row that can still be read out of the damaged file
    5 restore        the newest clean snapshot
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from dbtool.backup.model import Snapshot

__all__ = [
    "DAMAGES",
    "Code",
    "DrillResult",
    "Finding",
    "Kind",
    "Level",
    "LevelResult",
    "ObjectVerdict",
    "Onset",
    "Rung",
    "TableComparison",
    "Verdict",
    "VerifyOptions",
    "VerifyReport",
    "joined",
    "united",
]


class Level(StrEnum):
    """How deep a check looks."""

    HEADER = "header"
    PAGES = "pages"
    STRUCTURE = "structure"
    FULL = "full"
    DRILL = "drill"


class Verdict(StrEnum):
    """What is known of an object, from best to worst."""

    HEALTHY = "healthy"
    UNPROVEN = "unproven"
    """It could not be checked, or not wholly."""
    RULES_BROKEN = "rules broken"
    """The file is sound, what it holds breaks a rule of the schema."""
    DERIVED_DAMAGE = "derived damage"
    """Only what can be made again from other data is damaged: an index, a full-text index, the
    freelist."""
    DATA_DAMAGE = "data damage"
    """Rows are lost or wrong, unless a snapshot has them."""


DAMAGES: Final = frozenset({Verdict.DERIVED_DAMAGE, Verdict.DATA_DAMAGE})


class Kind(StrEnum):
    """What kind of object it is."""

    HEADER = "header"
    FREELIST = "freelist"
    SCHEMA = "schema"
    TABLE = "table"
    INDEX = "index"
    FTS = "full-text index"
    RTREE = "r-tree"
    VIRTUAL = "virtual table"
    WAL = "write-ahead log"
    FILE = "file"
    """No object, or an unknown one: pages of the file."""
    BACKUP = "backup"
    """The newest snapshot, where a drill restored it."""


class Rung(IntEnum):
    """The rungs of the ladder of repair; see the head of this module."""

    PRESERVE = 0
    DERIVED = 1
    TRANSPLANT = 2
    ROLL_FORWARD = 3
    SALVAGE = 4
    RESTORE = 5


class Code(StrEnum):
    """The kind of a finding: stable, for programs."""

    HEADER_INVALID = "header-invalid"
    FILE_TRUNCATED = "file-truncated"
    FILE_SIZE_ODD = "file-size-odd"
    HEADER_PAGE_COUNT = "header-page-count"
    FREELIST_DAMAGED = "freelist-damaged"
    WAL_DAMAGED = "wal-damaged"
    """Frames of the WAL rotted: SQLite reads them as they are, or no commit behind them."""
    PAGE_ROTTED = "page-rotted"
    PAGE_DIFFERS = "page-differs"
    """It differs from the snapshot, and SQLite cannot open the file to say more."""
    PAGE_UNREADABLE = "page-unreadable"
    PAGE_LOST = "page-lost"
    """No object and no freelist leads to it."""
    PAGE_SHARED = "page-shared"
    SCHEMA_DAMAGED = "schema-damaged"
    TREE_DAMAGED = "tree-damaged"
    INDEX_DAMAGED = "index-damaged"
    INDEX_MISMATCH = "index-mismatch"
    FTS_DAMAGED = "fts-damaged"
    RTREE_DAMAGED = "rtree-damaged"
    CONSTRAINT_BROKEN = "constraint-broken"
    FOREIGN_KEY_BROKEN = "foreign-key-broken"
    JSON_INVALID = "json-invalid"
    NOT_CHECKED = "not-checked"
    BACKUP_DAMAGED = "backup-damaged"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with one object."""

    level: Level
    code: Code
    verdict: Verdict
    kind: Kind
    object: str
    """Name in the schema; `header`, `freelist`, `sqlite_schema`; empty for pages of no object."""
    problem: str
    """One sentence for people; names in it come from the database and are not escaped."""
    table: str = ""
    """The table that an index belongs to; else the name itself, or empty."""
    pages: tuple[tuple[int, int], ...] = ()
    """Damaged pages, inclusive (first, last) ranges, ascending; empty: unknown."""
    rows_at_risk: int | None = None
    """Rows on the damaged pages, an estimate; 0: none; None: unknown."""
    rung: Rung | None = None
    """The first rung of the ladder that would heal it; None: none does, or nothing is broken."""
    answers: tuple[str, ...] = ()
    """What SQLite said, every row of it."""

    @property
    def page_count(self) -> int:
        """How many pages are named."""
        return sum(last - first + 1 for first, last in self.pages)

    def page_numbers(self) -> Iterable[int]:
        """Yield the number of every page that is named."""
        for first, last in self.pages:
            yield from range(first, last + 1)


@dataclass(frozen=True, slots=True)
class ObjectVerdict:
    """What is known of one object."""

    kind: Kind
    name: str
    table: str
    verdict: Verdict
    pages: tuple[tuple[int, int], ...] = ()
    """Damaged pages, as in `Finding`."""
    rows_at_risk: int | None = 0
    """Rows on damaged pages, an estimate; None: unknown."""
    rung: Rung | None = None
    """The rung that would heal all its findings."""


@dataclass(frozen=True, slots=True)
class LevelResult:
    """What one level looked at."""

    level: Level
    complete: bool
    """False: the budget ended first, or the file did not allow it."""
    duration_s: float
    checked: str
    """What was checked, for people."""


@dataclass(frozen=True, slots=True)
class TableComparison:
    """One table, in the restored snapshot and in the live database."""

    table: str
    rows_restored: int | None
    """None: the table is not there."""
    rows_live: int | None
    equal: bool
    """Whether both hold the same rows, by a hash of their content."""


@dataclass(frozen=True, slots=True)
class DrillResult:
    """What restoring the newest snapshot showed."""

    snapshot: Snapshot
    restore_s: float
    """How long the restore took, every page proven by its hash."""
    size_bytes: int
    sound: bool
    """Whether the restored file passed the checks."""
    tables: tuple[TableComparison, ...] = ()


@dataclass(frozen=True, slots=True)
class Onset:
    """When damage began, as far as snapshots tell."""

    objects: tuple[str, ...]
    last_clean: Snapshot | None
    """None: the oldest snapshot has the damage already."""
    first_damaged: Snapshot | None
    """None: no snapshot has it, it came after the newest."""
    checked: int
    """How many snapshots were looked at."""


@dataclass(frozen=True, slots=True)
class VerifyOptions:
    """What to check, and how long."""

    full: bool = False
    drill: bool = False
    since: bool = False
    budget_s: float | None = None
    """Stop after so many seconds; None: when all is done."""
    resume: bool = False
    """Go on where the budget ended the last time."""
    temp: Path | None = None
    """Folder for copies; None: the system's."""
    drop_cache: bool = True
    """Let the system forget the file first, so that what lies on the medium is read."""
    busy_timeout_s: float = 10.0
    private: bool = False
    """Nobody else uses the file, so that no writer has to wait for the check."""


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """Everything that one check found."""

    database: Path
    began: datetime
    duration_s: float
    snapshot: Snapshot | None
    """The snapshot that pages were compared with; None: there is none."""
    unchanged: bool
    """True: no writer can have changed the file since the snapshot, so what differs has rotted."""
    pages_total: int
    page_size: int
    pages_differing: int
    """Pages that differ from the snapshot, rotted ones included."""
    levels: tuple[LevelResult, ...]
    objects: tuple[ObjectVerdict, ...]
    findings: tuple[Finding, ...]
    unchecked: tuple[str, ...] = ()
    """What was not checked because the budget ended, for people."""
    notes: tuple[str, ...] = ()
    """What is worth knowing and no damage."""
    drill: DrillResult | None = None
    onset: Onset | None = None

    @property
    def verdict(self) -> Verdict:
        """The worst that any object has."""
        order = list(Verdict)
        found = [item.verdict for item in self.objects] + [f.verdict for f in self.findings]
        return max(found, key=order.index, default=Verdict.HEALTHY)

    @property
    def damaged(self) -> bool:
        """Whether the file is damaged."""
        return any(finding.verdict in DAMAGES for finding in self.findings)

    @property
    def complete(self) -> bool:
        """Whether everything that was asked for was checked."""
        return not self.unchecked


def joined(numbers: Iterable[int]) -> tuple[tuple[int, int], ...]:
    """Return page numbers, in any order, as ascending inclusive ranges."""
    return united((number, number) for number in numbers)


def united(spans: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Return inclusive ranges, in any order, as ascending ones that do not touch.

    A damaged header may speak of billions of pages, so they are never laid out one by one.
    """
    ranges: list[tuple[int, int]] = []
    for first, last in sorted(spans):
        if ranges and first <= ranges[-1][1] + 1:
            ranges[-1] = (ranges[-1][0], max(last, ranges[-1][1]))
        else:
            ranges.append((first, last))
    return tuple(ranges)
