"""Everything about one row: the rows that foreign keys tie to it, in both directions.

    down    rows that refer to it, rows that refer to those, and so on: what belongs to it
    up      rows that any of these refer to, and what those refer to: what they need to make sense

From what was found on the way up nothing goes down again: a customer's country is part of what is
known about the customer, all other customers of that country are not.

Invariant: the rows found are closed upwards, so that the export breaks no foreign key that the
database keeps. Each row is found once, however the keys run in circles.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, NamedTuple

import apsw

from dbtool.core.names import folded, identifier
from dbtool.core.progress import Progress
from dbtool.core.schema import Schema, Table
from dbtool.core.sqlerror import nearest
from dbtool.core.stoppable import stoppable
from dbtool.errors import Damaged, NotFound, Refused, UsageError
from dbtool.transfer.export.links import Link, key_columns
from dbtool.transfer.export.reading import RowSource, Value
from dbtool.transfer.export.tables import row_tables

__all__ = ["Step", "Subject", "SubjectKey", "follow_subject"]

Key = tuple[Value, ...]
_CHUNK: Final = 200
"""Keys of one statement."""


class SubjectKey(NamedTuple):
    """The row that it begins with."""

    table: str
    values: Key
    """Of the primary key, or of `column`."""
    column: str | None = None
    """Another column that names the row, or some rows; None: the primary key."""


class Step(NamedTuple):
    """Rows that were found along one foreign key."""

    link: Link | None
    """None: the row itself."""
    up: bool
    table: str
    rows: int


@dataclass(frozen=True, slots=True)
class Subject:
    """What was found."""

    sources: dict[str, RowSource]
    """Rows by table, to be exported."""
    counts: dict[str, int]
    steps: tuple[Step, ...]


def follow_subject(
    connection: apsw.Connection,
    schema: Schema,
    start: SubjectKey,
    links: Sequence[Link],
    progress: Progress,
) -> Subject:
    """Find everything about a row; the keys of its rows are held in memory.

    Raises:
        NotFound: `table-not-found`, `row-not-found`.
        UsageError: `key-invalid`, the table has another key.
        Refused: `table-kind`, nothing names the rows of a table that belongs to it.
        Damaged: `text-damaged`, a key is not valid text.
    """
    progress.start("following foreign keys", None, "rows")
    following = _Following(connection, schema, links, progress)
    try:
        with stoppable(connection, progress):
            following.begin(start)
            following.follow(following.down)
            following.follow(following.up)
    except UnicodeDecodeError as error:
        raise Damaged(
            "text-damaged",
            "a key has text that is not valid in the database's encoding",
            context=str(error),
            hint="dbtool export --to FOLDER/      takes the whole database, such text included",
        ) from error
    progress.finish()
    return following.result()


class _Following:
    def __init__(
        self,
        connection: apsw.Connection,
        schema: Schema,
        links: Sequence[Link],
        progress: Progress,
    ) -> None:
        self.connection = connection
        self.schema = schema
        self.links = links
        self.progress = progress
        self.found: dict[str, dict[Key, None]] = {}
        """Keys by folded name of the table."""
        self.steps: list[Step] = []

    def begin(self, start: SubjectKey) -> None:
        table = self._table(start.table)
        columns = self._start_columns(table, start)
        conditions = " AND ".join(f"{identifier(name)} = ?" for name in columns)
        names = ", ".join(map(identifier, _row_names(table)))
        rows = self.connection.execute(
            f"SELECT {names} FROM main.{identifier(table.name)} WHERE {conditions}", start.values
        )
        if not self._add(table.name, rows, None, up=False):
            shown = ", ".join(map(str, start.values))
            raise NotFound(
                "row-not-found",
                f"{table.name} has no row with {', '.join(columns)} = {shown}",
                hint=f"dbtool query 'SELECT * FROM {identifier(table.name)} LIMIT 5'",
            )

    def follow(self, along: Any) -> None:
        """Go on along foreign keys in one direction until nothing new is found."""
        new = {name: list(keys) for name, keys in self.found.items()}
        while new:
            found_now: dict[str, list[Key]] = {}
            for name, keys in new.items():
                for link, table, sql, up in along(name):
                    for chunk in _chunks(keys):
                        added = self._add(table, self._run(sql, chunk), link, up=up)
                        found_now.setdefault(folded(table), []).extend(added)
            new = {name: keys for name, keys in found_now.items() if keys}

    def down(self, name: str) -> Iterator[tuple[Link, str, str, bool]]:
        """Yield the statements that find what refers to rows of a table."""
        for link in self.links:
            if folded(link.parent) == name:
                yield link, link.child, self._joined(link, "c", "p"), False

    def up(self, name: str) -> Iterator[tuple[Link, str, str, bool]]:
        """Yield the statements that find what rows of a table refer to."""
        for link in self.links:
            if folded(link.child) == name:
                yield link, link.parent, self._joined(link, "p", "c"), True

    def result(self) -> Subject:
        known = {folded(each.name): each for each in row_tables(self.connection, self.schema)}
        sources, counts = {}, {}
        for name, keys in self.found.items():
            table, source = self.schema.tables[name], known[name].source
            assert source is not None
            columns = ", ".join(identifier(column.name) for column in source.columns)
            where = " AND ".join(f"{identifier(each)} = ?" for each in _row_names(table))
            sql = f"SELECT {columns} FROM main.{identifier(table.name)} WHERE {where}"
            ordered: Any = keys if table.without_rowid else sorted(keys, key=lambda key: key[0])
            sources[table.name] = RowSource(table.name, source.columns, sql, tuple(ordered))
            counts[table.name] = len(keys)
        merged: dict[tuple[Link | None, bool, str], int] = {}
        for link, up, table_name, rows in self.steps:
            key = link, up, table_name
            merged[key] = merged.get(key, 0) + rows
        return Subject(sources, counts, tuple(Step(*key, rows) for key, rows in merged.items()))

    def _table(self, name: str) -> Table:
        table = self.schema.tables.get(folded(name))
        if table is not None and table.kind == "table":
            return table
        close = nearest(name, [t.name for t in self.schema.tables.values() if t.kind == "table"])
        hint = f"did you mean {close}?" if close else "dbtool stats      lists the tables"
        raise NotFound("table-not-found", f"there is no table {name}", hint=hint)

    def _start_columns(self, table: Table, start: SubjectKey) -> tuple[str, ...]:
        columns = (start.column,) if start.column else key_columns(table) or _row_names(table)
        if len(columns) != len(start.values):
            raise UsageError(
                "key-invalid",
                f"the key of {table.name} is {', '.join(columns)}",
                context=f"{len(start.values)} values were given",
                hint=f"--subject {table.name}:{','.join(columns).upper()}",
            )
        return columns

    def _joined(self, link: Link, wanted: str, given: str) -> str:
        """Return a statement that finds rows of one side for keys of the other, put in for %s."""
        names = {"c": link.child, "p": link.parent}
        tables = {side: self.schema.tables[folded(name)] for side, name in names.items()}
        ids = {
            side: [f"{side}.{identifier(name)}" for name in _row_names(table)]
            for side, table in tables.items()
        }
        # SQLite compares with the collation of the parent, which is that of the left side.
        equal = " AND ".join(
            f"p.{identifier(to)} = c.{identifier(column)}"
            for to, column in zip(link.to, link.columns, strict=True)
        )
        pair = f"main.{identifier(link.child)} c JOIN main.{identifier(link.parent)} p ON {equal}"
        chosen = ", ".join(ids[wanted])
        return f"SELECT DISTINCT {chosen} FROM {pair} WHERE ({', '.join(ids[given])}) IN (VALUES "

    def _run(self, sql: str, keys: list[Key]) -> Iterable[tuple[Any, ...]]:
        place = f"({', '.join('?' * len(keys[0]))})"
        values = [value for key in keys for value in key]
        return self.connection.execute(f"{sql}{', '.join([place] * len(keys))})", values)

    def _add(
        self, table: str, rows: Iterable[tuple[Any, ...]], link: Link | None, *, up: bool
    ) -> list[Key]:
        known = self.found.setdefault(folded(table), {})
        added = [row for row in rows if row not in known]
        known.update(dict.fromkeys(added))
        if added:
            self.steps.append(Step(link, up, table, len(added)))
        else:
            self.found = {name: keys for name, keys in self.found.items() if keys}
        self.progress.advance(len(added))
        return added


def _row_names(table: Table) -> tuple[str, ...]:
    """Return the columns that name a row, its rowid where it has one."""
    if table.without_rowid:
        return key_columns(table)
    if table.rowid is None:
        raise Refused(
            "table-kind",
            f"nothing names the rows of {table.name}",
            context="columns have all names of the rowid, and there is no INTEGER PRIMARY KEY",
        )
    return (table.rowid,)


def _chunks(keys: list[Key]) -> Iterator[list[Key]]:
    iterator = iter(keys)
    while chunk := list(islice(iterator, _CHUNK)):
        yield chunk
