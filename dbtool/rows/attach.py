"""Two states of a database in one SQLite connection, as the schemas `a` and `b`.

A VFS serves the pages of each state (`dbtool.core.unchanging`), so that SQLite compares their rows
by itself, whatever they come from; nothing is restored and no file is written. Neither can change:
a snapshot does not, and the live state is that of one read transaction, held elsewhere. Temporary
tables are SQLite's own.

A page that cannot be proven fails the statement that reads it with the error of its source.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import Final

import apsw

from dbtool.core.pragmas import harden
from dbtool.core.unchanging import UnchangingFile, offered
from dbtool.errors import Damaged, Refused
from dbtool.pages.source import PageInvalid, header_of
from dbtool.rows.pages import State

__all__ = ["attach_both"]

_CACHE_KIB: Final = 4 << 10


def attach_both(a: State, b: State, closing: ExitStack) -> apsw.Connection:
    """Return a hardened connection with the states attached as `a` and `b`.

    Raises:
        Refused: `encoding-differs`, they store text in different ways.
        Damaged: `snapshot-not-a-database`, SQLite does not take one of them.
    """
    encodings = {_encoding(state) for state in (a, b) if state.page_count} or {"UTF-8"}
    if len(encodings) > 1:
        raise Refused(
            "encoding-differs",
            f"{a.label} and {b.label} have different text encodings",
            context="the database was made anew with another one in between",
            hint="dbtool restore SNAPSHOT --to FILE      to look at both side by side",
        )
    connection = apsw.Connection(
        ":memory:",
        flags=apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE | apsw.SQLITE_OPEN_URI,
    )
    closing.callback(connection.close)
    harden(connection)
    connection.pragma("encoding", encodings.pop())
    connection.pragma("temp_store", "FILE")
    for schema, state in (("a", a), ("b", b)):
        _attach(connection, schema, state)
    return connection


def _attach(connection: apsw.Connection, schema: str, state: State) -> None:
    with offered(_File(state)) as uri:
        try:
            connection.execute(f"ATTACH ? AS {schema}", (uri,))
            connection.execute(f"PRAGMA {schema}.cache_size = -{_CACHE_KIB}")
            connection.execute(f"PRAGMA {schema}.schema_version").fetchall()
        except apsw.Error as error:
            raise _not_a_database(state, error) from error


def _encoding(state: State) -> str:
    try:
        return header_of(state).encoding
    except PageInvalid as error:
        raise _not_a_database(state, error) from error


def _not_a_database(state: State, error: Exception) -> Damaged:
    return Damaged(
        "snapshot-not-a-database",
        f"SQLite cannot read {state.label}",
        context=f"every page is as it was backed up; SQLite says: {error}",
        hint="dbtool snapshots      lists older ones",
    )


class _File(UnchangingFile):
    """The file object of one state; whoever made the state closes it."""

    def __init__(self, state: State) -> None:
        super().__init__(state.page_size * state.page_count)
        self._state = state
        self._page_size = state.page_size

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802  SQLite's name
        """Return `amount` bytes from `offset`, fewer at the end of the file."""
        parts: list[bytes] = []
        end = min(offset + amount, self._size)
        while offset < end:
            page, start = divmod(offset, self._page_size)
            length = min(self._page_size - start, end - offset)
            content = self._state.page(page + 1)
            if length == amount == self._page_size:
                return content
            parts.append(content[start : start + length])
            offset += length
        return b"".join(parts)
