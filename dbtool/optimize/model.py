"""A plan as data: what could be done, what was measured for it, how it is undone.

Invariant: an action holds only figures that were measured on a copy of the database; what could not
be measured is None, never 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

__all__ = ["KINDS", "Action", "Plan", "QueryChange", "action_id"]

KINDS: Final = ("index", "drop", "statistics", "space", "setting", "archive")
"""In the order in which they are applied, but for `archive`, which comes first."""


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that can be done, and its proof."""

    id: str
    """Kind and six digits of a hash of what it does: the same advice has the same id."""
    kind: str
    """One of `KINDS`."""
    title: str
    """One line for people."""
    sql: tuple[str, ...]
    """Statements that do it; empty for an archive, which is more than SQL."""
    inverse: tuple[str, ...]
    """Statements that undo it, in order; empty where the content stays as it was."""
    evidence: Mapping[str, Any]
    """What was measured, and what it costs writers."""
    before: float | None = None
    """Weighted VM steps of the workload without it; None: it is not about steps."""
    after: float | None = None
    """The same with it."""
    duration_s: float | None = None
    """How long it took on the copy."""
    lock_s: float | None = None
    """Longest time for which it keeps writers waiting; None: unknown."""
    disk_bytes: int = 0
    """Free space that it needs while it runs."""
    size_bytes: int = 0
    """What the file grows by (negative: shrinks)."""
    requires: tuple[str, ...] = ()
    """Actions without which it was not measured."""

    @property
    def gain(self) -> float | None:
        """Share of the steps saved, 0 to 1; None: it is not about steps."""
        if self.before is None or self.after is None or not self.before:
            return None
        return 1 - self.after / self.before


@dataclass(frozen=True, slots=True)
class QueryChange:
    """One statement of the workload before and after the whole plan."""

    id: str
    sql: str
    weight: float
    """How many times it runs."""
    before_steps: int
    after_steps: int
    before_scans: int
    """Steps of full scans."""
    after_scans: int
    before_s: float
    """Median seconds on the copy."""
    after_s: float
    same_answer: bool | None
    """None: it gives rows in an order of its own choice and stops early, or is no query."""
    plan_before: tuple[str, ...]
    plan_after: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that one run found out."""

    database: str
    """Real path."""
    made_at: float
    """Seconds since 1970."""
    cookie: int
    """`PRAGMA schema_version` at that time."""
    schema: Mapping[str, str]
    """Digest of each schema object by "type name"."""
    actions: tuple[Action, ...]
    queries: tuple[QueryChange, ...] = ()
    notes: tuple[str, ...] = ()
    """What people should know: statements left out, advice for the application."""
    snippet: tuple[str, ...] = ()
    """Settings that each connection of the application has to make itself."""
    rejected: tuple[Mapping[str, Any], ...] = ()
    """What was measured and not recommended, with the reason."""
    applied: tuple[Mapping[str, Any], ...] = field(default=())
    """What was done, oldest first: id, time, inverse."""

    @property
    def before(self) -> float:
        """Weighted steps of the workload as it is."""
        return sum(query.before_steps * query.weight for query in self.queries)

    @property
    def after(self) -> float:
        """Weighted steps of the workload after the whole plan."""
        return sum(query.after_steps * query.weight for query in self.queries)


def action_id(kind: str, *what: str) -> str:
    """Return the id of an action: the same for the same thing to do."""
    return f"{kind}-{sha256(chr(0).join(what).encode('utf-8', 'surrogatepass')).hexdigest()[:6]}"
