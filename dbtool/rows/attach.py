"""Two states of a database in one SQLite connection, as the schemas `a` and `b`.

An APSW VFS serves the pages of each state, so that SQLite compares their rows by itself, whatever
they come from; nothing is restored and no file is written. Both are opened as immutable: a snapshot
does not change, and the live state is that of one read transaction, held elsewhere. Temporary
tables are SQLite's own.

A page that cannot be proven fails the statement that reads it with the error of its source.
"""

from __future__ import annotations

import secrets
import threading
from contextlib import ExitStack
from typing import Final

import apsw

from dbtool.core.pragmas import harden
from dbtool.core.unchanging import UnchangingFile
from dbtool.errors import Damaged, Refused
from dbtool.pages.source import PageInvalid, header_of
from dbtool.rows.pages import State

__all__ = ["attach_both"]

VFS_NAME: Final = "dbtool-states"
_CACHE_KIB: Final = 4 << 10
_LOCK: Final = threading.Lock()


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
        _VFS.instance().attach(connection, schema, state)
    return connection


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


class _VFS(apsw.VFS):
    """The one VFS of the process; a state waits here under its name until SQLite opens it."""

    _instance: _VFS | None = None

    def __init__(self) -> None:
        super().__init__(VFS_NAME, "")
        self._waiting: dict[str, State] = {}

    @classmethod
    def instance(cls) -> _VFS:
        """Return the VFS, registered on first use."""
        with _LOCK:
            if cls._instance is None:
                cls._instance = cls()
            return cls._instance

    def attach(self, connection: apsw.Connection, schema: str, state: State) -> None:
        """Attach a state as `schema`."""
        name = f"state-{secrets.token_hex(8)}"
        self._waiting[name] = state
        try:
            connection.execute(
                f"ATTACH ? AS {schema}", (f"file:{name}?vfs={VFS_NAME}&immutable=1&mode=ro",)
            )
            connection.execute(f"PRAGMA {schema}.cache_size = -{_CACHE_KIB}")
            connection.execute(f"PRAGMA {schema}.schema_version").fetchall()
        except apsw.Error as error:
            raise _not_a_database(state, error) from error
        finally:
            self._waiting.pop(name, None)

    def xOpen(  # type: ignore[override]  # noqa: N802  any object with the methods will do
        self, name: str | apsw.URIFilename | None, flags: list[int]
    ) -> apsw.VFSFile | _File:
        """Open a waiting state, or a temporary file of SQLite."""
        if flags[0] & apsw.SQLITE_OPEN_MAIN_DB:
            wanted = name.filename() if isinstance(name, apsw.URIFilename) else name
            state = self._waiting.pop(wanted or "", None)
            if state is None:
                raise apsw.CantOpenError("only dbtool opens states")
            flags[1] = apsw.SQLITE_OPEN_MAIN_DB | apsw.SQLITE_OPEN_READONLY
            return _File(state)
        return super().xOpen(name, flags)

    def xFullPathname(self, name: str) -> str:  # noqa: N802
        """Return the name of a state as it is."""
        return name if name in self._waiting else super().xFullPathname(name)
