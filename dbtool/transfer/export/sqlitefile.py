"""A database, or some tables of it, as a new SQLite file that appears whole or not at all.

A whole database is copied page by page, so it is the same one to the last index. Chosen tables are
made anew, filled, and indexed last; nothing fires and nothing is checked meanwhile, as their rows
were rows before.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import apsw

from dbtool.core.atomicfile import SYSTEM_FILES, FileOps, TempFile, failures_named, temporary_name
from dbtool.core.connection import classified, connect
from dbtool.core.names import identifier
from dbtool.core.progress import Progress
from dbtool.pages.records import RawText
from dbtool.transfer.export.definitions import statement
from dbtool.transfer.export.plan import DatabasePlan
from dbtool.transfer.export.reading import Value, batches
from dbtool.transfer.export.rowfile import TableCount
from dbtool.transfer.export.sink import publish, require_free, resolved
from dbtool.transfer.export.tables import DatabaseTable

__all__ = ["copy_database", "write_database"]

_PAGES_A_STEP: Final = 1024


def copy_database(
    connection: apsw.Connection,
    path: Path,
    progress: Progress,
    *,
    overwrite: bool = False,
    files: FileOps = SYSTEM_FILES,
) -> int:
    """Write a whole database to a new file; return its bytes.

    Raises:
        Refused: `file-exists`, without `overwrite`.
        StorageFailed: the system refuses.
        apsw.Error: SQLite failed on the database that is read.
    """
    with _new_file(path, files, overwrite=overwrite) as temporary:
        with _target(temporary) as target, target.backup("main", connection, "main") as copy:
            done = 0
            while not copy.done:
                with classified(path):
                    copy.step(_PAGES_A_STEP)
                if not done:
                    progress.start("copying pages", copy.page_count, "pages")
                now = copy.page_count - copy.remaining
                progress.advance(now - done)
                done = now
            progress.finish()
        return temporary.stat().st_size


def write_database(
    connection: apsw.Connection,
    plan: DatabasePlan,
    path: Path,
    progress: Progress,
    *,
    overwrite: bool = False,
    files: FileOps = SYSTEM_FILES,
) -> tuple[list[TableCount], int]:
    """Write some tables to a new database; return how many rows each has, and the bytes of it.

    Raises:
        Refused: `file-exists`, without `overwrite`.
        StorageFailed: the system refuses.
        apsw.Error: SQLite failed on the database that is read.
    """
    with _new_file(path, files, overwrite=overwrite) as temporary:
        with _target(temporary) as target:
            counts = _fill(connection, target, plan, path, progress)
        return counts, temporary.stat().st_size


@contextmanager
def _new_file(path: Path, files: FileOps, *, overwrite: bool) -> Iterator[Path]:
    """Give an empty file; it gets its name when the block ends without an error."""
    require_free(path, overwrite=overwrite)
    path = resolved(path, overwrite=overwrite)
    with failures_named("write", path):
        temporary = TempFile(path.with_name(f".dbtool-{temporary_name()}"), files)
    try:
        yield temporary.path
        publish(temporary, path, files, overwrite=overwrite)
    finally:
        temporary.discard()


@contextmanager
def _target(path: Path) -> Iterator[apsw.Connection]:
    """Open the file that is being made; nobody else knows it, so it needs no journal."""
    with classified(path):
        target = connect(path, apsw.SQLITE_OPEN_READWRITE, busy_timeout_s=0)
    with closing(target):
        target.execute("PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY")
        yield target


def _fill(
    connection: apsw.Connection,
    target: apsw.Connection,
    plan: DatabasePlan,
    path: Path,
    progress: Progress,
) -> list[TableCount]:
    settings = plan.settings
    with classified(path):
        target.pragma("page_size", settings.page_size)
        target.pragma("encoding", settings.encoding)
        target.pragma("foreign_keys", 0)
        target.pragma("ignore_check_constraints", 1)
        target.execute("BEGIN")
        for item in plan.definitions.tables:
            target.execute(statement(item))
    counts = [
        TableCount(table.name, _rows(connection, target, table, path, progress))
        for table in plan.tables
        if table.source is not None
    ]
    with classified(path):
        for sequence in plan.sequences:
            row = (sequence.table, sequence.value)
            target.execute("DELETE FROM sqlite_sequence WHERE name = ?", row[:1])
            target.execute("INSERT INTO sqlite_sequence(name, seq) VALUES(?, ?)", row)
        for item in plan.definitions.after:
            target.execute(statement(item))
        target.execute("COMMIT")
    return counts


def _rows(
    connection: apsw.Connection,
    target: apsw.Connection,
    table: DatabaseTable,
    path: Path,
    progress: Progress,
) -> int:
    assert table.source is not None
    columns = [identifier(column.name) for column in table.source.columns]
    head = f"INSERT INTO {identifier(table.name)}({','.join(columns)}) VALUES"
    plain = f"{head}({','.join('?' * len(columns))})"
    progress.start(f"exporting {table.name}", None, "rows")
    rows = 0
    for batch in batches(connection, table.source, progress):
        with classified(path):
            if any(isinstance(value, RawText) for row in batch for value in row):
                for row in batch:
                    target.execute(f"{head}({','.join(map(_place, row))})", row)
            else:
                target.executemany(plain, batch)
        rows += len(batch)
    progress.finish()
    return rows


def _place(value: Value) -> str:
    return "CAST(? AS TEXT)" if isinstance(value, RawText) else "?"
