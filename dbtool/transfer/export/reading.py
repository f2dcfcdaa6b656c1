"""Rows read exactly, in batches: also text that is not valid in the encoding of its database.

Such text comes as `RawText`, its bytes as they are stored. In UTF-16 all text is fetched as bytes,
as SQLite itself would turn half a surrogate pair into another character without a word.

Invariant: the batches of a source together are its rows, each once, in the order of its statement.
A batch is small, and smaller where its rows are large, so that memory stays bounded.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

import apsw

from dbtool.core.progress import Progress
from dbtool.core.stoppable import stoppable
from dbtool.pages.records import RawText
from dbtool.transfer.manifest import ManifestColumn

__all__ = ["Batch", "RowSource", "Value", "batches"]

Value = int | float | str | bytes | None
Batch = list[tuple[Value, ...]]

MOST_ROWS: Final = 256
"""Of a batch; more make nothing faster."""
_WANTED_BYTES: Final = 256 << 10
"""Of the values of a batch."""
_ARGUMENTS: Final = 100
"""Of one function, well below what SQLite takes."""
_CODECS: Final = {"UTF-8": "utf-8", "UTF-16le": "utf-16-le", "UTF-16be": "utf-16-be"}


@dataclass(frozen=True, slots=True)
class RowSource:
    """Rows that belong together: of a table, or of a query."""

    name: str
    """Of the table; `query` for those of a query."""
    columns: tuple[ManifestColumn, ...]
    sql: str
    """One SELECT, without a semicolon."""
    bindings: Iterable[tuple[Value, ...]] = ((),)
    """The statement is run once for each of them."""


def batches(connection: apsw.Connection, source: RowSource, progress: Progress) -> Iterator[Batch]:
    """Yield the rows of a source; `progress` counts them and may stop the work.

    Raises:
        apsw.Error: SQLite failed.
    """
    encoding = str(connection.pragma("encoding"))
    with stoppable(connection, progress):
        for values in source.bindings:
            for batch in _of_one(connection, source, values, encoding):
                yield batch
                progress.advance(len(batch))


def _of_one(
    connection: apsw.Connection, source: RowSource, values: tuple[Value, ...], encoding: str
) -> Iterator[Batch]:
    given = 0
    if encoding == "UTF-8":
        try:
            for batch in _sliced(connection.execute(source.sql, values)):
                yield batch
                given += len(batch)
        except UnicodeDecodeError:
            pass
        else:
            return
    sql = _bytewise(source)
    rows = (
        tuple(
            _text(value, encoding) if flag == "1" else value
            for flag, value in zip(str(row[-1]), row[:-1], strict=True)
        )
        for row in islice(connection.execute(sql, values), given, None)
    )
    yield from _sliced(rows)


def _sliced(rows: Iterable[tuple[Value, ...]]) -> Iterator[Batch]:
    count = 1
    iterator = iter(rows)
    while batch := list(islice(iterator, count)):
        yield batch
        size = sum(
            len(value) for row in (batch[0], batch[-1]) for value in row
            if isinstance(value, str | bytes)
        )  # fmt: skip
        fitting = _WANTED_BYTES // (size // 2 + 1)
        count = max(1, min(MOST_ROWS, fitting, count * 2))


def _bytewise(source: RowSource) -> str:
    """Return a statement that gives text as bytes, and says at the end of a row which were text."""
    names = [f"c{number}" for number in range(len(source.columns))]
    chosen = ", ".join(
        f"iif(typeof({name}) = 'text', CAST({name} AS BLOB), {name})" for name in names
    )
    flags = [f"typeof({name}) = 'text'" for name in names]
    parts = [
        f"concat({', '.join(flags[begin : begin + _ARGUMENTS])})"
        for begin in range(0, len(flags), _ARGUMENTS)
    ]
    # A comment at the end of a person's query must not swallow the bracket.
    query = f"WITH q({', '.join(names)}) AS ({source.sql}\n)"
    return f"{query} SELECT {chosen}, concat({', '.join(parts)}) FROM q"


def _text(value: Value, encoding: str) -> Value:
    assert isinstance(value, bytes)
    try:
        return value.decode(_CODECS[encoding])
    except UnicodeDecodeError:
        return RawText(value)
