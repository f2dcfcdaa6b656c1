"""One table of a snapshot written into a file of its own, or into another database.

The live database is not touched. A new file appears under its name when it is complete.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw

from dbtool.core.atomicfile import SYSTEM_FILES, failures_named, temporary_name
from dbtool.core.connection import classified, connect, open_live
from dbtool.core.names import identifier
from dbtool.core.progress import Progress, Silent
from dbtool.errors import Refused
from dbtool.rows.condition import evaluating, require_condition
from dbtool.rows.recreate import copy_table
from dbtool.rows.shape import TableShape, describe, find_table
from dbtool.rows.stage import bound_memory

__all__ = ["TableCopy", "plan_into", "write_into"]


@dataclass(frozen=True, slots=True)
class TableCopy:
    """What was written."""

    table: str
    file: Path
    rows: int
    new_file: bool
    """False: the table was added to a database."""


def write_into(
    source: apsw.Connection,
    file: Path,
    table: str,
    *,
    where: str | None = None,
    busy_timeout_s: float = 10.0,
    progress: Progress | None = None,
) -> TableCopy:
    """Write a table with its rows and indexes into `file`.

    Args:
        source: onto the snapshot.
        file: a new file, or a database without that table.
        table: its name, in any case.
        where: condition on its rows; None: all.
        busy_timeout_s: how long to wait for the lock of a database.
        progress: told of rows.

    Raises:
        NotFound: `table-not-found`.
        Refused: `table-exists`, `table-kind`, `schema-not-taken`.
        UsageError: `where-invalid`.
    """
    shape = _checked(source, table, where)
    progress = progress or Silent()
    new_file = not file.exists()
    opened = _new_database(file, source) if new_file else _database(file, busy_timeout_s)
    with classified(file), opened as target:
        _require_vacant(target, file, shape)
        progress.start("reading rows", None, "rows")
        count = copy_table(target, source, shape, where=where, progress=progress)
        progress.finish()
    return TableCopy(shape.name, file, count, new_file)


def plan_into(
    source: apsw.Connection,
    file: Path,
    table: str,
    *,
    where: str | None = None,
    busy_timeout_s: float = 10.0,
    progress: Progress | None = None,
) -> TableCopy:
    """Say what `write_into` would write, and refuse what it would refuse; write nothing."""
    shape = _checked(source, table, where)
    new_file = not file.exists()
    if not new_file:
        with classified(file):
            target = open_live(file, busy_timeout_s=busy_timeout_s)
            try:
                _require_vacant(target, file, shape)
            finally:
                target.close()
    condition = "" if where is None else f" WHERE (\n{where}\n)"
    with evaluating(shape.name, where):
        row: Any = source.execute(
            f"SELECT count(*) FROM main.{identifier(shape.name)}{condition}"
        ).fetchall()[0]
    (progress or Silent()).advance(0)
    return TableCopy(shape.name, file, row[0], new_file)


def _checked(source: apsw.Connection, table: str, where: str | None) -> TableShape:
    shape = describe(source, table, where_from="the snapshot")
    if where is not None:
        require_condition(source, shape, where)
    return shape


def _require_vacant(target: apsw.Connection, file: Path, shape: TableShape) -> None:
    if find_table(target, shape.name) is not None:
        raise Refused(
            "table-exists",
            f"{file} has a table {shape.name} already",
            context="--into adds a table, and never changes one",
            hint="name another file",
        )


@contextmanager
def _database(file: Path, busy_timeout_s: float) -> Iterator[apsw.Connection]:
    target = open_live(file, busy_timeout_s=busy_timeout_s)
    try:
        bound_memory(target)
        target.execute("BEGIN IMMEDIATE")
        yield target
        target.execute("COMMIT")
    finally:
        target.close()


@contextmanager
def _new_database(file: Path, source: apsw.Connection) -> Iterator[apsw.Connection]:
    """Give a new database of the source's kind; it gets its name when all went well."""
    fresh = file.with_name(f".{file.name}.{temporary_name()}")
    try:
        flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
        target = connect(fresh, flags, busy_timeout_s=0)
        try:
            target.pragma("page_size", source.pragma("page_size"))
            target.pragma("encoding", source.pragma("encoding"))
            bound_memory(target)
            target.execute("BEGIN IMMEDIATE")
            yield target
            target.execute("COMMIT")
        finally:
            target.close()
        _name(fresh, file)
    finally:
        with suppress(OSError):
            SYSTEM_FILES.unlink(fresh)


def _name(fresh: Path, file: Path) -> None:
    try:
        with failures_named("name", file):
            SYSTEM_FILES.link(fresh, file)
            SYSTEM_FILES.fsync_folder(file.parent)
    except FileExistsError:
        raise Refused("target-exists", f"{file} appeared meanwhile") from None
