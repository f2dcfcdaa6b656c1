"""What a rule needs to know of a table: its columns, what names a row, and how values are read.

Text is read as bytes and decoded here, because a database may hold text that is none in its
encoding. Names come from the schema, which may be hostile: they are quoted wherever SQL is made.
"""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

import apsw

from dbtool.core.names import identifier
from dbtool.errors import UsageError
from dbtool.integrity.rules.model import Value

__all__ = [
    "Table",
    "cells",
    "decoder",
    "find_column",
    "find_table",
    "read_cells",
    "shown",
]

SHOWN_BYTES: Final = 1024
"""Longest text or BLOB that an offender shows."""

_ROWID_NAMES: Final = ("rowid", "_rowid_", "oid")
_CODECS: Final = {"UTF-8": "utf-8", "UTF-16le": "utf-16-le", "UTF-16be": "utf-16-be"}


@dataclass(frozen=True, slots=True)
class Table:
    """One table, virtual table or view."""

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    """Columns that name a row: the primary key, or the rowid; empty for a view."""
    rowid: str | None
    """A name of the rowid that no column has taken."""
    sliceable: bool
    """Whether ranges of the rowid are quick to find."""

    @property
    def sql(self) -> str:
        """The table's name in SQL."""
        return f"main.{identifier(self.name)}"


def decoder(connection: apsw.Connection) -> str:
    """Return the name of the codec of the database's text."""
    return _CODECS.get(str(connection.pragma("encoding")), "utf-8")


def find_table(connection: apsw.Connection, name: str, origin: str) -> Table:
    """Return a table or view by its name, as SQLite compares names.

    Raises:
        UsageError: `rule-unknown-table`.
    """
    codec = decoder(connection)
    listed = connection.execute(
        "SELECT CAST(name AS BLOB), type, wr FROM pragma_table_list WHERE schema = 'main'"
    )
    tables = {_text(raw, codec): (kind, without) for raw, kind, without in listed}
    real = _same_name(name, tables)
    if real is None:
        raise _unknown("rule-unknown-table", f"there is no table {name}", name, tables, origin)
    kind, without_rowid = tables[real]
    columns = connection.execute(
        'SELECT CAST(name AS BLOB), pk, "notnull", type FROM pragma_table_xinfo(?, ?)',
        (real, "main"),
    )
    return _table(
        real, kind, bool(without_rowid), [(_text(raw, codec), *rest) for raw, *rest in columns]
    )


def _table(name: str, kind: str, without_rowid: bool, columns: list[Any]) -> Table:  # noqa: FBT001 - as SQLite answers
    names = tuple(str(column[0]) for column in columns)
    taken = {column.lower() for column in names}
    rowid = None
    if kind != "view" and not without_rowid:
        rowid = next((alias for alias in _ROWID_NAMES if alias not in taken), None)
    primary = sorted((column for column in columns if column[1]), key=lambda column: column[1])
    key = tuple(str(column[0]) for column in primary)
    is_rowid = len(primary) == 1 and str(primary[0][3]).upper() == "INTEGER"
    # A primary key that is not the rowid may hold NULL, so it does not always name a row.
    nullable = not is_rowid and not all(column[2] for column in primary)
    if rowid and (not key or nullable):
        key = (*key, rowid)
    return Table(name, names, key, rowid, sliceable=rowid is not None and kind == "table")


def find_column(table: Table, name: str, origin: str) -> str:
    """Return a column of a table by its name, as SQLite compares names.

    Raises:
        UsageError: `rule-unknown-column`.
    """
    real = _same_name(name, table.columns)
    if real is None:
        message = f"table {table.name} has no column {name}"
        raise _unknown("rule-unknown-column", message, name, table.columns, origin)
    return real


def cells(columns: Sequence[str]) -> str:
    """Return the SQL of values as `read_cells` wants them: three expressions for each column."""
    parts = []
    for column in columns:
        name = identifier(column)
        start = f"substr(CAST({name} AS BLOB), 1, {SHOWN_BYTES + 1})"
        parts.append(
            f"typeof({name}), octet_length({name}), "
            f"CASE WHEN typeof({name}) IN ('text', 'blob') THEN {start} ELSE {name} END"
        )
    return ", ".join(parts)


def read_cells(
    columns: Sequence[str], row: Sequence[Any], codec: str
) -> tuple[tuple[str, Value], ...]:
    """Return names and values of what `cells` selected; `row` begins with it."""
    return tuple(
        (column, shown(row[3 * index], row[3 * index + 1], row[3 * index + 2], codec))
        for index, column in enumerate(columns)
    )


def shown(kind: str, size_bytes: int, value: Any, codec: str) -> Value:
    """Return a value as an offender shows it; `size_bytes` is its whole size."""
    if kind in ("text", "blob") and value is None:
        value = b""  # what `substr` makes of an empty BLOB
    if kind == "text":
        # Not final: a character that was cut in two at the end is left out.
        whole = size_bytes <= SHOWN_BYTES
        reader = codecs.getincrementaldecoder(codec)("backslashreplace")
        return reader.decode(value[:SHOWN_BYTES], whole) + ("" if whole else "…")
    if kind == "blob":
        return bytes(value[:SHOWN_BYTES])
    return value if value is None or isinstance(value, (int, float)) else str(value)


def _text(raw: bytes, codec: str) -> str:
    return raw.decode(codec, "backslashreplace")


def _same_name(name: str, names: Any) -> str | None:
    lowered = name.lower()
    return next((other for other in names if other.lower() == lowered), None)


def _unknown(code: str, message: str, name: str, names: Any, origin: str) -> UsageError:
    close = get_close_matches(name, list(names), 1, 0.6)
    known = sorted(other for other in names if not other.startswith("sqlite_"))[:12]
    hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(known) or 'none'}"
    return UsageError(code, f"{origin}: {message}" if origin else message, hint=hint)
