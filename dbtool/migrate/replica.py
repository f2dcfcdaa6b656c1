"""A schema in memory, without rows, on which statements are tried before a database sees them.

It is private and harmless whatever runs on it: no other file can be attached, no extension loaded,
and a statement that does not end is stopped. Functions and collations that only the application has
are stood in for, as SQLite needs them to create what uses them.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, TypeVar

import apsw

from dbtool.core.names import identifier
from dbtool.core.schema import Schema, read_schema
from dbtool.errors import UsageError
from dbtool.migrate.canonical import meaningful
from dbtool.migrate.dump import own_items
from dbtool.migrate.statements import UnendedText, split
from dbtool.migrate.tokens import unquoted

__all__ = ["Replica", "load_schema_file"]

_MISSING_FUNCTION: Final = re.compile(r"no such function: (.+)")
_MISSING_MODULE: Final = re.compile(r"no such module: (.+)")
_MOST_STAND_INS: Final = 50
_SHOWN: Final = 60
_STEPS: Final = 100_000
_LONGEST_S: Final = 10.0
_PRAGMAS: Final = frozenset(
    {
        "application_id", "data_version", "defer_foreign_keys", "foreign_key_check",
        "foreign_key_list", "foreign_keys", "index_info", "index_list", "index_xinfo",
        "integrity_check",
        "legacy_alter_table", "quick_check", "recursive_triggers", "table_info",
        "table_list", "table_xinfo", "user_version", "writable_schema",
    }
)  # fmt: skip
"""Pragmas that a replica runs, those of FTS5 and ALTER TABLE among them; it has no file, which the
others are about."""

Returned = TypeVar("Returned")

Asked = tuple[int, str | None, str | None, str | None]
"""What SQLite asks an authorizer: action, two arguments of it, the trigger or view behind it.

Temporary tables are called `temp.NAME`."""


class Replica:
    """A schema in memory.

    Args:
        statements: that create it, in order.
        double_quoted_strings: True: take "text" for a string where it names nothing, as SQLite does
            unless it is told otherwise.

    Raises:
        UsageError: `schema-not-loaded`.
    """

    def __init__(
        self, statements: Iterable[str] = (), *, double_quoted_strings: bool = True
    ) -> None:
        self.connection = apsw.Connection(":memory:")
        self.asked: list[Asked] = []
        """What the statement that ran last asked for."""
        self._deadline_s = 0.0
        self.connection.enable_load_extension(enable=False)
        self.connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 0)
        self.connection.set_progress_handler(self._look_up, _STEPS)
        self.connection.collation_needed(_stand_in_collation)
        self.connection.authorizer = self._authorize
        self.allow_double_quoted_strings(allowed=double_quoted_strings)
        for sql in statements:
            self._load(sql)

    @classmethod
    def of(cls, connection: apsw.Connection) -> Replica:
        """Return a replica of the schema of `main`, the history of dbtool left out."""
        return cls(_definitions(read_schema(connection, "main")))

    def copy(self) -> Replica:
        """Return another one with the same schema."""
        return Replica(_definitions(self.schema()))

    def close(self) -> None:
        """Forget it."""
        self.connection.close()

    def allow_double_quoted_strings(self, *, allowed: bool) -> None:
        """Set whether "text" may be a string."""
        self.connection.config(apsw.SQLITE_DBCONFIG_DQS_DDL, int(allowed))
        self.connection.config(apsw.SQLITE_DBCONFIG_DQS_DML, int(allowed))

    def schema(self) -> Schema:
        """Return what it holds now."""
        return self._quietly(lambda: read_schema(self.connection, "main"))

    def definition(self, kind: str, name: str) -> str:
        """Return the SQL of an object; empty where there is none."""
        rows = self.rows(
            "SELECT sql FROM sqlite_schema WHERE type = ? AND name = ? COLLATE NOCASE", (kind, name)
        )
        return str(rows[0][0] or "") if rows else ""

    def rebuild(self, table: str, create: str) -> list[tuple[str, str, str]]:
        """Put a new definition in the place of a table, as a rebuild does.

        Returns:
            (kind, name, why) of each index and trigger that does not fit the new definition.

        Raises:
            apsw.Error: the new definition is wrong.
        """
        parts = self.rows(
            "SELECT type, name, sql FROM sqlite_schema WHERE tbl_name = ? COLLATE NOCASE"
            " AND type IN ('index', 'trigger') AND sql IS NOT NULL ORDER BY rowid",
            (table,),
        )
        self.execute(f"DROP TABLE {identifier(table)}")
        self.execute(create)
        lost = []
        for kind, name, sql in parts:
            try:
                self.execute(sql)
            except apsw.Error as error:
                lost.append((kind, name, str(error)))
        return lost

    def rows(self, sql: str, bindings: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a query of ours; what it asks for is not recorded."""
        return self._quietly(lambda: self.connection.execute(sql, bindings).fetchall())

    def execute(self, sql: str) -> None:
        """Run one statement and record what it asks for.

        Raises:
            apsw.Error: SQLite refuses it.
        """
        self.asked = []
        self._deadline_s = time.monotonic() + _LONGEST_S
        for _ in range(_MOST_STAND_INS):
            try:
                # Not cached: a statement from the cache would ask for nothing.
                self.connection.execute(sql, can_cache=False).fetchall()
            except apsw.SQLError as error:
                missing = _MISSING_FUNCTION.match(str(error))
                if missing is None or not self._stand_in(missing[1]):
                    raise
            else:
                return

    def explain(self, sql: str) -> list[Asked]:
        """Return what a statement would ask for, without running it."""
        self.asked = []
        self.connection.execute(f"EXPLAIN {sql}", can_cache=False).fetchall()
        return self.asked

    def _load(self, sql: str) -> None:
        try:
            self.define(sql)
        except (apsw.Error, ValueError) as error:  # ValueError: characters that are none
            raise UsageError(
                "schema-not-loaded",
                f"the schema cannot be loaded: {error}",
                context=_beginning(sql),
            ) from error

    def define(self, sql: str) -> None:
        """Run a statement of a schema that is known to work in some database.

        Raises:
            apsw.Error: SQLite refuses it.
        """
        try:
            self.execute(sql)
        except apsw.SQLError as error:
            missing = _MISSING_MODULE.match(str(error))
            if missing is None:
                raise
            self.connection.create_module(missing[1], _StandInModule())  # type: ignore[arg-type]
            self.execute(sql)

    def _quietly(self, work: Callable[[], Returned]) -> Returned:
        self._deadline_s = time.monotonic() + _LONGEST_S
        self.connection.authorizer = None
        try:
            return work()
        finally:
            self.connection.authorizer = self._authorize

    def _authorize(
        self,
        action: int,
        first: str | None,
        second: str | None,
        database: str | None,
        via: str | None,
    ) -> int:
        # A temporary table may hide one of the database.
        name = f"temp.{first}" if database == "temp" and first else first
        self.asked.append((action, name, second, via))
        if action in (apsw.SQLITE_ATTACH, apsw.SQLITE_DETACH):
            return apsw.SQLITE_DENY
        if action == apsw.SQLITE_PRAGMA and (first or "").lower() not in _PRAGMAS:
            return apsw.SQLITE_DENY
        return apsw.SQLITE_OK

    def _look_up(self) -> bool:
        return time.monotonic() > self._deadline_s

    def _stand_in(self, name: str) -> bool:
        """Make a function that returns NULL; return whether that can help."""
        if name.upper() == "LOAD_EXTENSION":
            return False
        self.connection.create_scalar_function(name, _nothing, -1, deterministic=True)
        return True


def load_schema_file(sql: str) -> Replica:
    """Return the schema that a schema.sql creates.

    Raises:
        UsageError: `schema-not-loaded`; a statement of it is wrong, or does not end.
    """
    replica = Replica()
    try:
        for statement in split(sql):
            replica.define(statement.text)
    except UnendedText as error:
        raise UsageError("schema-not-loaded", f"the schema cannot be loaded: {error}") from error
    except apsw.Error as error:
        raise UsageError(
            "schema-not-loaded",
            f"the schema cannot be loaded: line {statement.line}: {error}",
            context=_beginning(statement.text),
        ) from error
    return replica


class _StandInModule:
    """Stands in for a kind of virtual table that only the application has, when a schema is loaded.

    Its columns are called as the arguments begin; nothing can be read from it.
    """

    def create(
        self, _db: object, _module: str, _database: str, _table: str, *arguments: str
    ) -> tuple[str, _StandInModule]:
        words = [meaningful(each) for each in arguments if "=" not in each]
        names = dict.fromkeys(unquoted(found[0].text) for found in words if found)
        listed = ", ".join(map(identifier, names)) or "content"
        return f"CREATE TABLE standin({listed})", self

    Create = Connect = create

    def disconnect(self) -> None:
        """Nothing is held."""

    Disconnect = Destroy = disconnect


def _definitions(schema: Schema) -> list[str]:
    return [item.sql or "" for item in own_items(schema)]


def _beginning(sql: str) -> str:
    line = " ".join(sql.split())
    return f"in the statement that begins with: {line[:_SHOWN]}"


def _nothing(*_arguments: object) -> None:
    return None


def _stand_in_collation(connection: apsw.Connection, name: str) -> None:
    connection.create_collation(name, lambda one, other: (one > other) - (one < other))
