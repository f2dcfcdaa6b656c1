"""One archive: rows of tables in batches, each of which says whether it is in force.

    "TABLE"                the columns of the table, then
      _dbtool_batch        the batch that the row came in
      _dbtool_rowid        its rowid in the live table
    _dbtool_batches        id, table, state, rows, digest of them, plan, time
    _dbtool_dictionaries   id, table, column, content

States of a batch: `pending` from when it was copied until it was deleted from the live table;
`done`; `returning` while it is being put back. Invariant: a row that is in the live table with
the same content is not in force here, in whatever state a crash left its batch; `standing` (in the
module of that name) tells, for readers and for recovery alike.

Whoever decides about a batch holds the write lock of the archive (`hold`) from before the live
table is committed until the state is written. So two runs at once never decide about one batch.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import apsw
import blake3

from dbtool.core.atomicfile import SYSTEM_FILES, failures_named
from dbtool.core.connection import classified, connect
from dbtool.core.names import folded, identifier
from dbtool.errors import Damaged, Refused
from dbtool.optimize.retention.codec import Codec, train
from dbtool.optimize.retention.shape import ArchivedTable

__all__ = ["APPLICATION_ID", "ArchiveFile", "Batch", "digest_of"]

APPLICATION_ID: Final = int.from_bytes(b"dbtA", "big")
_VERSION: Final = 1
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS _dbtool_batches(id INTEGER PRIMARY KEY, "table" TEXT NOT NULL,
  state TEXT NOT NULL CHECK(state IN ('pending', 'done', 'returning')), rows INTEGER NOT NULL,
  digest TEXT NOT NULL, plan TEXT NOT NULL, at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS _dbtool_dictionaries(id INTEGER PRIMARY KEY, "table" TEXT NOT NULL,
  "column" TEXT NOT NULL, content BLOB NOT NULL);
"""

Row = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows that came together."""

    id: int
    table: str
    state: str
    rows: int
    digest: str
    plan: str


class ArchiveFile:
    """An archive opened for writing; a context manager.

    Args:
        path: made where it is not there, mode 0600.
        encoding: of a new one; SQLite reads only files of one encoding together.

    Raises:
        Refused: `archive-foreign`, the file is another database.
        DbtoolError: as SQLite and the system say.
    """

    def __init__(self, path: Path, encoding: str = "UTF-8") -> None:
        self.path = path
        with failures_named("make", path.parent):
            _make_folders(path.parent)
        if not path.exists():
            with failures_named("make", path):
                os.close(SYSTEM_FILES.open_new(path))
        with classified(path):
            self.connection = connect(path, apsw.SQLITE_OPEN_READWRITE, busy_timeout_s=10.0)
            # One that reads first and writes then is refused at once where another run writes.
            self.connection.transaction_mode = "IMMEDIATE"
            try:
                self._prepare(encoding)
                self._identity = _identity(path)
            except BaseException:
                self.connection.close()
                raise

    def __enter__(self) -> ArchiveFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def _prepare(self, encoding: str) -> None:
        connection = self.connection
        empty = connection.execute("SELECT count(*) FROM sqlite_schema").get == 0
        require_ours(connection, self.path, empty=empty)
        # What is deleted from the live table is nowhere else: each commit here must be durable.
        connection.pragma("synchronous", "extra")
        if not empty:
            return
        connection.pragma("encoding", encoding)
        with connection:  # as one: an archive is whole, or a file of no bytes
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}").fetchall()
            connection.execute(f"PRAGMA user_version = {_VERSION}").fetchall()
            connection.execute(_TABLES)

    def add(
        self,
        table: ArchivedTable,
        rows: Sequence[Row],
        *,
        compress: Sequence[str],
        plan: str,
        at: str,
    ) -> Batch:
        """Copy rows, as a batch that is not in force yet; durable when this returns.

        Args:
            table: their table.
            rows: key, then values, as the live table gives them.
            compress: names of columns to compress.
            plan: what they belong to.
            at: time, for people.
        """
        connection, width = self.connection, len(table.key)
        digest = digest_of(row[width:] for row in rows)
        with classified(self.path), connection:
            self._require_table(table)
            dictionaries = self._dictionaries(table, rows, compress)
            codec = self.codec()
            connection.execute(
                'INSERT INTO _dbtool_batches(id, "table", state, rows, digest, plan, at) '
                "SELECT max(coalesce(max(id), 0) + 1, ?), ?, 'pending', ?, ?, ?, ? "
                "FROM _dbtool_batches",
                # By the clock: the number of a batch that another run discarded never comes again.
                (time.time_ns(), table.name, len(rows), digest, plan, at),
            )
            number = connection.last_insert_rowid()
            marks = ", ".join("?" * (len(table.columns) + 2))
            connection.executemany(
                f"INSERT INTO {identifier(table.name)}({table.column_list}, _dbtool_batch, "
                f"_dbtool_rowid) VALUES ({marks})",
                (
                    (*_packed(codec, row[width:], dictionaries), number,
                     row[0] if table.has_rowid else None)
                    for row in rows
                ),
            )  # fmt: skip
        return Batch(number, table.name, "pending", len(rows), digest, plan)

    def rows_of(self, table: ArchivedTable, batch: Batch) -> list[Row]:
        """Return the rows of a batch as they were in the live table: rowid, then values."""
        with classified(self.path):
            packed = self._packed_columns(table)
            codec = self.codec()
            found = self.connection.execute(
                f"SELECT _dbtool_rowid, {table.column_list} FROM {identifier(table.name)} "
                f"WHERE _dbtool_batch = ? ORDER BY {table.rowid}",
                (batch.id,),
            ).fetchall()
        return [
            (row[0], *(codec.unpack(v) if at in packed else v for at, v in enumerate(row[1:])))
            for row in found
        ]

    def batches(self, table: str, states: Sequence[str]) -> list[Batch]:
        """Return the batches of a table in some states, oldest first."""
        marks = ", ".join("?" * len(states))
        with classified(self.path):
            rows = self.connection.execute(
                'SELECT id, "table", state, rows, digest, plan FROM _dbtool_batches '
                f'WHERE lower("table") = lower(?) AND state IN ({marks}) ORDER BY id',
                (table, *states),
            ).fetchall()
        return [Batch(*row) for row in rows]  # type: ignore[arg-type]

    def settle(self, batch: Batch, state: str) -> None:
        """Change the state of a batch, durably."""
        with classified(self.path):
            self.connection.execute(
                "UPDATE _dbtool_batches SET state = ? WHERE id = ?", (state, batch.id)
            )

    @contextmanager
    def hold(self, batch: Batch) -> Iterator[bool]:
        """Keep everybody else from writing here in a block; committed at its end.

        Yields:
            Whether the batch is still there, in its state: False, another run decided about it.

        Raises:
            Damaged: `archive-differs`, another file or none is at this path by now.
        """
        with classified(self.path):
            self.connection.execute("BEGIN IMMEDIATE")
        try:
            if _identity(self.path) != self._identity:
                raise Damaged(  # noqa: TRY301 - what follows undoes the same for every error
                    "archive-differs",
                    f"{self.path} was moved or deleted while rows went there",
                    context="rows that were not moved before are still in the table",
                )
            yield bool(
                self.connection.execute(
                    "SELECT count(*) FROM _dbtool_batches WHERE id = ? AND state = ?",
                    (batch.id, batch.state),
                ).get
            )
            with classified(self.path):
                self.connection.execute("COMMIT")
        except BaseException:
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
            raise

    def keep_only(self, table: ArchivedTable, batch: Batch, places: Iterable[int]) -> None:
        """Remove the rows of a batch but for those, which are in force from now on."""
        name = identifier(table.name)
        rowids = self.connection.execute(
            f"SELECT {table.rowid} FROM {name} WHERE _dbtool_batch = ? ORDER BY {table.rowid}",
            (batch.id,),
        ).fetchall()
        kept = set(places)
        gone = [row for at, row in enumerate(rowids) if at not in kept]
        self.connection.executemany(f"DELETE FROM {name} WHERE {table.rowid} = ?", gone)
        digest = digest_of(row[1:] for row in self.rows_of(table, batch))
        self.connection.execute(
            "UPDATE _dbtool_batches SET state = 'done', rows = ?, digest = ? WHERE id = ?",
            (len(kept), digest, batch.id),
        )

    def discard(self, batch: Batch) -> None:
        """Remove a batch and its rows: they are in the live table."""
        with classified(self.path), self.connection:
            table = identifier(batch.table)
            self.connection.execute(f"DELETE FROM {table} WHERE _dbtool_batch = ?", (batch.id,))
            self.connection.execute("DELETE FROM _dbtool_batches WHERE id = ?", (batch.id,))

    def codec(self) -> Codec:
        """Return what unpacks values of this file."""
        return codec_of(self.connection)

    def _require_table(self, table: ArchivedTable) -> None:
        connection, name = self.connection, identifier(table.name)
        declared = ", ".join(table.declared)
        connection.execute(
            f"CREATE TABLE IF NOT EXISTS {name}({declared}, _dbtool_batch INTEGER NOT NULL, "
            "_dbtool_rowid INTEGER)"
        )
        index = identifier(f"_dbtool_{table.name}_batch")
        connection.execute(f"CREATE INDEX IF NOT EXISTS {index} ON {name}(_dbtool_batch)")
        there = {
            folded(str(column))
            for (column,) in connection.execute(
                "SELECT name FROM pragma_table_info(?)", (table.name,)
            )
        }
        for column, declaration in zip(table.columns, table.declared, strict=True):
            if folded(column) not in there:  # the live table got it since
                connection.execute(f"ALTER TABLE {name} ADD COLUMN {declaration}")

    def _dictionaries(
        self, table: ArchivedTable, rows: Sequence[Row], compress: Sequence[str]
    ) -> dict[int, int]:
        """Return the dictionary of each compressed column by its place, trained where it is new."""
        chosen: dict[int, int] = {}
        wanted = {folded(name) for name in compress}
        known = self._packed_columns(table)
        for at, column in enumerate(table.columns):
            if at in known:
                chosen[at] = known[at]
            elif folded(column) in wanted:
                content = train([row[len(table.key) + at] for row in rows])
                self.connection.execute(
                    'INSERT INTO _dbtool_dictionaries("table", "column", content) VALUES (?, ?, ?)',
                    (table.name, column, content or b""),
                )
                chosen[at] = self.connection.last_insert_rowid()
                self._pack_earlier(table, column, chosen[at])
        return chosen

    def _pack_earlier(self, table: ArchivedTable, column: str, dictionary: int) -> None:
        """Pack the blobs that came before their column was compressed: all are read as packed."""
        codec, name, where = self.codec(), identifier(table.name), identifier(column)
        plain = self.connection.execute(
            f"SELECT {table.rowid} FROM {name} WHERE typeof({where}) = 'blob'"
        ).fetchall()
        for (rowid,) in plain:
            value = self.connection.execute(
                f"SELECT {where} FROM {name} WHERE {table.rowid} = ?", (rowid,)
            ).get
            self.connection.execute(
                f"UPDATE {name} SET {where} = ? WHERE {table.rowid} = ?",
                (codec.pack(value, dictionary), rowid),
            )

    def _packed_columns(self, table: ArchivedTable) -> dict[int, int]:
        rows = packed_columns(self.connection, table.name)
        return {at: rows[folded(c)] for at, c in enumerate(table.columns) if folded(c) in rows}


def require_ours(
    connection: apsw.Connection, path: Path, *, empty: bool = False, schema: str = "main"
) -> None:
    """Refuse a file that is no archive of dbtool.

    Raises:
        Refused: `archive-foreign`.
    """
    found = connection.execute(f"PRAGMA {schema}.application_id").get
    version = connection.execute(f"PRAGMA {schema}.user_version").get
    if empty or (found == APPLICATION_ID and version == _VERSION):
        return
    why = f"its version is {version}" if found == APPLICATION_ID else "it is another database"
    raise Refused("archive-foreign", f"{path} is no archive of this dbtool", context=why)


def codec_of(connection: apsw.Connection, schema: str = "main") -> Codec:
    """Return what unpacks values of an archive."""
    rows = connection.execute(f"SELECT id, content FROM {schema}._dbtool_dictionaries")
    return Codec({int(number): bytes(content) for number, content in rows.fetchall()})  # type: ignore[arg-type]


def packed_columns(connection: apsw.Connection, table: str, schema: str = "main") -> dict[str, int]:
    """Return the compressed columns of a table by folded name, and their dictionary."""
    rows = connection.execute(
        f'SELECT "column", id FROM {schema}._dbtool_dictionaries WHERE lower("table") = lower(?)',
        (table,),
    ).fetchall()
    return {folded(str(column)): int(number) for column, number in rows}  # type: ignore[arg-type]


def digest_of(rows: Iterable[Row]) -> str:
    """Return a digest of rows in their order: every value with its type, floats to the last bit."""
    hasher = blake3.blake3()
    for row in rows:
        hasher.update(repr(tuple(row)).encode("utf-8", "surrogatepass"))
    return hasher.hexdigest(16)


def _make_folders(folder: Path) -> None:
    """Make folders whose names survive a power cut: rows will be nowhere else."""
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for each in reversed(missing):
        SYSTEM_FILES.mkdir(each)
        SYSTEM_FILES.fsync_folder(each.parent)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _packed(codec: Codec, values: Sequence[Any], dictionaries: dict[int, int]) -> list[Any]:
    return [
        codec.pack(value, dictionaries[at]) if at in dictionaries else value
        for at, value in enumerate(values)
    ]
