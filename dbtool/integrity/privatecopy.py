"""A copy of a database that only this check has, so that it keeps no writer waiting.

It is made of the pages of a read transaction: every page, damaged or not, as it is. The copy is in
rollback mode whatever the original was, so that it needs no file beside it.
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
from dbtool.integrity.rawpages import RawPages
from dbtool.pages.reader import PageReader

__all__ = ["PrivateCopy", "require_room"]

_PAGES_PER_BLOCK: Final = 256
_SPARE_BYTES: Final = 16 << 20
_VERSIONS: Final = slice(18, 20)


class PrivateCopy:
    """A copy in a folder of its own; a context manager.

    Attributes:
        connection: may write the copy.
        pages: the pages of the copy.

    Args:
        reader: the read transaction to copy.
        temp: where the folder is made; None: the system's temporary folder.
        progress: told of pages, in bytes.

    Raises:
        StorageFailed: `no-space`, found before the first byte is written.
    """

    def __init__(self, reader: PageReader, temp: Path | None, progress: Progress) -> None:
        size_bytes = reader.page_count * reader.page_size
        require_room(temp, size_bytes)
        with failures_named("make a temporary folder in", temp or Path(tempfile.gettempdir())):
            self._folder = Path(tempfile.mkdtemp(prefix="dbtool-verify-", dir=temp))
        try:
            path = self._folder / "copy.db"
            _write(reader, path, size_bytes, progress)
            self.pages = RawPages(path, reader.page_size)
            with classified(path):
                flags = apsw.SQLITE_OPEN_READWRITE
                self.connection = connect(path, flags, busy_timeout_s=0)
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise

    def close(self) -> None:
        """Remove the copy."""
        self.connection.close()
        self.pages.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def require_room(temp: Path | None, size_bytes: int) -> None:
    """Refuse where a folder has no room for a file of that size.

    Args:
        temp: the folder; None: the system's temporary folder.
        size_bytes: of the file.

    Raises:
        StorageFailed: `no-space`, or as the system says.
    """
    folder = temp or Path(tempfile.gettempdir())
    with failures_named("use", folder):
        free_bytes = shutil.disk_usage(folder).free
    if free_bytes < size_bytes + _SPARE_BYTES:
        raise StorageFailed(
            "no-space",
            f"{folder} has no room for a copy of {format_size(size_bytes)}",
            context=f"{format_size(free_bytes)} are free",
            hint="--temp FOLDER names another place",
        )


def _write(reader: PageReader, path: Path, size_bytes: int, progress: Progress) -> None:
    progress.start("copying", size_bytes, "bytes")
    # SQLite has not opened this file yet, so a plain descriptor drops no lock.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with failures_named("write", path), os.fdopen(descriptor, "wb") as stream:
        for first, data in reader.blocks(_PAGES_PER_BLOCK):
            stream.write(_in_rollback_mode(data) if first == 1 else data)
            progress.advance(len(data))
    progress.finish()


def _in_rollback_mode(data: bytes) -> bytes:
    block = bytearray(data)
    block[_VERSIONS] = b"\x01\x01"
    return bytes(block)
