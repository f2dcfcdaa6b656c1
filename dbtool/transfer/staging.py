"""What a source would be in a database: a private copy of its tables, filled by an import.

The tables of the copy are defined as those of the database, so that values are what an import would
make of them; they are attached beside it and compared. The database itself is only read.
"""

from __future__ import annotations

import codecs
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import apsw

from dbtool.core.create import init_database
from dbtool.core.names import folded, identifier
from dbtool.core.progress import Progress
from dbtool.core.schema import Schema, Table, read_schema
from dbtool.core.stoppable import stoppable
from dbtool.errors import Refused
from dbtool.transfer.differences import STAGED, Comparison, TableDifference, compare
from dbtool.transfer.importer import import_rows
from dbtool.transfer.options import ImportOptions, ImportResult
from dbtool.transfer.sources import Input, opened
from dbtool.transfer.target import immediately, open_target

__all__ = ["Stage", "columns_of", "compare_all", "comparison", "staged_source"]

_ATTEMPTS: Final = 3
_HEAD_BYTES: Final = 256
_RESERVED: Final = re.compile(r"sqlite_|_dbtool_", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Stage:
    """A source that was imported into a database of its own."""

    path: Path
    result: ImportResult


@contextmanager
def staged_source(
    source: str,
    inputs: list[Input],
    connection: apsw.Connection,
    options: ImportOptions,
    progress: Progress,
) -> Iterator[Stage]:
    """Import the source into a temporary database, attached in the block."""
    with tempfile.TemporaryDirectory(prefix="dbtool-sync-") as folder:
        for attempt in range(_ATTEMPTS):
            stamps = _stamps(inputs)
            stage = _stage(
                Path(folder) / f"{attempt}.db", source, inputs, connection, options, progress
            )
            if _stamps(inputs) == stamps:
                break
            stage.path.unlink()
        else:
            raise Refused(
                "source-changing",
                f"{source} has changed each time while it was read",
                context=f"it was read {_ATTEMPTS} times",
                hint="copy it, or let the application write a snapshot, and name that",
            )
        connection.execute(f"ATTACH ? AS {STAGED}", (str(stage.path),))
        try:
            yield stage
        finally:
            connection.execute(f"DETACH {STAGED}")


def _stage(
    path: Path,
    source: str,
    inputs: list[Input],
    connection: apsw.Connection,
    options: ImportOptions,
    progress: Progress,
) -> Stage:
    init_database(path, encoding=str(connection.pragma("encoding")))
    schema = read_schema(connection, "main")
    with open_target(path) as staged:
        staged.pragma("journal_mode", "delete")
        with immediately(staged):
            for sql in _definitions(schema):
                with suppress(apsw.SQLError):  # a function or collation that only others have
                    staged.execute(sql)
    asked = replace(options, mode="insert", before=None, resume=False, restart=False)
    result = import_rows(source, inputs, path, asked, progress=progress)
    for each in result.tables:
        other = schema.tables.get(folded(each.table))
        if other is not None and other.kind != "table":
            raise Refused("table-kind", f"{each.table} is no table that rows are imported into")
    return Stage(path, result)


def _definitions(schema: Schema) -> Iterator[str]:
    """Yield what defines the tables and what names their rows."""
    for table in schema.tables.values():
        if table.kind != "table" or _RESERVED.match(table.name):
            continue
        yield str(table.item.sql)
        for item in schema.indexes(table.name):
            if item.sql and item.sql.upper().startswith("CREATE UNIQUE"):
                yield item.sql


def _stamps(inputs: list[Input]) -> list[tuple[int, int]]:
    made = []
    for each in inputs:
        try:
            status = each.path.stat()
        except FileNotFoundError:
            made.append((-1, -1))  # an application that replaces its file
            continue
        made.append((status.st_size, status.st_mtime_ns))
    return made


def columns_of(result: ImportResult) -> dict[str, tuple[str, ...]]:
    """Return the columns that the source has, by folded table."""
    return {folded(t.table): tuple(str(c["name"]) for c in t.columns) for t in result.tables}


def compare_all(
    connection: apsw.Connection,
    stage: Stage,
    inputs: list[Input],
    options: ImportOptions,
    progress: Progress,
    without: Sequence[str] = (),
) -> list[TableDifference]:
    """Compare every table of the source that the database has, in one view of it."""
    schema = read_schema(connection, "main")
    names = {
        folded(t.table): t.table for t in stage.result.tables if t.table not in (without or [])
    }
    for each in inputs:
        name = folded(options.table or each.table)
        if name in schema.tables and name not in names and _is_empty(each):
            names[name] = schema.tables[name].name
    columns = columns_of(stage.result)
    found = []
    connection.execute("BEGIN")
    try:
        for name, shown in names.items():
            if name not in schema.tables:
                rows = connection.execute(f"SELECT count(*) FROM {STAGED}.{identifier(shown)}").get  # noqa: S608 - quoted
                found.append(TableDifference(shown, rows, 0, rows, 0, 0, {}, {}))
                continue
            progress.start(f"comparing {shown}", None, "rows")
            what = comparison(connection, shown, columns.get(name, ()), options)
            with stoppable(connection, progress):
                found.append(compare(connection, what))
            progress.finish()
    finally:
        connection.execute("COMMIT")
    return found


def _is_empty(each: Input) -> bool:
    """Return whether a file says that its table has no rows; objects of arrays do not."""
    with opened(each.path, each.shown) as stream:
        head = stream.read(_HEAD_BYTES).removeprefix(codecs.BOM_UTF8)
    return b"".join(head.split()) in (b"", b"[]")


def comparison(
    connection: apsw.Connection, table: str, columns: tuple[str, ...], options: ImportOptions
) -> Comparison:
    """Return how a table is compared: by `--pk`, or its own key, where that names one row."""
    known = read_schema(connection, "main").tables[folded(table)]
    key = options.pk or _own_key(known)
    unique = [_own_key(known), *(each for each in known.unique if each is not None)]
    names_one = {folded(n) for n in key} in [{folded(n) for n in each} for each in unique]
    return Comparison(table, columns or known.stored, key if key and names_one else ())


def _own_key(table: Table) -> tuple[str, ...]:
    if table.alias is not None:
        return (table.alias,)
    return tuple(part.column for part in table.key)
