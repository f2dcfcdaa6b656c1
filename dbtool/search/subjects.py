"""Which tables of a database are searched, how their rows are read, and what is left out.

    table with rowids        a document per row, named by its rowid
    WITHOUT ROWID            a document per row, numbered by the index, found by its primary key
    FTS5, FTS3/4             the text that the table keeps itself (its shadow table `..._content`)
    views, other virtual     left out: their rows are those of other tables, or of other programs
    generated columns        left out where they are not stored: they follow from others
    dbtool's own tables      left out: its indexes and the history of migrations

Of a value only text and numbers are searched; blobs never are.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Final

import apsw

from dbtool.core.names import folded, identifier
from dbtool.core.schema import Column, Schema, Table, read_schema
from dbtool.errors import Damaged
from dbtool.search.model import Skipped

__all__ = ["Subject", "Subjects", "renamed_table", "same_table", "subjects_of"]

IN_DATABASE_PREFIX: Final = "dbtool_fts_"
"""Names of the index tables that dbtool makes within a database."""
_OWN_PREFIXES: Final = (IN_DATABASE_PREFIX, "_dbtool_")
_MOST_COLUMNS: Final = 1900
"""Of one table; FTS5 takes 1999."""
_CONTENT: Final = "_content"


@dataclass(frozen=True, slots=True)
class Subject:
    """One table that is searched."""

    name: str
    """As a person calls it."""
    columns: tuple[str, ...]
    """Names of the columns whose values are searched."""
    key: tuple[str, ...]
    """Primary key as it is shown: columns, or `rowid`."""
    source: str
    """SQL that stands behind FROM; its columns have the names of `columns`."""
    rowid: str | None
    """SQL name of the rowid in `source`; None: WITHOUT ROWID."""
    primary: tuple[str, ...]
    """Columns of the primary key of a WITHOUT ROWID table; empty for others."""
    stored_in: str
    """The table whose b-tree holds the rows."""
    root: int
    """Page number of that b-tree's root."""
    signature: str
    """Moves with everything that decides what is read of a row, but not with names."""
    affinities: tuple[str, ...] = ()
    """Of each column: integer, real, numeric, text or blob."""
    shown: tuple[str, ...] = ()
    """All columns in their order, generated ones too, for showing a whole row."""

    def column(self, name: str) -> str | None:
        """Return the searched column of that name."""
        wanted = folded(name)
        return next((c for c in self.columns if folded(c) == wanted), None)


@dataclass(frozen=True, slots=True)
class Subjects:
    """All tables that are searched, and what is not."""

    tables: tuple[Subject, ...]
    skipped: tuple[Skipped, ...]


def subjects_of(connection: apsw.Connection) -> Subjects:
    """Read the schema and say what is searched; the connection should be in a transaction.

    Raises:
        Damaged: `text-damaged`, a name is no text.
    """
    try:
        schema = read_schema(connection, "main")
    except UnicodeDecodeError as error:
        raise Damaged(
            "text-damaged", "the schema holds a name that is not valid text", context=str(error)
        ) from error
    found: list[Subject] = []
    skipped: list[Skipped] = []
    for table in schema.tables.values():
        if folded(table.name).startswith("sqlite_"):
            continue
        subject = _subject(connection, schema, table)
        if isinstance(subject, Subject):
            found.append(subject)
        elif subject:
            skipped.append(Skipped(table.name, (), 0, subject))
    return Subjects(tuple(sorted(found, key=lambda subject: subject.name.lower())), tuple(skipped))


def same_table(before: Subject, now: Subject) -> bool:
    """Say whether a table of that name is read as it was; its root may be another."""
    return (before.name, before.stored_in, before.signature) == (
        now.name,
        now.stored_in,
        now.signature,
    )


def renamed_table(before: Subject, now: Subject) -> bool:
    """Take a table with the same root and shape for the same one; its pages tell what differs."""
    return (before.root, before.signature) == (now.root, now.signature)


def _subject(connection: apsw.Connection, schema: Schema, table: Table) -> Subject | str:
    """Return a subject, or why there is none; empty where nobody would miss it."""
    if folded(table.name).startswith(_OWN_PREFIXES) or table.kind == "shadow":
        return ""
    if table.kind == "virtual":
        return _full_text(connection, schema, table)
    columns = [c for c in table.columns if not c.hidden and not _is_virtual(connection, table, c)]
    if not columns:
        return "it has no stored column"
    if len(columns) > _MOST_COLUMNS:
        return f"it has more than {_MOST_COLUMNS} columns"
    if not table.without_rowid and table.rowid is None:
        return "its columns hide the rowid"
    rowid = None if table.without_rowid else identifier(table.rowid or "")
    primary = tuple(part.column for part in table.key) if table.without_rowid else ()
    alias = (table.alias,) if table.alias else None
    declared = tuple(part.column for part in table.key)
    definitions = [[c.definition, c.generated] for c in columns]
    return Subject(
        name=table.name,
        columns=tuple(c.name for c in columns),
        key=alias or declared or ("rowid",),
        source=f"main.{identifier(table.name)}",
        rowid=rowid,
        primary=primary,
        stored_in=table.name,
        root=table.item.root,
        signature=_signature("rows", definitions, len(primary), [c.primary for c in columns]),
        affinities=tuple(_affinity(c) for c in columns),
        shown=tuple(c.name for c in table.columns if not c.hidden),
    )


def _full_text(connection: apsw.Connection, schema: Schema, table: Table) -> Subject | str:
    content = schema.tables.get(folded(table.name + _CONTENT))
    if content is None or content.alias is None:
        return "it is a virtual table that keeps no text of its own"
    names = [c.name for c in table.columns if not c.hidden]
    kept = [c.name for c in content.columns if c.name != content.alias][: len(names)]
    if len(kept) != len(names) or not all(
        name.startswith(f"c{number}") for number, name in enumerate(kept)
    ):
        return "it is a virtual table that keeps no text of its own"
    chosen = ", ".join(
        f"{identifier(stored)} AS {identifier(name)}"
        for stored, name in zip(kept, names, strict=True)
    )
    rowid = identifier(content.alias)
    return Subject(
        name=table.name,
        columns=tuple(names),
        key=("rowid",),
        source=f"(SELECT {rowid} AS rowid, {chosen} FROM main.{identifier(content.name)})",
        rowid="rowid",
        primary=(),
        stored_in=content.name,
        root=content.item.root,
        signature=_signature("full-text", kept),
        affinities=("text",) * len(names),
        shown=tuple(names),
    )


def _is_virtual(connection: apsw.Connection, table: Table, column: Column) -> bool:
    """Say whether a column is computed when it is read, perhaps by functions we do not have."""
    if not column.generated:
        return False
    rows = connection.execute(
        "SELECT hidden FROM pragma_table_xinfo(?) WHERE name = ?", (table.name, column.name)
    ).fetchall()
    return bool(rows) and rows[0][0] == 2  # noqa: PLR2004 - SQLite's number for VIRTUAL


def _affinity(column: Column) -> str:
    """Return the affinity by the rules of https://sqlite.org/datatype3.html#affname."""
    kind = column.definition.upper()
    for words, affinity in (
        (("INT",), "integer"),
        (("CHAR", "CLOB", "TEXT"), "text"),
        (("BLOB",), "blob"),
        (("REAL", "FLOA", "DOUB"), "real"),
    ):
        if any(word in kind for word in words):
            return affinity
    return "numeric" if kind else "blob"


def _signature(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts).encode("utf-8", "backslashreplace")).hexdigest()[:32]
