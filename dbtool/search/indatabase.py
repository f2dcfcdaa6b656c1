"""An index within the database itself, kept by triggers: for applications that search themselves.

    dbtool_fts_TABLE_words(c0, ...)         FTS5, contentless with deletes; its rowid is the table's
    dbtool_fts_TABLE_words_ai, _au, _ad     triggers after INSERT, UPDATE, DELETE

The name ends so that no index can be taken for a part of another: FTS5 keeps that of `user` in
`..._data`, `..._config` and others, which may be names of tables too.

A table without an INTEGER PRIMARY KEY gets none: VACUUM may renumber its rows, and no trigger
fires. Nor is an index searched of which a trigger is missing, as after DROP TABLE.

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
_SUFFIX: Final = "_words"


@dataclass(frozen=True, slots=True)
class _Index:
    """One index of ours."""

    name: str
    table: str
    """As its triggers have it: the table may have been renamed since."""
    triggers: bool
    """Whether all of them are there."""


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
        Names of the tables indexed, and of those that cannot be: virtual, or without an
        INTEGER PRIMARY KEY.

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
            able = [s for s in subjects if _able(connection, s)]
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
    return [s.name for s in able], [s.name for s in subjects if s not in able]


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
    """Look at the indexes in a database, and whether they hold, in one read transaction."""
    with PageReader.open(path, busy_timeout_s=busy_timeout_s) as reader, classified(path):
        connection = reader.connection
        if connection is None:
            return []
        subjects = {folded(s.name): s for s in subjects_of(connection).tables}
        return [
            _looked_at(connection, index, subjects[folded(index.table)])
            for index in _indexes(connection)
            if folded(index.table) in subjects
        ]


@contextmanager
def open_in_database(path: Path, *, mode: Mode = "word") -> Iterator[Searched]:
    """Open a live database for searches by the indexes that are in it.

    Raises:
        NotFound: `index-not-found`, there is none.
    """
    real = require_database(path)
    with PageReader.open(real) as reader, classified(real):
        connection = reader.connection
        indexes = _indexes(connection) if connection is not None else []
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
        whole = {folded(each.table): each.name for each in indexes if each.triggers}
        tables = [
            IndexedTable(number, s, tuple(range(len(s.columns))), inside=whole[folded(s.name)])
            for number, s in enumerate(found.tables, 1)
            if folded(s.name) in whole and _able(connection, s)
        ]
        searched = {table.subject.name for table in tables}
        others = [s.name for s in found.tables if s.name not in searched]
        what = "without an index in the database that its triggers keep, so left out"
        notes = (f"{what}: {', '.join(others)}",)
        corpus = Corpus(connection, tuple(tables), found.skipped, "main", exact=False)
        yield Searched(corpus, notes=notes if others else ())


def _able(connection: apsw.Connection, subject: Subject) -> bool:
    """Say whether the rows of a table keep their numbers whatever happens to it."""
    if subject.rowid is None or subject.stored_in != subject.name:
        return False
    # Any other primary key has an index of its own.
    keys, indexed = ask(
        connection,
        "SELECT count(*) FROM pragma_table_info(?1) WHERE pk UNION ALL"
        " SELECT count(*) FROM pragma_index_list(?1) WHERE origin = 'pk'",
        (subject.name,),
    )
    return bool(keys[0]) and not indexed[0]


def _index_of(subject: Subject) -> str:
    return f"{IN_DATABASE_PREFIX}{subject.name}{_SUFFIX}"


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
    for trigger, event in zip(_triggers_of(index), _EVENTS, strict=True):
        when, body = bodies[event]
        connection.execute(
            f"CREATE TRIGGER main.{identifier(trigger)} AFTER {when} ON {table} BEGIN {body} END"
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


def _indexes(connection: apsw.Connection) -> list[_Index]:
    """Return the indexes of ours."""
    found = []
    for (name,) in ask(
        connection,
        "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name GLOB ?"
        " AND sql LIKE 'CREATE VIRTUAL TABLE%USING fts5(%contentless_delete=1%'",
        (f"{IN_DATABASE_PREFIX}*{_SUFFIX}",),
    ):
        tables = ask(
            connection,
            "SELECT tbl_name FROM main.sqlite_schema WHERE type = 'trigger' AND name IN (?, ?, ?)",
            _triggers_of(name),
        )
        shown = name.removeprefix(IN_DATABASE_PREFIX).removesuffix(_SUFFIX)
        table = tables[0][0] if tables else shown
        found.append(_Index(name, table, triggers=len(tables) == len(_EVENTS)))
    return found


def _triggers_of(index: str) -> list[str]:
    return [f"{index}_{event}" for event in _EVENTS]


def _remove_all(connection: apsw.Connection) -> list[str]:
    names = [each.name for each in _indexes(connection)]
    for name in names:
        for trigger in _triggers_of(name):
            connection.execute(f"DROP TRIGGER IF EXISTS main.{identifier(trigger)}")
        connection.execute(f"DROP TABLE main.{identifier(name)}")
    return names


def _looked_at(connection: apsw.Connection, index: _Index, subject: Subject) -> InsideTable:
    documents = f"main.{identifier(f'{index.name}_docsize')}"
    rowid, source = subject.rowid, subject.source

    def count(sql: str) -> int:
        return int(ask(connection, f"SELECT count(*) {sql}")[0][0])

    # Of a virtual table this asks FTS5, and other than FTS5's own command it writes nothing.
    told = ask(connection, f"PRAGMA main.integrity_check({identifier(index.name)})")
    return InsideTable(
        subject.name,
        index.name,
        count(f"FROM {source}"),
        count(
            f"FROM {documents} d WHERE NOT EXISTS (SELECT 1 FROM {source} t WHERE t.{rowid} = d.id)"
        ),
        count(
            f"FROM {source} t WHERE NOT EXISTS (SELECT 1 FROM {documents} d WHERE d.id = t.{rowid})"
        ),
        index.triggers and _able(connection, subject),
        told == [("ok",)],
    )
