"""One check under way: what it looks at, what it knows, and its parts.

The work is cut into parts, each with a key: a part that is done is not done again by a check that
resumes, and a part that the budget cut off is named in the report.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import apsw

from dbtool.backup.model import Snapshot
from dbtool.backup.repository import Repository
from dbtool.backup.tree import SnapshotTree
from dbtool.integrity.budget import Budget, BudgetEnded, Watched
from dbtool.integrity.findings import Finding, Level, LevelResult, VerifyOptions
from dbtool.integrity.objects import Catalogue
from dbtool.integrity.opening import Opened
from dbtool.integrity.resume import Course
from dbtool.pages.source import PageSource

__all__ = ["NOTHING", "Inspection"]

NOTHING: Final = "nothing"
"""What a level looked at that the file did not allow."""


@dataclass(slots=True)
class Inspection:
    """One check under way: what it looks at and what it knows so far."""

    path: Path
    options: VerifyOptions
    opened: Opened
    repository: Repository | None
    snapshot: Snapshot | None
    tree: SnapshotTree | None
    budget: Budget
    progress: Watched
    course: Course
    connection: apsw.Connection | None
    """Reads the database, or its private copy; None where SQLite cannot."""
    pages: PageSource
    """The pages of the same."""
    catalogue: Catalogue
    cleanup: ExitStack
    unchanged: bool = False
    levels: list[LevelResult] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    checked: set[str] = field(default_factory=set)
    """Tables whose structure was looked at."""

    def part(self, key: str, name: str, work: Callable[[], list[Finding]]) -> bool:
        """Do one part of the check, unless it is done already; say whether it is done now.

        Args:
            key: of the part, the same in every run.
            name: for people, when it is left out.
            work: returns the findings.
        """
        if key in self.course.done:
            return True
        try:
            self.budget.check()
            self.course.done[key] = work()
        except BudgetEnded:
            self.unchecked.append(name)
            return False
        return True

    def findings(self) -> list[Finding]:
        """Return what was found so far, in the order of the parts."""
        return [finding for found in self.course.done.values() for finding in found]

    def level(self, level: Level, work: Callable[[], str]) -> None:
        """Do one level; `work` returns what it looked at."""
        began_s, left_out = self.budget.elapsed_s(), len(self.unchecked)
        looked_at = work()
        took_s = self.budget.elapsed_s() - began_s
        complete = len(self.unchecked) == left_out and not looked_at.startswith(NOTHING)
        self.levels.append(LevelResult(level, complete, took_s, looked_at))
