"""An index that does not exist yet: its terms, its condition, its SQL."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from dbtool.core.names import folded, identifier

__all__ = ["IndexDefinition", "Term"]

_LONGEST_NAME: Final = 60


@dataclass(frozen=True, slots=True, order=True)
class Term:
    """One column or expression of an index."""

    sql: str
    """Name of the column, unquoted; or an expression, as it is written."""
    is_expression: bool = False
    descending: bool = False
    collation: str = ""
    """Empty: that of the column."""

    def text(self) -> str:
        """Return it as SQL."""
        name = self.sql if self.is_expression else identifier(self.sql)
        collation = f" COLLATE {self.collation}" if self.collation else ""
        return f"{name}{collation}{' DESC' if self.descending else ''}"

    def value(self) -> str:
        """Return what is compared, as SQL over the table."""
        return self.sql if self.is_expression else identifier(self.sql)


@dataclass(frozen=True, slots=True, order=True)
class IndexDefinition:
    """One index."""

    table: str
    terms: tuple[Term, ...]
    where: str = ""
    """Condition of a partial index; empty: all rows."""
    reason: str = ""
    """Why it was thought of, for people; says nothing of its use."""
    singled_out: str = ""
    """Column whose constant makes a partial index."""

    @property
    def key(self) -> tuple[str, tuple[Term, ...], str]:
        """What two equal ones have in common."""
        return folded(self.table), self.terms, self.where

    def name(self, taken: Collection[str] = ()) -> str:
        """Return a name that says what it is; other than those that are `taken` (folded)."""
        words = [self.table, *(term.sql for term in self.terms)]
        plain = "_".join(re.sub(r"\W+", "_", word).strip("_") or "x" for word in words)
        if self.where:
            plain += "_partial"
        plain = plain[:_LONGEST_NAME].rstrip("_")
        name, number = f"{plain}_idx", 1
        while folded(name) in taken or name.lower().startswith("sqlite_"):
            number += 1
            name = f"{plain.removeprefix('sqlite_')}_idx{number}"
        return name

    def sql(self, name: str) -> str:
        """Return the statement that creates it."""
        terms = ", ".join(term.text() for term in self.terms)
        where = f" WHERE {self.where}" if self.where else ""
        return f"CREATE INDEX {identifier(name)} ON {identifier(self.table)}({terms}){where}"

    def begins(self, other: IndexDefinition) -> bool:
        """Say whether `other` has these terms first, over the same rows."""
        return (
            folded(self.table) == folded(other.table)
            and self.where == other.where
            and other.terms[: len(self.terms)] == self.terms
        )
