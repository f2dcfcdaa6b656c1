"""The new database that rows are salvaged into: its settings, and the schema, taken with distrust.

Statements of a damaged or hostile schema run under an authorizer that lets them make the object
they say and nothing else: no SELECT, ATTACH, PRAGMA, DROP, no write to any table but the schema.
Functions and collations that only the application has are stood in for: a function by one that
returns NULL, a collation by the order of bytes. Both are told, since an index built by a
stand-in must be built again by the application.

Invariant: the file is private (mode 0600) and nobody else's until the caller moves it, so it needs
no journal: a crash leaves a file that nobody uses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import apsw

from dbtool.core.connection import connect
from dbtool.core.pragmas import MAX_SQL_BYTES, harden
from dbtool.pages.header import DatabaseHeader

__all__ = ["FATAL", "NewDatabase"]

FATAL: Final = (apsw.FullError, apsw.IOError, apsw.InterruptError)
"""What speaks of the machine or the user, not of the statement. (Damaged text indexes can ask for
more memory than there is.)"""

_CREATES: Final = re.compile(r"\s*CREATE\s", re.IGNORECASE)
_MISSING_FUNCTION: Final = re.compile(r"no such function: (.+)")
_BUILT_IN_COLLATIONS: Final = frozenset({"BINARY", "NOCASE", "RTRIM"})
_MOST_STAND_INS: Final = 50
_SCHEMA_TABLES: Final = frozenset({"sqlite_master", "sqlite_schema"})
_ALLOWED: Final = frozenset(
    {
        apsw.SQLITE_CREATE_TABLE,
        apsw.SQLITE_CREATE_INDEX,
        apsw.SQLITE_CREATE_VIEW,
        apsw.SQLITE_CREATE_TRIGGER,
        apsw.SQLITE_READ,
        apsw.SQLITE_FUNCTION,
        apsw.SQLITE_REINDEX,
    }
)
_LEAST_LIMIT_BYTES: Final = 1 << 20
_CACHE_KIB: Final = 32_000


class NewDatabase:
    """A connection to the new file, in one transaction until `reopen` or `close`.

    Args:
        path: an empty private file.
        header: whose page size, reserved bytes, encoding and auto_vacuum are kept.
        raw_header: its bytes, whose user_version and application_id are kept.
        longest_bytes: no value of the old database can be longer.
        interrupted: called now and then; raises to stop.

    Attributes:
        connection: for rows.
        notes: what was stood in for, or could not be made, for people.
    """

    def __init__(
        self,
        path: Path,
        header: DatabaseHeader,
        raw_header: bytes,
        *,
        longest_bytes: int,
        interrupted: Callable[[], None],
    ) -> None:
        self.notes: list[str] = []
        self._path = path
        self._longest_bytes = min(max(longest_bytes, _LEAST_LIMIT_BYTES), 0x7FFFFFFE)
        self._interrupted = interrupted
        self._stand_ins: set[str] = set()
        self._collations: set[str] = set()
        self._uses_wal = header.uses_wal
        self.connection = self._connect()
        try:
            self._settle(header, raw_header)
        except BaseException:
            self.connection.close()
            raise

    def make(self, sql: str) -> str:
        """Make a table, index, view or trigger; return why it could not be, empty where it was."""
        if not _CREATES.match(sql) or len(sql) > MAX_SQL_BYTES:
            return "it is no CREATE statement"
        for _ in range(_MOST_STAND_INS):
            try:
                with self._distrusting():
                    self.connection.execute(sql)
            except apsw.SQLError as error:
                missing = _MISSING_FUNCTION.match(str(error))
                if missing is None or not self._stand_in(missing[1]):
                    return str(error)
            except FATAL:
                raise
            except (apsw.Error, UnicodeError, ValueError) as error:
                return str(error)
            else:
                return ""
        return "it needs too many functions that are not known"

    def make_virtual(self, name: str, sql: str) -> str:
        """Write the schema row of a virtual table whose shadow tables exist; return why not.

        The statement is tried in an empty database first: one that SQLite cannot parse would make
        the whole schema unreadable. The table can be used after `reopen`.
        """
        if not re.match(r"\s*CREATE\s+VIRTUAL\s+TABLE\s", sql, re.IGNORECASE):
            return "it is no CREATE VIRTUAL TABLE statement"
        trial = apsw.Connection(":memory:")
        try:
            harden(trial)
            trial.execute(sql)
            made = trial.execute(
                "SELECT count(*) FROM sqlite_schema WHERE name = ? AND sql = ? AND rootpage = 0",
                (name, sql),
            ).get
            if not made:
                return "its statement makes something else"
        except (apsw.Error, UnicodeError, ValueError) as error:
            return str(error)
        finally:
            trial.close()
        self._write_schema(
            "INSERT INTO sqlite_schema(type, name, tbl_name, rootpage, sql)"
            " VALUES ('table', ?1, ?1, 0, ?2)",
            (name, sql),
        )
        return ""

    def forget_virtual(self, names: list[str]) -> None:
        """Remove virtual tables from the schema; their shadow tables stay."""
        for name in names:
            self._write_schema("DELETE FROM sqlite_schema WHERE name = ? AND rootpage = 0", (name,))
        self.reopen()

    def reopen(self) -> None:
        """Commit, and let SQLite read the schema anew.

        From here on each statement commits by itself, or is rolled back: damaged virtual tables can
        fail while they commit.
        """
        if self.connection.in_transaction:
            self.connection.execute("COMMIT")
        self.connection.close()
        self.connection = self._connect()
        self.connection.pragma("journal_mode", "delete")

    def close(self, *, whole: bool) -> None:
        """Close; `whole`: commit before, and give the file the journal mode of the old one."""
        try:
            if whole:
                if self.connection.in_transaction:
                    self.connection.execute("COMMIT")
                if self._uses_wal:
                    self.connection.pragma("journal_mode", "wal")
        finally:
            self.connection.close()

    def _write_schema(self, sql: str, values: tuple[str, ...]) -> None:
        self.connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 0)
        self.connection.pragma("writable_schema", 1)
        try:
            self.connection.execute(sql, values)
        finally:
            self.connection.pragma("writable_schema", 0)
            self.connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)

    def _connect(self) -> apsw.Connection:
        connection = connect(self._path, apsw.SQLITE_OPEN_READWRITE, busy_timeout_s=0)
        # Double-quoted strings in old schemas, such as DEFAULT "none".
        connection.config(apsw.SQLITE_DBCONFIG_DQS_DDL, 1)
        connection.limit(apsw.SQLITE_LIMIT_LENGTH, self._longest_bytes)
        connection.collation_needed(self._stand_in_collation)
        for name, value in (
            ("journal_mode", "off"),
            ("synchronous", 0),
            ("locking_mode", "exclusive"),
            ("foreign_keys", 0),
            ("cell_size_check", 0),
            ("cache_size", -_CACHE_KIB),
            ("temp_store", 1),
        ):
            connection.pragma(name, value)
        connection.set_progress_handler(self._pulse, 100_000)
        for function in self._stand_ins:
            self._register(connection, function)
        return connection

    def _settle(self, header: DatabaseHeader, raw_header: bytes) -> None:
        connection = self.connection
        connection.pragma("page_size", header.page_size)
        if header.reserved_bytes:
            connection.reserve_bytes(reserve=header.reserved_bytes)
        connection.pragma("encoding", header.encoding)
        connection.pragma("auto_vacuum", header.auto_vacuum)
        connection.execute("BEGIN")
        for name, at in (("user_version", 60), ("application_id", 68)):
            connection.pragma(name, int.from_bytes(raw_header[at : at + 4], "big", signed=True))

    def _pulse(self) -> bool:
        self._interrupted()
        return False

    @contextmanager
    def _distrusting(self) -> Iterator[None]:
        self.connection.authorizer = _authorize
        try:
            yield
        finally:
            self.connection.authorizer = None

    def _stand_in(self, name: str) -> bool:
        """Make a function that returns NULL; return False where that was tried before."""
        if name in self._stand_ins:
            return False
        self._stand_ins.add(name)
        self._register(self.connection, name)
        self.notes.append(f"the function {name} is not known: it stood for NULL")
        return True

    @staticmethod
    def _register(connection: apsw.Connection, name: str) -> None:
        flags = apsw.SQLITE_INNOCUOUS
        connection.create_scalar_function(name, _null, deterministic=True, flags=flags)

    def _stand_in_collation(self, connection: apsw.Connection, name: str) -> None:
        if name.upper() in _BUILT_IN_COLLATIONS:
            return  # asked for in UTF-16, SQLite then takes its own for UTF-8
        if name not in self._collations:
            self._collations.add(name)
            self.notes.append(
                f"the collation {name} is not known: the order of bytes stood for it,"
                " let the application run REINDEX"
            )
        connection.create_collation(name, _compare)


def _authorize(
    action: int, first: str | None, _second: str | None, database: str | None, _by: str | None
) -> int:
    if action in _ALLOWED and database in {"main", None}:
        return apsw.SQLITE_OK
    writes_schema = action in {apsw.SQLITE_INSERT, apsw.SQLITE_UPDATE} and first in _SCHEMA_TABLES
    return apsw.SQLITE_OK if writes_schema and database == "main" else apsw.SQLITE_DENY


def _null(*_: object) -> None:
    return None


def _compare(first: str, second: str) -> int:
    return (first > second) - (first < second)
