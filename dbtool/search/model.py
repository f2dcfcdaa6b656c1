"""What a search is asked for and what it answers: frozen data, also for programs and the dashboard.

A row is named by its table and the values of its key, so that it can be fetched again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

__all__ = [
    "MODES",
    "Excerpt",
    "Facet",
    "Filter",
    "Hit",
    "Mode",
    "Place",
    "SearchOptions",
    "SearchResult",
    "Skipped",
    "TableMatches",
    "Value",
]

Value = int | float | str | bytes | None
Mode = Literal["word", "substring", "regex"]

MODES: Final[tuple[Mode, ...]] = ("word", "substring", "regex")
DEFAULT_LIMIT: Final = 20


@dataclass(frozen=True, slots=True)
class Place:
    """A table, or one column of it, to search in."""

    table: str | None
    """None: every table that has the column."""
    column: str | None = None
    """None: every column of the table."""


@dataclass(frozen=True, slots=True)
class Filter:
    """A condition in SQL over the columns of a table."""

    sql: str
    """One expression; `?` stands for the values, in order."""
    values: tuple[Value, ...] = ()
    name: str = "--where"
    """What a person calls it, for errors."""


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """How to search, beside the query itself."""

    mode: Mode = "word"
    """word: whole words, whatever their case and accents; substring: anywhere in a value; regex:
    the whole query is one regular expression."""
    limit: int = DEFAULT_LIMIT
    """Most rows to return."""
    offset: int = 0
    """Rows to leave out before them."""
    places: tuple[Place, ...] = ()
    """Where to search; empty: everywhere."""
    filters: tuple[Filter, ...] = ()
    """All must hold; a table that lacks a column of one is left out."""
    facets: tuple[str, ...] = ()
    """Columns whose values are counted over all rows that match."""
    facet_limit: int = 10
    """Most values of a facet to return."""
    whole_rows: bool = False
    """Whether hits hold their rows."""
    timeout_s: float | None = None
    """Seconds until the search is stopped; None: never."""
    now: datetime | None = None
    """What relative dates count from, aware; None: the clock."""


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A piece of one value with the places that match."""

    column: str
    text: str
    """One line of it; white space is one blank."""
    spans: tuple[tuple[int, int], ...]
    """Begin and end (exclusive) of each match in `text`, in characters."""
    before: bool = False
    """True: the value has more in front."""
    after: bool = False
    """True: the value goes on."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One row that matches."""

    table: str
    key: tuple[tuple[str, Value], ...]
    """(column, value) of the primary key; ("rowid", n) where the table has none."""
    rank: int
    """1 for the best of its table."""
    excerpts: tuple[Excerpt, ...]
    """The values that match, the best first; without words in the query, the first values."""
    row: tuple[tuple[str, Value], ...] = ()
    """Every column and its value, where whole rows were asked for."""


@dataclass(frozen=True, slots=True)
class TableMatches:
    """How many rows of one table match."""

    table: str
    rows: int
    ranked: bool
    """False: too many to rank, or nothing to rank by; the newest rows come first."""


@dataclass(frozen=True, slots=True)
class Facet:
    """How often each value of a column occurs in the rows that match."""

    column: str
    values: tuple[tuple[Value, int], ...]
    """The most frequent first."""
    others: int
    """Rows that match and have another value."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """What was not searched."""

    table: str
    columns: tuple[str, ...]
    """Empty: the whole table."""
    values: int
    """How many values; 0 where the whole table was left out."""
    reason: str


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What a search found."""

    hits: tuple[Hit, ...]
    total: int
    """Rows that match, shown or not."""
    tables: tuple[TableMatches, ...]
    """Tables with matches, most matches first."""
    facets: tuple[Facet, ...] = ()
    suggestions: tuple[str, ...] = ()
    """Words of the database that are close to one without a match, the closest first."""
    skipped: tuple[Skipped, ...] = ()
    notes: tuple[str, ...] = field(default=())
    """What the user should know about this answer."""
    as_of: datetime | None = None
    """Age of the index, where it is older than the database; None: the answer is of now."""
    elapsed_s: float = 0.0
