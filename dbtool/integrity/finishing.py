"""What a filled database still needs: counters, indexes, virtual tables, views, triggers, proof.

A text index (FTS3, FTS4, FTS5) is rebuilt from its content. A virtual table that does not pass its
own check afterwards is taken out of the schema and its shadow tables stay as plain tables, so that
what they hold can still be read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import apsw

from dbtool.core.names import identifier
from dbtool.core.progress import Progress
from dbtool.errors import Damaged
from dbtool.integrity.newdatabase import FATAL, NewDatabase
from dbtool.pages.schematable import SchemaRow

__all__ = ["finish"]

_UNIQUE: Final = re.compile(r"\s*CREATE\s+UNIQUE\s", re.IGNORECASE)
_TEXT_INDEX: Final = re.compile(r"USING\s+[\"'`\[]?fts[345]\b", re.IGNORECASE)
_ANALYZED_ROWS: Final = 1000


def finish(
    database: NewDatabase,
    schema: Sequence[SchemaRow],
    sequences: dict[str, int],
    progress: Progress,
) -> None:
    """Make the rest of the schema, and prove that the new database is sound.

    What cannot be made is told in the notes of `database`.

    Raises:
        Damaged: `salvage-failed`, it is not.
        apsw.Error: no space, or an I/O error.
    """
    progress.start("building indexes", len(schema), "objects")
    _restore_sequences(database, sequences)
    for row in schema:
        progress.advance(1)
        if row.kind == "index" and row.sql and not _UNIQUE.match(row.sql):
            _make(database, row)
    for kind in ("view", "trigger"):
        for row in schema:
            if row.kind == kind:
                _make(database, row)
    # Last: virtual tables write to their shadow tables at any statement, under any authorizer.
    _make_virtual_tables(database, schema, progress)
    if any(row.name == "sqlite_stat1" for row in schema):
        database.connection.pragma("analysis_limit", _ANALYZED_ROWS)
        database.connection.execute("ANALYZE")
    progress.finish()
    progress.start("checking what was salvaged", None, "tables")
    complaints = _complaints(database, None)
    progress.finish()
    if complaints:
        message = "what was salvaged does not make a sound database"
        raise Damaged("salvage-failed", message, context="; ".join(complaints[:3]))


def _make(database: NewDatabase, row: SchemaRow) -> None:
    complaint = database.make(row.sql)
    if complaint:
        database.notes.append(f"the {row.kind} {row.name} cannot be made: {complaint}")


def _restore_sequences(database: NewDatabase, sequences: dict[str, int]) -> None:
    """Let AUTOINCREMENT go on where it was, also where the last rows were deleted."""
    connection = database.connection
    known = connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_sequence'").get
    if not known:
        return
    for name, last in sequences.items():
        connection.execute(
            "UPDATE sqlite_sequence SET seq = max(seq, ?2) WHERE name = ?1", (name, last)
        )
        if not connection.changes():
            connection.execute(
                "INSERT INTO sqlite_sequence SELECT ?1, ?2 WHERE ?1 IN"
                " (SELECT name FROM sqlite_schema)",
                (name, last),
            )


def _make_virtual_tables(
    database: NewDatabase, schema: Sequence[SchemaRow], progress: Progress
) -> None:
    made = []
    for row in schema:
        if row.kind != "table" or row.root_page:
            continue
        complaint = database.make_virtual(row.name, row.sql)
        if complaint:
            database.notes.append(f"the virtual table {row.name} cannot be made: {complaint}")
        else:
            made.append(row)
    if not made:
        return
    database.reopen()
    unsound = []
    for row in made:
        progress.advance(0)
        complaint = _rebuild(database, row) if _TEXT_INDEX.search(row.sql) else ""
        found = _complaints(database, row.name)
        if found:
            unsound.append(row.name)
            why = complaint or found[0]
            message = f"the virtual table {row.name} is damaged, only its shadow tables are kept"
            database.notes.append(f"{message}: {why}")
        elif complaint and "contentless" not in complaint:
            database.notes.append(f"the text index {row.name} is not rebuilt: {complaint}")
    if unsound:
        database.forget_virtual(unsound)


def _rebuild(database: NewDatabase, row: SchemaRow) -> str:
    name = identifier(row.name)
    try:
        database.connection.execute(f"INSERT INTO {name}({name}) VALUES ('rebuild')")  # noqa: S608
    except FATAL:
        raise
    except apsw.Error as error:
        return str(error)
    return ""


def _complaints(database: NewDatabase, table: str | None) -> list[str]:
    """Return what SQLite's own check says of a table or all; nothing where all is well."""
    about = "" if table is None else f"({identifier(table)})"
    try:
        answers = database.connection.execute(f"PRAGMA integrity_check{about}").fetchall()
    except FATAL:
        raise
    except apsw.Error as error:
        return [str(error)]
    return [str(answer) for (answer,) in answers if answer != "ok"]
