"""A table made anew under its own name, with all that hangs on it: SQLite's twelve steps.

SQLite changes little of a table in place; for the rest https://sqlite.org/lang_altertable.html
section 7 gives a procedure, which this is, but for the order of two steps: the old table is renamed
away first (as SQLite did before 3.26, so that nothing that names the table follows it), and the new
one is created under its own name. So its definition stands in the schema as it was written, and may
name the table in CHECKs and references to itself.

    1   foreign keys are off           (the runner; they cannot be switched in a transaction)
    2   a transaction is open          (the runner)
    3   indexes, triggers and the AUTOINCREMENT mark are remembered; views stay as they are
    4   the old table goes aside       with legacy_alter_table, so that no reference follows it
    5   the new table is created
    6   rows are copied                with their rowids, INSERT OR ABORT whatever the table says;
                                       none is lost, and no value converted for good
    7   the old table is dropped       no trigger and no foreign key action fires
    8   indexes come back              as they were written, in the order of their creation
    9   triggers come back             likewise, and the AUTOINCREMENT mark
    10  views and triggers prepare     (the runner, for all of the migration)
    11  foreign keys are checked       (the runner, likewise), the transaction committed
    12  foreign keys are on again      (the runner)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import compress
from typing import Final

import apsw

from dbtool.core.names import folded, identifier
from dbtool.core.schema import Table, read_schema
from dbtool.errors import DbtoolError, UsageError
from dbtool.migrate.model import Rebuild
from dbtool.migrate.samevalues import changed_value, column_types
from dbtool.migrate.tokens import tokens
from dbtool.migrate.versions import HISTORY_TABLE

__all__ = ["Run", "rebuild_table"]

Run = Callable[[str, int, str], None]
"""Runs a statement, with the line that it comes from and what it is for."""

_STATISTICS: Final = ("sqlite_stat1", "sqlite_stat4")
_ASIDE: Final = "_dbtool_old_"
_HANGING: Final = (
    "SELECT type, name, sql FROM main.sqlite_schema WHERE tbl_name = ? COLLATE NOCASE"
    " AND type IN ('index', 'trigger') AND sql IS NOT NULL ORDER BY type, rowid"
)


@dataclass(frozen=True, slots=True)
class _Old:
    """What is remembered of the old table."""

    table: Table
    hanging: tuple[tuple[str, str, str], ...]
    """(type, name, sql) of its indexes and triggers."""
    sequence: int | None
    """Its AUTOINCREMENT mark."""
    types: Mapping[str, str]
    """Of its columns, by folded name."""
    statistics: tuple[str, ...]
    """Tables with what ANALYZE has found, such as sqlite_stat1."""

    @property
    def aside(self) -> str:
        """Its name meanwhile."""
        return f"{_ASIDE}{self.table.name}"


def rebuild_table(connection: apsw.Connection, asked: Rebuild, run: Run) -> None:
    """Make a table anew; the caller has a transaction, and foreign keys are off.

    Args:
        connection: of the database.
        asked: the table, its new definition, how to fill new columns.
        run: runs each statement on the connection.

    Raises:
        UsageError: `rebuild-not-possible`.
        DbtoolError: what `run` raises; `rebuild-lost-rows`, `rebuild-changed-values`.
    """
    old = _remember(connection, asked)
    legacy = int(connection.pragma("legacy_alter_table"))
    run("PRAGMA legacy_alter_table = ON", asked.line, "before the rename")
    try:
        aside = identifier(old.aside)
        _put_aside(asked, old, run)
        run(asked.create.text, asked.create.line, "creating the new table")
        new = _created(connection, asked)
        run(_copy(asked, old, new), asked.line, f"copying the rows of {old.table.name}")
        _require_all_rows(connection, old, new)
        _require_same_values(connection, asked, old, new)
        run(f"DROP TABLE {aside}", asked.line, "dropping the old table")
        for kind, hanging_name, sql in old.hanging:
            run(sql, asked.line, f"bringing back {kind} {hanging_name}")
        for sql in _sequence(asked, old, new):
            run(sql, asked.line, "keeping the AUTOINCREMENT mark")
    finally:
        # A setting of the connection, which no rollback brings back.
        with suppress(apsw.Error):
            connection.pragma("legacy_alter_table", legacy)
    run(f"PRAGMA legacy_alter_table = {legacy}", asked.line, "after the rebuild")


def _remember(connection: apsw.Connection, asked: Rebuild) -> _Old:
    if folded(asked.table) == HISTORY_TABLE:
        raise _impossible(
            asked,
            f"{HISTORY_TABLE} cannot be rebuilt: it is the history of migrations",
            "dbtool migrate repair changes the history",
        )
    schema = read_schema(connection, "main")
    table = schema.tables.get(folded(asked.table))
    if table is None or table.kind != "table":
        kind = f"a {table.kind} table" if table else "there is no such table"
        if ("view", folded(asked.table)) in schema.items:
            kind = "a view"
        raise _impossible(
            asked,
            f"{asked.table} cannot be rebuilt: {kind}",
            "create what is not there; a view is dropped and created",
        )
    if ("table", folded(f"{_ASIDE}{table.name}")) in schema.items:
        raise _impossible(
            asked,
            f"a table {_ASIDE}{table.name} is in the way",
            "rename it: dbtool wants that name for a moment",
        )
    rows = connection.execute(_HANGING, (table.name,))
    hanging = tuple((str(kind), str(name), str(sql)) for kind, name, sql in rows)
    sequence = None
    if ("table", "sqlite_sequence") in schema.items:
        sql = "SELECT max(seq) FROM main.sqlite_sequence WHERE name = ? COLLATE NOCASE"
        sequence = connection.execute(sql, (table.name,)).get
    found = (("table", name) in schema.items for name in _STATISTICS)
    types = column_types(connection, table.name)
    return _Old(table, hanging, sequence, types, tuple(compress(_STATISTICS, found)))


def _put_aside(asked: Rebuild, old: _Old, run: Run) -> None:
    name, aside = identifier(old.table.name), identifier(old.aside)
    doing = "putting the old table aside"
    try:
        run(f"ALTER TABLE {name} RENAME TO {aside}", asked.line, doing)
        return
    except (UsageError, apsw.SQLError):
        # SQLite renames no table whose CHECKs say its name: its rows go into a plain table instead,
        # whose columns have no types, so that every value stays what it is.
        columns = [identifier(column.name) for column in old.table.columns]
    run(f"CREATE TABLE {aside}({', '.join(columns)})", asked.line, doing)
    if old.table.rowid and old.table.rowid != old.table.alias:
        columns.append(old.table.rowid)
    both = ", ".join(columns)
    run(f"INSERT INTO {aside}({both}) SELECT {both} FROM {name}", asked.line, doing)  # noqa: S608  quoted
    # A table that is dropped takes what ANALYZE has found along.
    for statistics in old.statistics:
        run(_renamed_in(statistics, old.table.name, old.aside), asked.line, "keeping statistics")
    run(f"DROP TABLE {name}", asked.line, doing)
    for statistics in old.statistics:
        run(_renamed_in(statistics, old.aside, old.table.name), asked.line, "keeping statistics")


def _renamed_in(statistics: str, before: str, after: str) -> str:
    old, new = (name.replace("'", "''") for name in (before, after))
    return f"UPDATE main.{statistics} SET tbl = '{new}' WHERE tbl = '{old}' COLLATE NOCASE"  # noqa: S608  quoted


def _created(connection: apsw.Connection, asked: Rebuild) -> Table:
    table = read_schema(connection, "main").tables.get(folded(asked.table))
    if table is None or table.kind != "table":
        raise _impossible(
            asked,
            f"the statement makes no table {asked.table} of this database",
            "CREATE TABLE without TEMP and without a schema's name",
        )
    return table


def _copy(asked: Rebuild, old: _Old, new: Table) -> str:
    """Return the INSERT that copies the rows, rowids included."""
    maps = {folded(column): expression for column, expression in asked.maps}
    columns = [column for column in new.columns if not column.generated]
    unknown = set(maps) - {folded(column.name) for column in columns}
    if unknown:
        raise _impossible(
            asked,
            f"the new {new.name} has no column {min(unknown)} to map to",
            "a map names a column of the new table that is not generated",
        )
    sources = {folded(column.name): identifier(column.name) for column in old.table.columns}
    pairs = [
        (identifier(column.name), f"({maps[key]})" if key in maps else sources[key])
        for column in columns
        if (key := folded(column.name)) in maps or key in sources
    ]
    rowids = _rowids(asked, old, new)
    if rowids is not None:
        pairs.insert(0, rowids)
    if not pairs:
        raise _impossible(
            asked,
            f"the new {new.name} has no column that the old one had",
            "-- dbtool:map new_column = expression over the old row",
        )
    into = ", ".join(target for target, _ in pairs)
    chosen = ", ".join(source for _, source in pairs)
    # OR ABORT, since a table may say that rows in conflict are to be ignored or replaced.
    return (
        f"INSERT OR ABORT INTO {identifier(new.name)}({into}) "  # noqa: S608  quoted
        f"SELECT {chosen} FROM {identifier(old.aside)}"
    )


def _plain(asked: Rebuild, old: _Old, new: Table) -> list[str]:
    """Return the columns of the new table that are copied as they are."""
    maps = {folded(column) for column, _ in asked.maps}
    there = {folded(column.name) for column in old.table.columns}
    return [name for name in new.stored if folded(name) in there - maps]


def _rowids(asked: Rebuild, old: _Old, new: Table) -> tuple[str, str] | None:
    """Return the names of the rowid in both tables, the new one first, where it is copied."""
    filled = {folded(column) for column, _ in asked.maps}
    filled |= {folded(name) for name in _plain(asked, old, new)}
    if new.rowid and old.table.rowid and (new.alias is None or folded(new.alias) not in filled):
        return _rowid(new), _rowid(old.table)
    return None


def _rowid(table: Table) -> str:
    assert table.rowid is not None
    return identifier(table.rowid) if table.rowid == table.alias else table.rowid


def _require_all_rows(connection: apsw.Connection, old: _Old, new: Table) -> None:
    before, after = (
        connection.execute(f"SELECT count(*) FROM main.{identifier(name)}").get  # noqa: S608  quoted
        for name in (old.aside, new.name)
    )
    if before != after:
        raise DbtoolError(
            "rebuild-lost-rows",
            f"the rebuild of {new.name} copied {after} of {before} rows",
            hint="look at its CHECKs and triggers",
        )


def _require_same_values(
    connection: apsw.Connection, asked: Rebuild, old: _Old, new: Table
) -> None:
    changed = changed_value(
        connection,
        old.aside,
        new,
        _plain(asked, old, new),
        old.types,
        _rowids(asked, old, new),
    )
    if changed is not None:
        raise DbtoolError(
            "rebuild-changed-values",
            f"the rebuild of {new.name} would change values of {changed.column}, "
            f"such as {changed.before!r} into {changed.after!r}",
            context="the column has another type, and SQLite converts to it without a word",
            hint=f"keep its type; or where that is meant:\n"
            f"-- dbtool:map {changed.column} = {changed.column}",
        )


def _impossible(asked: Rebuild, what: str, hint: str) -> UsageError:
    return UsageError("rebuild-not-possible", f"line {asked.line}: {what}", hint=hint)


def _sequence(asked: Rebuild, old: _Old, new: Table) -> Iterator[str]:
    if old.sequence is None or not any(
        token.kind == "word" and token.text.upper() == "AUTOINCREMENT"
        for token in tokens(asked.create.text)
    ):
        return
    literal = "'" + new.name.replace("'", "''") + "'"
    mark = int(old.sequence)
    yield (
        f"UPDATE sqlite_sequence SET seq = max(seq, {mark}) WHERE name = {literal}"  # noqa: S608  quoted
    )
    yield (
        f"INSERT INTO sqlite_sequence(name, seq) SELECT {literal}, {mark} "  # noqa: S608  quoted
        f"WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = {literal})"
    )
