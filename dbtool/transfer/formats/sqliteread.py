"""Tables of another SQLite database, or of a dump in SQL, which is run in a private database first.

Columns come with their declared types, so that every value is stored as it was; primary keys and
indexes come as well. Constraints beyond the key, triggers, views and virtual tables do not, which
the notes say. What a dump may do: define and fill. Nothing beyond the private database is reached.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final

import apsw

from dbtool.core.connection import classified, connect, open_readonly
from dbtool.core.names import identifier
from dbtool.core.schema import Schema, Table, read_schema
from dbtool.errors import UsageError
from dbtool.transfer.formats.batch import Batch, Position, Step, Told
from dbtool.transfer.formats.lines import LONGEST_RECORD_BYTES, line_blocks, skip_bom

__all__ = ["SqliteReader"]

_ROWS: Final = 5_000
_BUSY_TIMEOUT_S: Final = 30.0
_FORBIDDEN: Final = frozenset({apsw.SQLITE_ATTACH, apsw.SQLITE_DETACH})
_HARMLESS: Final = frozenset({"foreign_keys", "encoding", "user_version", "application_id"})
"""Settings that dumps begin with."""


class SqliteReader:
    """Reads all ordinary tables, or the only one into a table of another name."""

    textual = False

    def __init__(self, path: Path, table: str | None, *, dump: bool) -> None:
        """Remember what is read.

        Args:
            path: of the database; of the dump it is only for messages.
            table: name of the table to make; None: each has its own.
            dump: the stream is SQL.
        """
        self._path = path
        self._table = table
        self._dump = dump
        self._told: dict[str, Told] = {}
        self.notes: list[str] = []

    def told(self) -> dict[str, Told]:
        """Return keys, types and indexes."""
        return self._told

    def steps(self, stream: BinaryIO, start: Position) -> Iterator[Step]:
        """Yield some thousand rows at a time; see `Reader`.

        Raises:
            UsageError: `sql-invalid`, `source-tables`.
            DbtoolError: as `open_readonly`.
        """
        source = _loaded(stream, self._path) if self._dump else _opened(self._path)
        with source as connection:
            connection.execute("BEGIN")
            schema = read_schema(connection, "main")
            listed = [schema.tables.get(name) for kind, name in schema.items if kind == "table"]
            tables = [table for table in listed if table is not None and _is_ordinary(table)]
            if self._table is not None and len(tables) != 1:
                raise UsageError(
                    "source-tables",
                    f"{self._path} has {len(tables)} tables, and --table names one",
                    hint="leave --table out; each table keeps its name",
                )
            self._describe(schema, tables)
            done = 0
            for table in tables:
                for rows in _chunks(connection, table):
                    done += len(rows)
                    if done <= start.records:
                        continue
                    batch = Batch(self._table or table.name, table.stored, rows)
                    end = Position(0, 0, done)
                    yield Step((batch,), (), _origin(rows), end, 0)

    def _describe(self, schema: Schema, tables: list[Table]) -> None:
        for table in tables:
            renamed = self._table is not None
            indexes = [i.sql for i in schema.indexes(table.name) if i.sql and not renamed]
            key = (table.alias,) if table.alias else tuple(part.column for part in table.key)
            declared = tuple((c.name, _declared(c.definition)) for c in table.columns)
            self._told[self._table or table.name] = Told(
                key, indexes=tuple(indexes), declared=declared
            )
        left = [
            f"{item.kind} {item.name}"
            for (kind, _), item in schema.items.items()
            if kind in ("view", "trigger") or (item.sql or "").lower().startswith("create virtual")
        ]
        if left:
            self.notes.append(f"not taken along: {', '.join(left[:5])}" + _more(len(left) - 5))


def _more(count: int) -> str:
    return f" and {count} more" if count > 0 else ""


def _is_ordinary(table: Table) -> bool:
    name = table.name.lower()
    return table.kind == "table" and not name.startswith(("sqlite_", "_dbtool_"))


def _declared(definition: str) -> str:
    return definition.partition("NOT NULL")[0].partition("DEFAULT")[0].strip()


def _origin(rows: list[Any]) -> Any:
    return lambda index: (0, repr(rows[index]).encode("utf-8", "backslashreplace"))


def _chunks(connection: apsw.Connection, table: Table) -> Iterator[list[Any]]:
    columns = ", ".join(map(identifier, table.stored))
    order = f" ORDER BY {table.rowid}" if table.rowid else ""
    cursor = connection.execute(f"SELECT {columns} FROM main.{identifier(table.name)}{order}")  # noqa: S608 - quoted
    rows: list[Any] = []
    for row in cursor:
        rows.append(row)
        if len(rows) == _ROWS:
            yield rows
            rows = []
    yield rows


@contextmanager
def _opened(path: Path) -> Iterator[apsw.Connection]:
    with classified(path), closing(open_readonly(path, busy_timeout_s=_BUSY_TIMEOUT_S)) as opened:
        yield opened


@contextmanager
def _loaded(stream: BinaryIO, path: Path) -> Iterator[apsw.Connection]:
    """Run a dump in a database that nobody else sees."""
    flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
    with tempfile.TemporaryDirectory(prefix="dbtool-import-") as folder:
        private = Path(folder) / "dump.db"
        with closing(connect(private, flags, busy_timeout_s=0)) as connection:
            connection.pragma("journal_mode", "off")
            connection.pragma("synchronous", 0)
            connection.authorizer = _allowed
            _run(connection, stream, path)
            connection.authorizer = None
            yield connection


def _allowed(action: int, name: str | None, value: str | None, *_rest: str | None) -> int:
    changes = action == apsw.SQLITE_PRAGMA and value is not None
    denied = action in _FORBIDDEN or (changes and (name or "").lower() not in _HARMLESS)
    return apsw.SQLITE_DENY if denied else apsw.SQLITE_OK


def _run(connection: apsw.Connection, stream: BinaryIO, path: Path) -> None:
    first, _ = skip_bom(stream)
    held, line, began = "", 0, 1
    try:
        for block in line_blocks(stream, first):
            for text in io.BytesIO(block):
                line += 1
                held += text.decode("utf-8")
                if text.rstrip().endswith(b";") and apsw.complete(held):
                    connection.execute(held, can_cache=False)
                    held, began = "", line + 1
                elif len(held) > LONGEST_RECORD_BYTES:
                    raise UsageError(
                        "record-too-long", f"a statement from line {began} on is too long"
                    )
        if held.strip():
            connection.execute(held)
        if connection.in_transaction:
            connection.execute("COMMIT")
    except (apsw.SQLError, apsw.AuthError, apsw.ConstraintError, UnicodeDecodeError) as error:
        raise UsageError(
            "sql-invalid",
            f"the statement of {path} that begins in line {began} does not work",
            context=str(error),
            hint="dumps of SQLite are read (sqlite3 app.db .dump); those of others need changes",
        ) from error
