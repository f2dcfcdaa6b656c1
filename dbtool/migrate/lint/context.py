"""What a rule is given, and how it says what it found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from dbtool.core.names import folded
from dbtool.migrate.lint.fates import Fate, Fates
from dbtool.migrate.lint.findings import RULES, LintFinding
from dbtool.migrate.lint.trial import Moment, Trial

__all__ = ["Context"]


@dataclass
class Context:
    """One migration that was walked."""

    trial: Trial
    path: Path
    rows: Mapping[str, int] | None
    """Rows by folded table, up to a bound; None: not known, so that any table may have some."""
    down: bool = False
    found: list[LintFinding] = field(default_factory=list)

    @cached_property
    def followed(self) -> Fates:
        """What became of the rows of each table."""
        return Fates(self.trial)

    @property
    def fates(self) -> list[Fate]:
        """What became of the tables."""
        return self.followed.all

    def is_old(self, moment: Moment, table: str) -> bool:
        """Say whether a table was there before the migration, under this or another name."""
        return self.followed.old(moment, table) is not None

    def may_have_rows(self, table: str) -> bool:
        """Say whether a table of before the migration may have rows."""
        return self.rows is None or self.rows.get(folded(table), 1) > 0

    def count(self, table: str) -> int:
        """Return the rows that a table is known to have."""
        return (self.rows or {}).get(folded(table), 0)

    def say(self, rule: str, at: Moment | int, message: str, advice: str) -> None:
        """Add a finding."""
        line, statement = (at, "") if isinstance(at, int) else (at.line, at.text)
        migration = self.trial.migration
        severity, _, dangerous = RULES[rule]
        ignore = next((each for each in migration.ignores if each.rule == rule), None)
        self.found.append(
            LintFinding(
                rule, severity, dangerous, migration.version, self.path, line, message, advice,
                statement, ignore.reason if ignore else None,
            )
        )  # fmt: skip
