"""The rules that migrations are judged by, and what one of them found: plain values."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, NamedTuple

__all__ = ["RULES", "LintFinding", "Rule", "Severity"]

Severity = Literal["error", "warning", "note"]
"""error: it fails, or loses something; warning: it may; note: it could be better."""


class Rule(NamedTuple):
    """One rule."""

    severity: Severity
    summary: str
    dangerous: bool = False
    """True: rows or values can be lost, so that `up` stops unless it is allowed."""


RULES: Final[dict[str, Rule]] = {
    "add-column-nonconstant-default": Rule(
        "error", "ALTER TABLE cannot add a column with such a default to a table with rows"
    ),
    "add-not-null-no-default": Rule(
        "error", "old rows would have NULL in a column that is NOT NULL"
    ),
    "delete-without-where": Rule("error", "every row of a table is deleted", dangerous=True),
    "double-quoted-string": Rule(
        "warning", "text in double quotes is a name, and a string only by accident"
    ),
    "drop-column": Rule("error", "the values of a column are lost", dangerous=True),
    "drop-parent-cascade": Rule(
        "error",
        "dropping a parent table can delete or change the rows of its children",
        dangerous=True,
    ),
    "drop-table": Rule("error", "the rows of a table are lost", dangerous=True),
    "duplicate-version": Rule("error", "two migrations have the same version"),
    "explicit-transaction": Rule(
        "error", "a migration runs in a transaction, so it cannot begin or end one"
    ),
    "fk-pragma-in-transaction": Rule(
        "warning", "PRAGMA foreign_keys does nothing inside a transaction"
    ),
    "fk-without-index": Rule("warning", "every change of the parent reads the whole child table"),
    "fts-out-of-sync": Rule(
        "warning", "a full-text index does not follow the table that it is over"
    ),
    "irreversible-down": Rule("warning", "the way down does not lead back"),
    "large-rewrite": Rule("note", "a large table is written anew, while writers wait"),
    "missing-strict": Rule("note", "a table that is not STRICT takes values of any type"),
    "rebuild-breaks-view": Rule("error", "a view cannot be read any more"),
    "rebuild-loses-check": Rule("warning", "a CHECK of the old table is gone"),
    "rebuild-loses-index": Rule("error", "an index of the old table is gone"),
    "rebuild-loses-trigger": Rule("error", "a trigger of the old table is gone", dangerous=True),
    "rename-before-drop": Rule(
        "error", "views, triggers and foreign keys follow the table that is dropped", dangerous=True
    ),
    "select-star-copy": Rule(
        "warning", "SELECT * copies by position, whatever the columns are called"
    ),
    "unique-on-populated": Rule(
        "warning", "a table with rows becomes UNIQUE, which fails where two are equal"
    ),
    "update-without-where": Rule("error", "every row of a table is overwritten", dangerous=True),
    "vacuum-in-transaction": Rule("error", "VACUUM fails inside a transaction"),
    "writable-schema": Rule(
        "error", "writing the schema table by hand can make a database unreadable", dangerous=True
    ),
    # Beyond the schema: what cannot be judged, or cannot run at all.
    "not-judged": Rule("note", "a Python migration is not run, so nothing is known of it"),
    "statement-fails": Rule("error", "SQLite refuses the statement"),
    "unknown-ignore": Rule("warning", "an ignore line names a rule that does not exist"),
}


@dataclass(frozen=True, slots=True)
class LintFinding:
    """One place that breaks a rule."""

    rule: str
    severity: Severity
    dangerous: bool
    """True: `up` stops here unless the rule is allowed."""
    version: str
    path: Path
    line: int
    message: str
    """What happens, with names."""
    advice: str
    """What to write instead."""
    statement: str = ""
    """The statement; empty where it is about a whole file."""
    ignored: str | None = None
    """Reason of the ignore line that is for it; None: it counts."""

    @property
    def place(self) -> str:
        """File and line."""
        return f"{self.path.name}:{self.line}"

    @property
    def stops(self) -> bool:
        """Whether `up` must not go on without being told to."""
        return self.dangerous and self.ignored is None
