"""A copy of a database to measure on: nobody else has it, and it is gone afterwards.

It is made of the pages of one read transaction, so no writer waits for it. It is in rollback mode
whatever the original was, and careless about power cuts, since nothing on it is kept.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import apsw

from dbtool.core.atomicfile import failures_named
from dbtool.core.connection import classified, connect
from dbtool.core.progress import Progress
from dbtool.core.quantities import format_size
from dbtool.errors import StorageFailed
from dbtool.pages.reader import PageReader

__all__ = ["ScratchCopy", "require_free"]

_PAGES_PER_BLOCK: Final = 256
_SPARE_BYTES: Final = 32 << 20
_VERSIONS: Final = slice(18, 20)
_CACHE_KIB: Final = 262_144
_GROWTH: Final = 1.6
"""Of a copy that gets indexes, at most, before those are measured that do not pay."""


class ScratchCopy:
    """A copy in a folder of its own; a context manager.

    Attributes:
        connection: writes the copy; triggers run as they do in the application, foreign keys are
            not enforced.
        path: of the copy.
        folder: holds it; a place for other files that shall go with it.
        size_bytes: of the original.

    Args:
        database: the original.
        temp: where the folder is made; None: the system's temporary folder.
        progress: told of pages, in bytes.

    Raises:
        StorageFailed: `no-space`, found before the first byte is written.
        DbtoolError: as `PageReader.open`.
    """

    def __init__(self, database: Path, temp: Path | None, progress: Progress) -> None:
        place = temp or Path(tempfile.gettempdir())
        with PageReader.open(database, progress=progress) as reader:
            self.size_bytes = reader.page_count * reader.page_size
            require_free(place, int(self.size_bytes * _GROWTH), "a copy to measure on")
            with failures_named("make a temporary folder in", place):
                self.folder = Path(tempfile.mkdtemp(prefix="dbtool-optimize-", dir=place))
            self.path = self.folder / "copy.db"
            try:
                _write(reader, self.path, self.size_bytes, progress)
                self.connection = _opened(self.path)
            except BaseException:
                shutil.rmtree(self.folder, ignore_errors=True)
                raise

    def close(self) -> None:
        """Remove the copy."""
        self.connection.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def require_free(folder: Path, needed_bytes: int, purpose: str) -> None:
    """Refuse where a folder has no room.

    Args:
        folder: or a file in it.
        needed_bytes: for the work.
        purpose: "a copy to measure on".

    Raises:
        StorageFailed: `no-space`, or as the system says.
    """
    with failures_named("use", folder):
        free_bytes = shutil.disk_usage(folder).free
    if free_bytes < needed_bytes + _SPARE_BYTES:
        raise StorageFailed(
            "no-space",
            f"{folder} has no room for {purpose}",
            context=f"{format_size(needed_bytes)} are needed, {format_size(free_bytes)} are free",
            hint="free some space, or name another place with --temp FOLDER",
        )


def _opened(path: Path) -> apsw.Connection:
    with classified(path):
        connection = connect(path, apsw.SQLITE_OPEN_READWRITE, busy_timeout_s=0)
        # Nothing is lost with the copy, and what writes must cost what it costs the application.
        connection.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 1)
        connection.pragma("journal_mode", "memory")
        connection.pragma("synchronous", "off")
        connection.pragma("locking_mode", "exclusive")
        connection.pragma("cache_size", -_CACHE_KIB)
        connection.pragma("temp_store", "memory")
        # Sorting what goes into an index is most of the work.
        connection.limit(apsw.SQLITE_LIMIT_WORKER_THREADS, 2)
        connection.pragma("threads", 2)
    return connection


def _write(reader: PageReader, path: Path, size_bytes: int, progress: Progress) -> None:
    progress.start("copying", size_bytes, "bytes")
    # SQLite has not opened this file yet, so a plain descriptor drops no lock.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with failures_named("write", path), os.fdopen(descriptor, "wb") as stream:
        for first, data in reader.blocks(_PAGES_PER_BLOCK):
            block = bytearray(data) if first == 1 else data
            if isinstance(block, bytearray):
                block[_VERSIONS] = b"\x01\x01"
            stream.write(block)
            progress.advance(len(data))
    progress.finish()
