"""A folder that `dbtool export` wrote, taken back as a database that is equal.

Everything is judged before anything is made: the manifest, and the checksum of every file. The
database is built under another name beside its own and gets that name when it is whole; none that
is there is written into. The definitions are SQL from a file, so they may define and nothing else.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

import apsw

from dbtool.core.atomicfile import SYSTEM_FILES, failures_named, temporary_name
from dbtool.core.connection import classified, connect
from dbtool.core.create import init_database
from dbtool.core.names import identifier
from dbtool.core.progress import Progress
from dbtool.errors import Damaged, Refused, UsageError
from dbtool.transfer.formats.batch import BLOCK_BYTES, START, Reader, Verbatim
from dbtool.transfer.formats.jsonread import JsonReader
from dbtool.transfer.formats.ndjson import NdjsonReader
from dbtool.transfer.formats.nested import Tabler
from dbtool.transfer.manifest import (
    MANIFEST_FILE,
    MAX_MANIFEST_BYTES,
    Manifest,
    TableFile,
    parse,
)
from dbtool.transfer.sources import opened

__all__ = ["FolderTaken", "is_export", "take_folder"]

_AUTO_VACUUM: Final = ("none", "full", "incremental")
_EXACT: Final = ("ndjson", "json")
_FORBIDDEN: Final = frozenset({apsw.SQLITE_ATTACH, apsw.SQLITE_DETACH, apsw.SQLITE_TRANSACTION})


class FolderTaken(NamedTuple):
    """What came back."""

    tables: tuple[tuple[str, int], ...]
    """Name and rows of each table that a file fills."""
    manifest: Manifest


def is_export(path: Path) -> bool:
    """Return whether a folder is one that `dbtool export` wrote."""
    return (path / MANIFEST_FILE).is_file()


def take_folder(folder: Path, database: Path, progress: Progress) -> FolderTaken:
    """Make a database of an exported folder.

    Args:
        folder: with a manifest.
        database: must not exist, or be an empty file.
        progress: told of bytes, then of rows.

    Raises:
        Refused: `database-exists`, `manifest-inexact`.
        Damaged: `manifest-damaged`, `export-damaged`.
        UsageError: `manifest-unknown`.
        StorageFailed: the system refuses.
    """
    if database.exists() and database.stat().st_size:
        raise Refused(
            "database-exists",
            f"{database} exists already, and an exported folder is taken back whole",
            hint="name a new file; single files of the folder can go into a database that is there",
        )
    manifest = _manifest(folder)
    _require_exact(manifest)
    schema = _checked(folder, manifest, progress)
    making = database.with_name(f".{database.name}.{temporary_name()}").absolute()
    try:
        with classified(database):
            tables = _build(folder, manifest, schema, making, progress)
        with failures_named("create", database):
            SYSTEM_FILES.replace(making, database)
            SYSTEM_FILES.fsync_folder(database.absolute().parent)
    finally:
        for suffix in ("", "-wal", "-shm", "-journal"):
            with suppress(OSError):
                making.with_name(making.name + suffix).unlink()
    return FolderTaken(tuple(tables), manifest)


def _manifest(folder: Path) -> Manifest:
    path = folder / MANIFEST_FILE
    with failures_named("read", path), path.open("rb") as file:
        return parse(file.read(MAX_MANIFEST_BYTES + 1))


def _require_exact(manifest: Manifest) -> None:
    for table in manifest.tables:
        if table.format is not None and table.format not in _EXACT:
            raise Refused(
                "manifest-inexact",
                f"{table.name} was exported as {table.format}, which does not hold every value",
                context="only ndjson and json give an equal database",
                hint="import its files one by one, or export again as ndjson",
            )


def _checked(folder: Path, manifest: Manifest, progress: Progress) -> bytes:
    """Prove every file by its checksum; return the definitions."""
    files = [(t.file, t.size_bytes, t.sha256) for t in manifest.tables if t.file is not None]
    progress.start("checking the files", sum(size for _, size, _ in files), "bytes")
    schema = _read(folder / manifest.schema.file)
    _require(manifest.schema.file, hashlib.sha256(schema).hexdigest(), manifest.schema.sha256)
    for name, _, expected in files:
        made = hashlib.sha256()
        with failures_named("read", folder / name), (folder / name).open("rb") as file:
            while chunk := file.read(BLOCK_BYTES):
                made.update(chunk)
                progress.advance(len(chunk))
        _require(name, made.hexdigest(), expected)
    progress.finish()
    return schema


def _read(path: Path) -> bytes:
    with failures_named("read", path):
        return path.read_bytes()


def _require(name: str, found: str, expected: str | None) -> None:
    if found != expected:
        raise Damaged(
            "export-damaged",
            f"{name} is not the file that was exported",
            context="its checksum is another one",
            hint="get the folder again, or export the database again",
        )


def _build(
    folder: Path, manifest: Manifest, schema: bytes, making: Path, progress: Progress
) -> list[tuple[str, int]]:
    settings = manifest.settings
    init_database(
        making,
        page_size=settings.page_size,
        encoding=settings.encoding,
        auto_vacuum=_AUTO_VACUUM[settings.auto_vacuum],
    )
    with closing(connect(making, apsw.SQLITE_OPEN_READWRITE, busy_timeout_s=0)) as connection:
        # No other process knows the file, and it is synced as a whole in the end.
        connection.pragma("journal_mode", "delete")
        connection.pragma("foreign_keys", 0)
        # Rows may be older than a CHECK, or have been written without it.
        connection.pragma("ignore_check_constraints", 1)
        connection.execute("BEGIN IMMEDIATE")
        _define(connection, schema[: manifest.schema.rows_at])
        tables = [
            (table.name, _fill(connection, folder, table, progress))
            for table in manifest.tables
            if table.file is not None
        ]
        for sequence in manifest.sequences:
            row = (sequence.table, sequence.value)
            connection.execute("DELETE FROM sqlite_sequence WHERE name = ?", row[:1])
            connection.execute("INSERT INTO sqlite_sequence VALUES (?, ?)", row)
        _define(connection, schema[manifest.schema.rows_at :])
        for table in manifest.tables:
            if table.fill == "rebuild":
                name = identifier(table.name)
                connection.execute(f"INSERT INTO {name}({name}) VALUES ('rebuild')")  # noqa: S608 - quoted
        connection.execute("COMMIT")
        if manifest.analyzed:
            connection.execute("ANALYZE")
        connection.pragma("user_version", settings.user_version)
        connection.pragma("application_id", settings.application_id)
        connection.pragma("journal_mode", settings.journal_mode)
    return tables


def _define(connection: apsw.Connection, sql: bytes) -> None:
    """Run definitions, and nothing that reaches beyond the database."""

    def allowed(action: int, _name: str | None, value: str | None, *_rest: str | None) -> int:
        # Modules of virtual tables read settings while they are made; none may be changed.
        denied = action in _FORBIDDEN or (action == apsw.SQLITE_PRAGMA and value is not None)
        return apsw.SQLITE_DENY if denied else apsw.SQLITE_OK

    connection.authorizer = allowed
    try:
        connection.execute(sql.decode("utf-8"))
    except (apsw.SQLError, apsw.AuthError, UnicodeDecodeError) as error:
        raise UsageError(
            "schema-not-loaded",
            "the definitions of the export cannot be created",
            context=str(error),
            hint="tables of modules that this SQLite does not have cannot be taken back",
        ) from error
    finally:
        connection.authorizer = None


def _fill(connection: apsw.Connection, folder: Path, table: TableFile, progress: Progress) -> int:
    assert table.file is not None
    names = ((table.rowid,) if table.rowid else ()) + tuple(c.name for c in table.columns)
    progress.start(f"filling {table.name}", table.rows, "rows")
    reader: Reader = (NdjsonReader if table.format == "ndjson" else JsonReader)(
        table.name, Tabler("json")
    )
    into = f"INSERT INTO main.{identifier(table.name)} ({', '.join(map(identifier, names))}) VALUES"
    marks = ", ".join("?" * len(names))
    count = 0
    with opened(folder / table.file, table.file) as stream:
        for step in reader.steps(stream, START):
            for batch in step.batches:
                if step.bad or (batch.rows and batch.names != names):
                    raise _not_rows(table)
                _insert(connection, f"{into} ({marks})", into, batch.rows)
                count += len(batch.rows)
                progress.advance(len(batch.rows))
    progress.finish()
    if count != table.rows:
        raise _not_rows(table)
    return count


def _not_rows(table: TableFile) -> Damaged:
    return Damaged(
        "export-damaged",
        f"{table.file} does not hold the rows of {table.name} that its manifest speaks of",
        hint="export the database again",
    )


def _insert(
    connection: apsw.Connection, plain: str, into: str, rows: Sequence[Sequence[Any]]
) -> None:
    odd = any({dict, Verbatim} & set(map(type, column)) for column in zip(*rows, strict=True))
    if not odd:
        connection.executemany(plain, rows)
        return
    for row in rows:
        places, bound = zip(*map(_value, row), strict=True)
        connection.execute(f"{into} ({', '.join(places)})", bound)


def _value(item: Any) -> tuple[str, Any]:
    """Return a value of an export as SQL with one parameter, and the parameter."""
    if isinstance(item, Verbatim):
        return "?", float(item.text)
    if isinstance(item, dict):
        raw = base64.b64decode(item["encoded"], validate=True)
        return ("CAST(? AS TEXT)" if "$text" in item else "?"), raw
    return "?", item
