"""The index: tables of a file beside the database, or of one connection and gone with it.

    meta(key, value)                             format, times, the state of the database indexed
    subjects(id, name, ..., prints)              one row of each table that is indexed
    fts_ID(c0, c1, ...)                          FTS5, contentless with deletes: words, no text
    rows_ID(id, digest, skipped)                 what of each row was indexed, as 64 bits
    keys_ID(id, k0, k1, ...)                     WITHOUT ROWID: primary key of each document
    tri_ID(c0)                                   if asked for: trigrams, for searches within words

The column with most text is c0, which costs FTS5 two bytes less for every word. All changes of one
refresh are one transaction: whoever opens the file finds one commit of the database, wholly.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import apsw

from dbtool.core.names import identifier
from dbtool.errors import DbtoolError, Locked
from dbtool.search.model import Skipped, Value
from dbtool.search.rows import ask, fetch
from dbtool.search.subjects import Subject
from dbtool.search.text import TOKENIZER

__all__ = ["FORMAT", "IndexStore", "IndexedTable", "begin_afresh", "is_current_format", "stamp_of"]

APPLICATION_ID: Final = 0x64627466  # "dbtf"
FORMAT: Final = 1
_HASH_BYTES: Final = 64 << 20
"""Of words that FTS5 gathers before it writes a segment; larger ones are merged less often."""
_SAMPLE_ROWS: Final = 200


@dataclass(frozen=True, slots=True)
class IndexedTable:
    """One subject as the index knows it."""

    number: int
    subject: Subject
    order: tuple[int, ...]
    """Of each FTS column: which column of the subject."""
    rows: int = 0
    skipped: int = 0
    """Values that were not indexed: blobs, and text that is too long."""
    skipped_columns: tuple[str, ...] = ()
    inside: str = ""
    """Name of the FTS table within the database itself; empty: it is in an index of ours."""

    @property
    def words(self) -> str:
        """SQL name of the FTS table, and of the hidden column that MATCH takes."""
        return identifier(self.inside or f"fts_{self.number}")

    def position(self, column: str) -> int:
        """Return the number of the FTS column that holds a column of the subject."""
        return self.order.index(self.subject.columns.index(column))


class IndexStore:
    """The tables of an index, through one connection.

    Args:
        connection: that may write them.
        schema: the name under which they are attached: main, or temp.
        trigrams: whether new tables get trigrams too.
        file: where it lies; None: in no file of its own.
    """

    def __init__(
        self,
        connection: apsw.Connection,
        schema: str = "main",
        *,
        trigrams: bool = False,
        file: Path | None = None,
    ) -> None:
        self.connection = connection
        self.schema = schema
        self.trigrams = trigrams
        self._file = file
        self._identity = _identity(file)

    def begin(self) -> None:
        """Begin a transaction that writes.

        Raises:
            Locked: `index-removed`, the file that was opened has no name any more.
            apsw.Error: as of any BEGIN.
        """
        try:
            self.connection.execute("BEGIN IMMEDIATE")
        except (apsw.IOError, apsw.ReadOnlyError):
            self._require_in_place()
            raise
        try:
            self._require_in_place()
        except Locked:
            self.connection.execute("ROLLBACK")
            raise

    def _require_in_place(self) -> None:
        if _identity(self._file) != self._identity:
            raise Locked(
                "index-removed",
                "another process removed the search index meanwhile",
                hint="run it again",
            )

    def create(self) -> None:
        """Make the tables of an empty index."""
        self.connection.execute(
            f"CREATE TABLE {self.schema}.meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;"
            f"CREATE TABLE {self.schema}.subjects(id INTEGER PRIMARY KEY, name TEXT,"
            " signature TEXT, subject TEXT, placing TEXT, rows INTEGER, skipped INTEGER,"
            " skipped_columns TEXT, prints BLOB)"
        )
        self.put("trigrams", int(self.trigrams))

    def get(self, key: str) -> Value:
        """Return a value of `meta`; None where there is none."""
        rows = ask(self.connection, f"SELECT value FROM {self.schema}.meta WHERE key = ?", (key,))
        found: Value = rows[0][0] if rows else None
        return found

    def put(self, key: str, value: Value) -> None:
        """Set a value of `meta`."""
        self.connection.execute(
            f"INSERT OR REPLACE INTO {self.schema}.meta VALUES(?, ?)", (key, value)
        )

    def left_out(self) -> tuple[Skipped, ...]:
        """Return the tables that are not indexed."""
        found = json.loads(str(self.get("left_out") or "[]"))
        return tuple(Skipped(table, (), 0, reason) for table, reason in found)

    # -- subjects

    def tables(self) -> list[IndexedTable]:
        """Return what is indexed."""
        found = []
        columns = "id, subject, placing, rows, skipped, skipped_columns"
        for number, subject, placing, rows, skipped, names in ask(
            self.connection, f"SELECT {columns} FROM {self.schema}.subjects"
        ):
            found.append(
                IndexedTable(
                    number,
                    _subject(subject),
                    tuple(json.loads(placing)),
                    rows,
                    skipped,
                    tuple(json.loads(names)),
                )
            )
        return found

    def prints(self, table: IndexedTable) -> bytes:
        """Return the prints of a table as they were saved; empty: none."""
        rows = ask(
            self.connection,
            f"SELECT prints FROM {self.schema}.subjects WHERE id = ?",
            (table.number,),
        )
        return bytes(rows[0][0] or b"")

    def add(self, source: apsw.Connection, subject: Subject) -> IndexedTable:
        """Make the tables of a subject that is not indexed yet."""
        order = _placing(source, subject)
        number: int = ask(
            self.connection,
            f"INSERT INTO {self.schema}.subjects VALUES(NULL, ?, ?, ?, ?, 0, 0, '[]', x'')"
            " RETURNING id",
            (subject.name, subject.signature, _json(subject), json.dumps(order)),
        )[0][0]
        columns = ", ".join(f"c{place}" for place in range(len(order)))
        tokenizer = TOKENIZER.replace('"', "")
        self.connection.execute(
            f"CREATE VIRTUAL TABLE {self.schema}.fts_{number} USING fts5({columns}, content='',"
            f' contentless_delete=1, tokenize="{tokenizer}");'
            f"CREATE TABLE {self.schema}.rows_{number}(id INTEGER PRIMARY KEY, digest INTEGER,"
            " skipped INTEGER)"
        )
        self._tune(f"fts_{number}")
        if self.get("trigrams"):
            self.connection.execute(
                f"CREATE VIRTUAL TABLE {self.schema}.tri_{number} USING fts5(c0, content='',"
                " contentless_delete=1, detail=none, tokenize='trigram')"
            )
            self._tune(f"tri_{number}")
        if subject.rowid is None:
            keys = ", ".join(f"k{place}" for place in range(len(subject.primary)))
            self.connection.execute(
                f"CREATE TABLE {self.schema}.keys_{number}(id INTEGER PRIMARY KEY, {keys},"
                f" UNIQUE({keys}))"
            )
        return IndexedTable(number, subject, order)

    def rename(self, table: IndexedTable, subject: Subject) -> IndexedTable:
        """Note that a subject has another name, other names of columns, or another root."""
        self.connection.execute(
            f"UPDATE {self.schema}.subjects SET name = ?, subject = ? WHERE id = ?",
            (subject.name, _json(subject), table.number),
        )
        return IndexedTable(
            table.number, subject, table.order, table.rows, table.skipped, table.skipped_columns
        )

    def remove(self, table: IndexedTable) -> None:
        """Forget a subject."""
        for kind in ("fts", "tri", "rows", "keys"):
            self.connection.execute(f"DROP TABLE IF EXISTS {self.schema}.{kind}_{table.number}")
        self.connection.execute(f"DELETE FROM {self.schema}.subjects WHERE id = ?", (table.number,))

    def save(self, table: IndexedTable, prints: bytes, skipped_columns: set[str]) -> None:
        """Note what a refresh of a table gave."""
        names = sorted(skipped_columns | set(table.skipped_columns))
        # What FTS5 gathered of this table would stay in memory until the end of the transaction.
        self._command(f"fts_{table.number}", "flush")
        if self.get("trigrams"):
            self._command(f"tri_{table.number}", "flush")
        self.connection.execute(
            f"UPDATE {self.schema}.subjects SET prints = ?, skipped_columns = ?,"
            f" (rows, skipped) = (SELECT count(*), coalesce(sum(skipped), 0)"
            f" FROM {self.schema}.rows_{table.number}) WHERE id = ?",
            (prints, json.dumps(names), table.number),
        )

    def _command(self, name: str, word: str) -> None:
        self.connection.execute(f"INSERT INTO {self.schema}.{name}({name}) VALUES(?)", (word,))

    def _tune(self, name: str) -> None:
        self.connection.execute(
            f"INSERT INTO {self.schema}.{name}({name}, rank) VALUES('hashsize', ?)", (_HASH_BYTES,)
        )


def is_current_format(store: IndexStore) -> bool:
    """Say whether an index is ours, was made by this version, and is not empty."""
    if store.connection.pragma("application_id", schema=store.schema) != APPLICATION_ID:
        return False
    return bool(store.connection.pragma("user_version", schema=store.schema) == FORMAT)


def stamp_of(store: IndexStore) -> str:
    """Return what moves with every refresh that wrote; empty: there was none."""
    return str(store.get("stamp") or "") if is_current_format(store) else ""


def begin_afresh(store: IndexStore) -> None:
    """Empty an index within the open transaction, and mark it as ours."""
    tables = ask(
        store.connection,
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND (sql LIKE 'CREATE VIRTUAL%'"
        " OR name IN ('meta', 'subjects') OR name GLOB 'rows_*' OR name GLOB 'keys_*')",
    )
    for (name,) in tables:
        store.connection.execute(f"DROP TABLE IF EXISTS main.{identifier(name)}")
    store.create()
    store.connection.execute(
        f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {FORMAT}"
    ).fetchall()


def _placing(source: apsw.Connection, subject: Subject) -> tuple[int, ...]:
    """Return the columns in the order of how much text the first rows have in them."""
    sums = [
        f"sum(iif(typeof({c}) = 'blob', 0, length({c})))" for c in map(identifier, subject.columns)
    ]
    sample = f"FROM (SELECT * FROM {subject.source} LIMIT {_SAMPLE_ROWS})"
    try:
        found = fetch(source, sample, sums, ())[0]
    except (apsw.Error, DbtoolError):
        found = (0,) * len(sums)
    sizes = [float(size) if isinstance(size, (int, float)) else 0.0 for size in found]
    return tuple(sorted(range(len(sizes)), key=lambda place: -sizes[place]))


def _identity(file: Path | None) -> tuple[int, int] | None:
    try:
        status = file.stat() if file is not None else None
    except FileNotFoundError:
        return None
    return (status.st_dev, status.st_ino) if status is not None else None


def _json(subject: Subject) -> str:
    from dataclasses import asdict

    return json.dumps(asdict(subject))


def _subject(text: str) -> Subject:
    fields: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in json.loads(text).items()
    }
    return Subject(**fields)
