"""Rows of a subject, read in the order of their documents, whatever bytes their text holds.

A statement reads text as text, which fails on a value that is no valid UTF-8; from the first such
row on, text is fetched as bytes and decoded with a replacement character for what is broken.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import apsw

from dbtool.core.names import identifier
from dbtool.errors import Damaged
from dbtool.search.model import Value
from dbtool.search.subjects import Subject

__all__ = ["HIGHEST", "LOWEST", "ask", "decoded", "fetch", "keyed_rows", "lenient", "rows_between"]

LOWEST: Final = -(1 << 63)
HIGHEST: Final = (1 << 63) - 1


def ask(
    connection: apsw.Connection, sql: str, values: Sequence[Value] = ()
) -> list[tuple[Any, ...]]:
    """Return all rows of a statement, for few rows of known types."""
    return connection.execute(sql, values).fetchall()


def rows_between(
    connection: apsw.Connection, subject: Subject, low: int, high: int
) -> Iterator[tuple[Value, ...]]:
    """Yield (rowid, searched values...) of the rows of a rowid table with rowids `low` to `high`.

    Blobs come as empty bytes.
    """
    assert subject.rowid is not None
    rowid = subject.rowid
    tail = f" FROM {subject.source} WHERE {rowid} BETWEEN ? AND ? ORDER BY {rowid}"
    plain = "".join(f", iif(typeof({c}) = 'blob', x'', {c})" for c in _quoted(subject.columns))
    last = low - 1
    try:
        for row in connection.execute(f"SELECT {rowid}{plain}{tail}", (low, high)):
            last = row[0]
            yield row
    except apsw.CorruptError as error:
        raise _damaged(subject, error) from error
    except UnicodeDecodeError:
        encoding = connection.pragma("encoding")
        chosen = lenient(_quoted(subject.columns))
        for row in connection.execute(f"SELECT {rowid}, {chosen}{tail}", (last + 1, high)):
            yield (row[0], *decoded(row[1:], encoding))


def keyed_rows(
    connection: apsw.Connection, subject: Subject
) -> Iterator[tuple[tuple[Value, ...], tuple[Value, ...]]]:
    """Yield (primary key, searched values) of every row of a WITHOUT ROWID table.

    Of each column of the key come two values: whether it is text, and it, text as bytes. A key may
    be text that is none; decoded, two of them could be the same.
    """
    encoding = connection.pragma("encoding")
    chosen = f"{_whole(_quoted(subject.primary))}, {lenient(_quoted(subject.columns))}"
    width = 2 * len(subject.primary)
    for row in connection.execute(f"SELECT {chosen} FROM {subject.source}"):
        yield row[:width], tuple(decoded(row[width:], encoding))


def _damaged(subject: Subject, error: apsw.Error) -> Damaged:
    return Damaged(
        "database-damaged",
        f"a row of {subject.name} cannot be read, so it cannot be searched",
        context=f"SQLite says: {error}",
        hint="dbtool verify DB      says how much is damaged",
    )


def fetch(
    connection: apsw.Connection, sql: str, names: Sequence[str], values: Sequence[Value]
) -> list[tuple[Value, ...]]:
    """Return rows of `SELECT names... {sql}`, with blobs as they are.

    Args:
        connection: the database.
        sql: what stands behind the columns, from FROM on.
        names: expressions.
        values: of the parameters in `sql`.
    """
    try:
        return connection.execute(f"SELECT {', '.join(names)} {sql}", values).fetchall()
    except UnicodeDecodeError:
        encoding = connection.pragma("encoding")
        rows = connection.execute(f"SELECT {_whole(names)} {sql}", values).fetchall()
        return [tuple(decoded(row, encoding)) for row in rows]


def lenient(names: Sequence[str]) -> str:
    """Return SQL for pairs: whether a value is text, and it; text as bytes, blobs as none."""
    return ", ".join(
        f"typeof({c}) = 'text', CASE typeof({c}) WHEN 'blob' THEN x'' "
        f"WHEN 'text' THEN CAST({c} AS BLOB) ELSE {c} END"
        for c in names
    )


def decoded(row: Sequence[Value], encoding: str) -> Iterator[Value]:
    """Yield the values of such pairs."""
    for is_text, value in zip(row[::2], row[1::2], strict=True):
        yield _text(value, encoding) if is_text and isinstance(value, bytes) else value


def _whole(names: Sequence[str]) -> str:
    """Return SQL for pairs as those of `lenient`, with blobs as they are."""
    return ", ".join(
        f"typeof({c}) = 'text', iif(typeof({c}) = 'text', CAST({c} AS BLOB), {c})" for c in names
    )


def _text(value: bytes, encoding: str) -> str:
    # A cast of UTF-16 text gives its bytes as they are stored.
    name = "utf-8" if encoding == "UTF-8" else encoding.lower().replace("utf-16", "utf-16-")
    return value.decode(name, "replace")


def _quoted(names: Sequence[str]) -> list[str]:
    return [identifier(name) for name in names]
