"""What every reader of a format yields: steps of rows, each ending where a resume can begin."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, BinaryIO, ClassVar, NamedTuple, Protocol, runtime_checkable

from dbtool.core.names import identifier

__all__ = [
    "BLOCK_BYTES",
    "START",
    "Bad",
    "Batch",
    "Described",
    "Origin",
    "Position",
    "Reader",
    "Step",
    "Told",
    "Verbatim",
]

BLOCK_BYTES = 1 << 20
"""How much of a source is parsed at once; what memory needs is a small multiple of it."""

Origin = Callable[[int], tuple[int, bytes]]
"""From the index of a record in its step to its line, from 1, and its text."""


class Verbatim:
    """A number of a JSON text that no float holds exactly, as it was written."""

    __slots__ = ("text",)

    made: ClassVar[int] = 0
    """How many there were in this process; tells whether parsing made any."""

    def __init__(self, text: str) -> None:
        self.text = text
        Verbatim.made += 1

    def __repr__(self) -> str:
        return self.text


class Position(NamedTuple):
    """A place between two records of a source."""

    offset: int
    """Bytes before it, uncompressed."""
    line: int
    """Lines before it."""
    records: int
    """Records before it."""


START = Position(0, 0, 0)


class Bad(NamedTuple):
    """A record that cannot be read."""

    line: int
    """From 1."""
    reason: str
    raw: bytes


class Batch(NamedTuple):
    """Rows of one table."""

    table: str
    names: tuple[str, ...]
    rows: list[Sequence[Any]]
    """Each as long as `names`."""
    records: Sequence[int] | None = None
    """Record of the step that each row is of; None: one row for each."""


class Step(NamedTuple):
    """What one block of a source holds."""

    batches: tuple[Batch, ...]
    bad: tuple[Bad, ...]
    origin: Origin
    end: Position
    size_bytes: int


class Reader(Protocol):
    """Reads one format."""

    textual: bool
    """Whether every value is text (CSV), so that types are a guess."""

    def steps(self, stream: BinaryIO, start: Position) -> Iterator[Step]:
        """Yield everything after `start`.

        Args:
            stream: uncompressed, at the beginning.
            start: `START`, or the end of a step of an earlier run.

        Raises:
            DbtoolError: what is wrong with the source as a whole.
        """


class Told(NamedTuple):
    """What a source says of a table beyond its columns."""

    key: tuple[str, ...]
    """Columns that name a row."""
    counted: bool = False
    """The key was given out by counting, and never twice."""
    parent: tuple[str, tuple[str, ...]] | None = None
    """Table that the first columns refer to, and its key; rows go when the row goes."""
    indexes: tuple[str, ...] = ()
    """Statements that make them."""
    declared: tuple[tuple[str, str], ...] = ()
    """Name and declared type of columns whose values fit it as they are."""

    def constraint_sql(self) -> str:
        """Return the constraint of a table that refers to its parent; empty for others."""
        if self.parent is None:
            return ""
        table, key = self.parent
        own = ", ".join(map(identifier, self.key[: len(key)]))
        other = ", ".join(map(identifier, key))
        return f"FOREIGN KEY ({own}) REFERENCES {identifier(table)} ({other}) ON DELETE CASCADE"


@runtime_checkable
class Described(Protocol):
    """A reader whose source says what its tables are."""

    notes: list[str]
    """What is odd about the source; complete once all steps were read."""

    def told(self) -> dict[str, Told]:
        """Return what is known by table, once the first step was read."""
