"""What a comparison of two states of a database says: plain values, nothing here does anything.

`a` is the older side, the one that the question begins with, `b` the other. Sizes are bytes.
"""

from __future__ import annotations

from dataclasses import dataclass

from dbtool.core.schemadiff import What
from dbtool.pages.records import Value

__all__ = [
    "DiffOptions",
    "PageCounts",
    "RowChange",
    "TableChange",
]


@dataclass(frozen=True, slots=True)
class DiffOptions:
    """What to compare."""

    tables: tuple[str, ...] = ()
    """Only these tables; empty: all."""
    rows: bool = True
    """Count rows; False: go no further than pages, whose owners cost much less to find."""
    busy_timeout_s: float = 10.0


@dataclass(frozen=True, slots=True)
class PageCounts:
    """How the pages of two states differ."""

    page_size: int
    a: int
    """Pages of a."""
    b: int
    changed: int
    """Pages that both have, with other content."""
    added: int
    """Pages by which b is longer."""
    removed: int
    """Pages by which b is shorter."""

    @property
    def differing(self) -> int:
        """Pages that are not the same on both sides."""
        return self.changed + self.added + self.removed

    @property
    def size_bytes(self) -> int:
        """Bytes of the pages that changed or were added."""
        return (self.changed + self.added) * self.page_size


@dataclass(frozen=True, slots=True)
class TableChange:
    """How the content of one table differs."""

    name: str
    kind: str
    """table or virtual table; the shadow tables of a virtual table count as parts of it."""
    pages: int
    """Pages that changed, were added or removed, and belong to the table or to its indexes."""
    index_pages: int
    """How many of them belong to its indexes."""
    added: int | None = None
    """Rows; None: not counted."""
    removed: int | None = None
    changed: int | None = None
    moved: int | None = None
    """Rows with the same values under another rowid."""
    columns: tuple[str, ...] = ()
    """The columns compared, where the two sides do not have the same ones."""
    note: str = ""
    """What the numbers leave out, one sentence."""


@dataclass(frozen=True, slots=True)
class RowChange:
    """One row that differs."""

    table: str
    what: What
    key: tuple[Value, ...]
    """The values that name the row: its rowid, or its primary key."""
    old: tuple[Value, ...] | None
    """Values of the compared columns in a; None for an added row. `RawText` is invalid text."""
    new: tuple[Value, ...] | None
