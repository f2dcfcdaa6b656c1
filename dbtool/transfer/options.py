"""What an import is asked to do, and what it did."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from dbtool.transfer.formats.nested import Nesting
from dbtool.transfer.sources import Format

__all__ = ["MODES", "ImportOptions", "ImportResult", "Mode", "OnError", "TableResult"]

Mode = Literal["insert", "upsert", "ignore", "replace"]
OnError = Literal["abort", "skip", "quarantine"]

MODES: Final[tuple[Mode, ...]] = ("insert", "upsert", "ignore", "replace")


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How a source becomes rows."""

    table: str | None = None
    """Where all of it goes; None: each file into the table of its name."""
    format: Format | None = None
    """None: found out for each file."""
    types: Mapping[str, str] = field(default_factory=dict)
    """Declared type by column, or by `table.column`."""
    pk: tuple[str, ...] = ()
    """Columns that name a row."""
    mode: Mode = "insert"
    nulls: frozenset[str] = frozenset()
    """Text that stands for NULL."""
    renames: Mapping[str, str | None] = field(default_factory=dict)
    """New name by name in the source; None: left out."""
    nesting: Nesting = "json"
    on_error: OnError = "abort"
    max_errors: int | None = None
    """Stop after so many bad records; None: never."""
    resume: bool = False
    """Go on with an import that was interrupted."""
    restart: bool = False
    """Forget an import that was interrupted; its rows stay."""
    before: Callable[[], str | None] | None = None
    """Called once before the first change to a database that is there; returns a snapshot's id."""

    def settings(self) -> dict[str, Any]:
        """Return what decides the rows, for comparison with an interrupted import."""
        return {
            "table": self.table,
            "format": self.format,
            "types": dict(self.types),
            "pk": list(self.pk),
            "mode": self.mode,
            "nulls": sorted(self.nulls),
            "renames": dict(self.renames),
            "nesting": self.nesting,
        }


@dataclass(frozen=True, slots=True)
class TableResult:
    """What became of one table."""

    table: str
    created: bool
    columns: tuple[dict[str, Any], ...]
    """Name, declared type, name in the source, and what it looks like."""
    rows: int
    """Written by this import, over all of its runs."""
    first_rows: tuple[tuple[Any, ...], ...] = ()
    """Of a dry run."""
    sql: str = ""
    """Definition of a table that is made."""


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What an import did."""

    tables: tuple[TableResult, ...]
    records: int
    """Read by this run."""
    bad: int
    """Records that were left out, over all runs."""
    examples: tuple[tuple[str, int, str], ...]
    """Source, line and reason of the first of them."""
    quarantined: bool
    resumed: bool
    snapshot: str | None
    new_violations: int
    """Rows that refer to nothing now, and did not before."""
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    """What is wrong with the source although it can be read, or is not here as it was there."""
    duration_s: float
