"""What a panel shows: lines with a status, rows with cells, and how well a thing is.

A status is always a symbol and a word, never colour alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

__all__ = ["SYMBOLS", "Column", "Line", "Row", "Status", "worst"]


class Status(StrEnum):
    """How well something is; the value is the word that is shown."""

    OK = "ok"
    WARN = "warn"
    CRIT = "crit"
    UNKNOWN = "n/a"
    PLAIN = ""


SYMBOLS: Final[Mapping[Status, str]] = {
    Status.OK: "✓",
    Status.WARN: "!",
    Status.CRIT: "✗",
    Status.UNKNOWN: "?",
    Status.PLAIN: " ",
}
_ORDER: Final = (Status.PLAIN, Status.OK, Status.UNKNOWN, Status.WARN, Status.CRIT)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a panel."""

    label: str
    text: str
    status: Status = Status.PLAIN


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a listing."""

    title: str
    right: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a listing."""

    key: str
    """Tells it from the others, from one answer to the next."""
    cells: tuple[str, ...]
    order: tuple[Any, ...] = ()
    """What to sort by, one value a column; empty: the cells themselves."""
    status: Status = Status.PLAIN
    data: Mapping[str, Any] = field(default_factory=dict)
    """All that is known of it, for its details."""

    def sort_value(self, column: int) -> tuple[bool, Any]:
        """Return what to sort by; what is not known comes last."""
        value = (self.order or self.cells)[column]
        return value is None, "" if value is None else value


def worst(statuses: list[Status]) -> Status:
    """Return the worst of some."""
    return max(statuses, key=_ORDER.index, default=Status.PLAIN)
