"""A whole database as a folder: one file for each table, `schema.sql`, and a manifest.

The folder is made under another name beside its own, each file synced, the manifest last, and then
renamed: a folder that is there is whole. What the manifest says is in `dbtool.transfer.manifest`.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import apsw

from dbtool.core.atomicfile import SYSTEM_FILES, FileOps, failures_named, temporary_name
from dbtool.core.progress import Progress
from dbtool.errors import Refused
from dbtool.transfer.export.definitions import Definitions
from dbtool.transfer.export.filenames import FileNames
from dbtool.transfer.export.losses import Loss, Losses
from dbtool.transfer.export.plan import DatabasePlan
from dbtool.transfer.export.rowfile import TableCount, write_source
from dbtool.transfer.export.sink import file_exists, file_sink
from dbtool.transfer.export.tables import DatabaseTable
from dbtool.transfer.manifest import (
    MANIFEST_FILE,
    SCHEMA_FILE,
    Manifest,
    SchemaFile,
    TableFile,
    serialize,
)

__all__ = ["FolderOptions", "FolderWritten", "export_folder", "require_free_folder"]

_SUFFIXES: Final = {None: "", "gzip": ".gz", "zstd": ".zst"}


@dataclass(frozen=True, slots=True)
class FolderOptions:
    """How a database is written to a folder."""

    format: str = "ndjson"
    """ndjson or json, which hold every value, csv, tsv or parquet."""
    compression: str | None = None
    """gzip, zstd, or None."""
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    """When the rows were read."""
    source: str = ""
    """What the manifest calls the database."""
    snapshot: str | None = None
    """Id of the snapshot that is read; None: the live database."""
    overwrite: bool = False
    """True: may replace an older export."""


@dataclass(frozen=True, slots=True)
class FolderWritten:
    """What came of it."""

    tables: tuple[TableCount, ...]
    losses: tuple[Loss, ...]
    size_bytes: int
    """Of all files."""


def export_folder(
    connection: apsw.Connection,
    plan: DatabasePlan,
    path: Path,
    options: FolderOptions,
    progress: Progress,
    *,
    files: FileOps = SYSTEM_FILES,
) -> FolderWritten:
    """Write a database, or some tables of it, to a folder that was not there.

    Args:
        connection: in its read transaction, so that all tables are of one moment.
        plan: what is exported.
        path: of the folder; the folder above it exists.
        options: see there.
        progress: counts the rows, table by table.
        files: the system calls.

    Raises:
        Refused: `file-exists`.
        StorageFailed: the system refuses.
        apsw.Error: SQLite failed.
    """
    require_free_folder(path, overwrite=options.overwrite)
    with failures_named("write", path):
        path = path.resolve()
        making = path.with_name(f".dbtool-{temporary_name()}")
        files.mkdir(making)
    try:
        written = _Folder(connection, making, options, files).write(plan, progress)
        with failures_named("write", path):
            _put(making, path, options, files)
        return written
    finally:
        shutil.rmtree(making, ignore_errors=True)


def require_free_folder(path: Path, *, overwrite: bool) -> None:
    """Refuse a path that is taken by anything but an empty folder, or an export to be replaced.

    Raises:
        Refused: `file-exists`.
    """
    if not path.is_symlink() and not path.exists():
        return
    if path.is_dir():
        with failures_named("read", path):
            names = {each.name for each in path.iterdir()}
        if not names or (overwrite and MANIFEST_FILE in names):
            return
        if overwrite:
            raise Refused(
                "file-exists",
                f"{path} is there already, and it is no export",
                context=f"it has no {MANIFEST_FILE}, so --force does not remove it",
                hint="name another folder",
            )
    raise file_exists(path)


class _Folder:
    def __init__(
        self, connection: apsw.Connection, path: Path, options: FolderOptions, files: FileOps
    ) -> None:
        self.connection = connection
        self.path = path
        self.options = options
        self.files = files
        self.names = FileNames()
        self.losses = Losses()
        self.size_bytes = 0

    def write(self, plan: DatabasePlan, progress: Progress) -> FolderWritten:
        created = self.options.created
        described = [self._table(each, progress) for each in plan.tables]
        manifest = Manifest(
            created=created,
            source=self.options.source,
            snapshot=self.options.snapshot,
            complete=plan.whole and not plan.left_out and not self.losses.all(),
            settings=plan.settings,
            schema=self._schema(plan.definitions),
            tables=tuple(described),
            sequences=plan.sequences,
            analyzed=plan.analyzed,
        )
        self._file(MANIFEST_FILE, [serialize(manifest)])
        counts = tuple(TableCount(t.name, t.rows) for t in described if t.file is not None)
        return FolderWritten(counts, self.losses.all(), self.size_bytes)

    def _table(self, table: DatabaseTable, progress: Progress) -> TableFile:
        if table.source is None:
            return TableFile(
                table.name, None, None, None, table.fill, None, (), 0, 0, None
            )  # fmt: skip
        options = self.options
        suffix = f".{options.format}{_SUFFIXES[options.compression]}"
        name = self.names.name(table.name, suffix)
        with file_sink(self.path / name, compression=options.compression, files=self.files) as sink:
            _, rows = write_source(
                self.connection, table.source, options.format, sink, self.losses, progress
            )
        self.size_bytes += sink.size_bytes
        columns = table.source.columns[1:] if table.rowid else table.source.columns
        return TableFile(
            name=table.name,
            file=name,
            format=options.format,
            compression=options.compression,
            fill=table.fill,
            rowid=table.rowid,
            columns=columns,
            rows=rows,
            size_bytes=sink.size_bytes,
            sha256=sink.sha256,
        )

    def _schema(self, definitions: Definitions) -> SchemaFile:
        before, after = definitions.texts()
        size_bytes, digest = self._file(SCHEMA_FILE, [before, after])
        return SchemaFile(SCHEMA_FILE, size_bytes, digest, len(before))

    def _file(self, name: str, parts: Sequence[bytes]) -> tuple[int, str]:
        with file_sink(self.path / name, files=self.files) as sink:
            for part in parts:
                sink.write(part)
        self.size_bytes += sink.size_bytes
        return sink.size_bytes, sink.sha256


def _put(making: Path, path: Path, options: FolderOptions, files: FileOps) -> None:
    """Give the folder its name; an older export keeps its own until that moment."""
    require_free_folder(path, overwrite=options.overwrite)
    old = None
    if path.exists() and any(path.iterdir()):
        old = path.with_name(f"{making.name}-old")
        files.replace(path, old)
    try:
        files.replace(making, path)
    except OSError:
        if old is not None:
            with suppress(OSError):
                files.replace(old, path)
        raise
    files.fsync_folder(path.parent)
    if old is not None:
        shutil.rmtree(old, ignore_errors=True)
