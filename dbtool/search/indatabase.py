"""An index within the database itself, kept by triggers: for applications that search themselves.

    dbtool_fts_TABLE(column, ...)     FTS5, contentless with deletes; its rowid is the table's
    dbtool_fts_TABLE_ai, _au, _ad     triggers after INSERT, UPDATE, DELETE

Every write of the application then writes the index too, and every program that writes needs
SQLite 3.43 or later with FTS5. `INSERT OR REPLACE` removes rows without firing a DELETE trigger; so
the triggers remove the document of a rowid before they add one, and what is left of a row that a
REPLACE removed is no document of any row: searches join the table, and do not see it. `problems`
counts such leftovers, and rows that are not indexed because they were written with triggers off.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import apsw

from dbtool.core.connection import classified, open_live, require_database
from dbtool.core.names import folded, identifier
from dbtool.core.progress import Progress, Silent
from dbtool.core.stoppable import stoppable
from dbtool.errors import NotFound
from dbtool.pages.reader import PageReader
from dbtool.search.access import Searched, corpus_of
from dbtool.search.engine import Corpus
from dbtool.search.model import Mode
from dbtool.search.rows import ask
from dbtool.search.sidecar import IndexedTable
from dbtool.search.subjects import IN_DATABASE_PREFIX, Subject, subjects_of
from dbtool.search.text import TOKENIZER

__all__ = ["InsideTable", "build_inside", "drop_inside", "inside_tables", "open_in_database"]

_EVENTS: Final = ("ai", "au", "ad")


@dataclass(frozen=True, slots=True)
class InsideTable:
    """One table with an index in the database."""

    table: str
    index: str
    rows: int
    leftovers: int
    """Documents of rows that are gone; harmless."""
    missing: int
    """Rows that are not indexed, and so not found."""
    triggers: bool
    """False: a trigger is missing, so the index goes out of date."""
    sound: bool
    """False: FTS5 says that the index is damaged."""

    @property
    def holds(self) -> bool:
        """Whether searches find every row."""
        return self.sound and self.triggers and not self.missing


def build_inside(
    path: Path, *, progress: Progress, busy_timeout_s: float = 10.0
) -> tuple[list[str], list[str]]:
    """Make the index of every table that can have one anew, in one transaction.

    Returns:
        Names of the tables indexed, and of those that cannot be (WITHOUT ROWID, virtual).

    Raises:
        DbtoolError: as `dbtool.core.connection.open_live`.
    """
    with (
        closing(open_live(path, busy_timeout_s=busy_timeout_s)) as connection,
        classified(path),
        stoppable(connection, progress),
    ):
        connection.execute("BEGIN IMMEDIATE")
        try:
            subjects = subjects_of(connection).tables
            able = [s for s in subjects if _able(s)]
            _remove_all(connection)
            for subject in able:
                _create(connection, subject)
                connection.execute(_filling(subject))
                progress.advance(0)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
    return [s.name for s in able], [s.name for s in subjects if not _able(s)]


def drop_inside(path: Path, *, busy_timeout_s: float = 10.0) -> list[str]:
    """Remove every index and trigger that `build_inside` made; return the names of the indexes."""
    with (
        closing(open_live(path, busy_timeout_s=busy_timeout_s)) as connection,
        classified(path),
    ):
        connection.execute("BEGIN IMMEDIATE")
        removed = _remove_all(connection)
        connection.execute("COMMIT")
    return removed


def inside_tables(path: Path, *, busy_timeout_s: float = 10.0) -> list[InsideTable]:
    """Look at the indexes in a database, and whether they hold; nothing is changed.

    The check of FTS5 wants to be written as an INSERT, so it runs in a transaction that is rolled
    back.
    """
    with (
        closing(open_live(path, busy_timeout_s=busy_timeout_s)) as connection,
        classified(path),
    ):
        connection.execute("BEGIN")
        try:
            indexes = _indexes(connection)
            subjects = {folded(s.name): s for s in subjects_of(connection).tables}
            return [
                _looked_at(connection, index, subjects[folded(table)])
                for index, table in indexes.items()
                if folded(table) in subjects
            ]
        finally:
            connection.execute("ROLLBACK")


@contextmanager
def open_in_database(path: Path, *, mode: Mode = "word") -> Iterator[Searched]:
    """Open a live database for searches by the indexes that are in it.

    Raises:
        NotFound: `index-not-found`, there is none.
    """
    real = require_database(path)
    with PageReader.open(real) as reader, classified(real):
        connection = reader.connection
        indexes = _indexes(connection) if connection is not None else {}
        if connection is None or not indexes:
            raise NotFound(
                "index-not-found",
                f"{path} has no index in it",
                hint=f"dbtool search --index build --in-db {path}",
            )
        if mode != "word":
            yield Searched(corpus_of(connection, Silent(), mode))
            return
        found = subjects_of(connection)
        by_table = {folded(table): index for index, table in indexes.items()}
        tables = [
            IndexedTable(number, s, tuple(range(len(s.columns))), inside=by_table[folded(s.name)])
            for number, s in enumerate(found.tables, 1)
            if folded(s.name) in by_table
        ]
        others = [s.name for s in found.tables if folded(s.name) not in by_table]
        notes = (f"without an index in the database, so left out: {', '.join(others)}",)
        corpus = Corpus(connection, tuple(tables), found.skipped, "main", exact=False)
        yield Searched(corpus, notes=notes if others else ())


def _able(subject: Subject) -> bool:
    return subject.rowid is not None and subject.stored_in == subject.name


def _index_of(subject: Subject) -> str:
    return f"{IN_DATABASE_PREFIX}{subject.name}"


def _create(connection: apsw.Connection, subject: Subject) -> None:
    index, table = _index_of(subject), identifier(subject.name)
    columns = ", ".join(f"c{place}" for place in range(len(subject.columns)))
    name = identifier(index)
    connection.execute(
        f"CREATE VIRTUAL TABLE main.{name} USING fts5({columns}, content='',"
        f' contentless_delete=1, tokenize="{TOKENIZER}")'
    )
    rowid = subject.rowid
    remove = f"DELETE FROM {name} WHERE rowid = {{}}.{rowid};"
    add = (
        f"INSERT INTO {name}(rowid, {columns}) VALUES(new.{rowid}, "
        f"{', '.join(_indexed(f'new.{identifier(c)}') for c in subject.columns)});"
    )
    bodies = {
        "ai": ("INSERT", remove.format("new") + add),
        "au": ("UPDATE", remove.format("old") + remove.format("new") + add),
        "ad": ("DELETE", remove.format("old")),
    }
    for event in _EVENTS:
        when, body = bodies[event]
        trigger = identifier(f"{index}_{event}")
        connection.execute(
            f"CREATE TRIGGER main.{trigger} AFTER {when} ON {table} BEGIN {body} END"
        )


def _filling(subject: Subject) -> str:
    places = ", ".join(f"c{place}" for place in range(len(subject.columns)))
    values = ", ".join(_indexed(identifier(column)) for column in subject.columns)
    name = identifier(_index_of(subject))
    return (
        f"INSERT INTO main.{name}(rowid, {places}) SELECT {subject.rowid}, {values}"
        f" FROM {subject.source} ORDER BY {subject.rowid}"
    )


def _indexed(value: str) -> str:
    return f"iif(typeof({value}) = 'blob', NULL, {value})"


def _indexes(connection: apsw.Connection) -> dict[str, str]:
    """Return the indexes of ours by name, with their tables, which may have been renamed since."""
    found: dict[str, str] = {}
    for (index,) in ask(
        connection,
        "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name GLOB ?"
        " AND sql LIKE 'CREATE VIRTUAL TABLE%USING fts5(%contentless_delete=1%'",
        (f"{IN_DATABASE_PREFIX}*",),
    ):
        rows = ask(
            connection,
            "SELECT tbl_name FROM main.sqlite_schema WHERE type = 'trigger' AND name = ?",
            (f"{index}_ai",),
        )
        found[index] = rows[0][0] if rows else index.removeprefix(IN_DATABASE_PREFIX)
    return found


def _remove_all(connection: apsw.Connection) -> list[str]:
    indexes = list(_indexes(connection))
    for index in indexes:
        for event in _EVENTS:
            connection.execute(f"DROP TRIGGER IF EXISTS main.{identifier(f'{index}_{event}')}")
        connection.execute(f"DROP TABLE main.{identifier(index)}")
    return indexes


def _looked_at(connection: apsw.Connection, index: str, subject: Subject) -> InsideTable:
    documents = f"main.{identifier(f'{index}_docsize')}"
    rowid, source = subject.rowid, subject.source

    def count(sql: str) -> int:
        return int(ask(connection, f"SELECT count(*) {sql}")[0][0])

    triggers = connection.execute(
        "SELECT count(*) FROM main.sqlite_schema WHERE type = 'trigger' AND name IN (?, ?, ?)",
        [f"{index}_{event}" for event in _EVENTS],
    ).fetchall()[0][0]
    try:
        name = identifier(index)
        connection.execute(f"INSERT INTO main.{name}({name}) VALUES('integrity-check')")
        sound = True
    except apsw.CorruptError:
        sound = False
    return InsideTable(
        subject.name,
        index,
        count(f"FROM {source}"),
        count(
            f"FROM {documents} d WHERE NOT EXISTS (SELECT 1 FROM {source} t WHERE t.{rowid} = d.id)"
        ),
        count(
            f"FROM {source} t WHERE NOT EXISTS (SELECT 1 FROM {documents} d WHERE d.id = t.{rowid})"
        ),
        triggers == len(_EVENTS),
        sound,
    )
