"""What the dashboard knows, as plain values: what was read, what was sampled, what runs.

Nothing here draws or reads anything. Times are seconds since the epoch, sizes bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["DatabaseRef", "Live", "LiveAlert", "LockHolder", "Options", "Problem", "Reading"]


@dataclass(frozen=True, slots=True)
class DatabaseRef:
    """A database as the dashboard calls it."""

    name: str
    """For titles: the configured name, or the file name."""
    path: str
    """Absolute path."""
    word: str
    """How a command line names it."""
    repository: str
    """Where its snapshots lie, as commands are told."""
    max_backup_age_s: float | None = None
    """Limit of the configuration; None: there is none."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the dashboard was started with."""

    databases: tuple[DatabaseRef, ...]
    write: bool = False
    """True: actions that change the database or remove something are allowed."""
    refresh_s: float = 2.0
    words: tuple[str, ...] = ()
    """Options that every command started from here is given, such as --config FILE."""
    trace: str | None = None
    """Trace log of the application; None: none was named."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why something could not be read, in the words of the command that failed."""

    code: str
    message: str
    cause: str = ""
    hint: str = ""
    exit_code: int = 1


@dataclass(frozen=True, slots=True)
class Reading:
    """The answer of one command at one moment."""

    feed: str
    at_s: float
    took_s: float
    exit_code: int
    data: Any = None
    """The `data` of its JSON document; None where there was no document."""
    warnings: tuple[str, ...] = ()
    problem: Problem | None = None

    @property
    def ok(self) -> bool:
        """Whether there is something to show."""
        return self.problem is None


@dataclass(frozen=True, slots=True)
class LockHolder:
    """A process that holds a lock of the database, or has it open."""

    pid: int
    command: str
    kind: str
    """write, checkpoint, recover, read, or open."""
    frame: int | None = None
    """Frame of the WAL up to which a reader sees; 0: the database alone; None for others."""
    since_s: float | None = None
    """First look at which it was seen so; None: not known."""
    blocks_checkpoint: bool = False


@dataclass(frozen=True, slots=True)
class LiveAlert:
    """An alert that fires, as the monitor judges."""

    code: str
    severity: str
    """critical or warning."""
    evidence: str
    command: str = ""
    """What to run next, `DB` for the database."""


@dataclass(frozen=True, slots=True)
class Live:
    """One cheap look at a database from outside."""

    at_s: float
    size_bytes: int | None = None
    """None: the file is not there."""
    wal_bytes: int | None = None
    disk_free_bytes: int | None = None
    journal_mode: str = ""
    """wal, rollback, or empty for unknown."""
    commits: int | None = None
    """By all processes since the look before; None: not visible from outside."""
    frames: int | None = None
    """Frames in the WAL."""
    backfilled: int | None = None
    """Frames of them that are in the database already."""
    holders: tuple[LockHolder, ...] = ()
    unseen: Mapping[str, str] = field(default_factory=dict)
    """What cannot be seen, with the reason."""
    alerts: tuple[LiveAlert, ...] = ()
    identity: str = ""
    """Device and inode of the file; empty: not known."""
    problem: str = ""
    """What is wrong with the file itself: gone, replaced, encrypted; empty: nothing."""
