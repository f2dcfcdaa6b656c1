"""What a run of migrations is asked for, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from dbtool.migrate.model import Migration

__all__ = ["GUARDS", "Done", "RunOptions", "RunResult", "Way", "allows"]

Way = Literal["up", "down"]

GUARDS: Final = {
    "broken-objects": "a view or trigger does not work any more",
    "drift": "the schema was changed by something else",
    "foreign-keys": "rows refer to nothing that did not before",
    "missing": "a migration is applied, and its file is gone",
    "out-of-order": "a pending migration is older than one that is applied",
    "rows-lost": "a table lost rows that the migration does not delete",
}
"""What is guarded while migrations run; allowed by name, as the rules of `dbtool.migrate.lint`."""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How migrations are run."""

    to: str | None = None
    """Version to stop at: going up the last that is applied, going down the last that stays."""
    count: int | None = None
    """How many at most; None: all going up, one going down."""
    allow: frozenset[str] = frozenset()
    """Rules and guards that need not hold."""
    expected: tuple[str, ...] | None = None
    """Versions that were confirmed to be undone, the newest first; None: whatever comes."""
    wait_s: float = 60.0
    """How long to wait for another migration to end."""
    quick_check: bool = True
    """Look for damage before the first change."""
    before_apply: Callable[[], str | None] | None = None
    """Called once, before the first change; returns the id of the snapshot that it took."""


@dataclass(frozen=True, slots=True)
class Done:
    """One migration that was run."""

    version: str
    label: str
    way: Way
    duration_s: float
    lock_s: float
    """How long others could not write."""
    rows: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Rows of each table that was written, before and after."""


@dataclass(frozen=True, slots=True)
class RunResult:
    """What one run did."""

    done: tuple[Done, ...]
    """In order; empty where there was nothing to do."""
    version: str | None
    """The newest that is applied now; None: none."""
    pending: int
    """How many are left."""
    snapshot: str | None = None
    """Taken before; None: none."""
    duration_s: float = 0.0


def allows(rule: str, migration: Migration, allow: frozenset[str]) -> bool:
    """Say whether a rule need not hold for a migration, by option or by a line of its file."""
    return rule in allow or any(each.rule == rule for each in migration.ignores)
