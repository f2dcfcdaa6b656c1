"""Bytes of a database, its -wal or its journal, without SQL and without losing a lock.

POSIX drops every lock that a process holds on a file as soon as the process closes *any* descriptor
of it (https://sqlite.org/howtocorrupt.html section 2.2). So `open()` must never touch a file that
SQLite has open in this process. A `RawFile` goes through SQLite's own unix VFS, which knows the
other descriptors and defers closing.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Self

import apsw

__all__ = ["Kind", "RawFile"]

Kind = Literal["database", "wal", "journal"]

_KINDS: Final = {
    "database": apsw.SQLITE_OPEN_MAIN_DB,
    "wal": apsw.SQLITE_OPEN_WAL,
    "journal": apsw.SQLITE_OPEN_MAIN_JOURNAL,
}

_LARGEST_WRITE_BYTES: Final = 65536
"""The unix VFS takes the length of a write modulo 128 KiB: SQLite itself writes single pages."""


class RawFile:
    """One open file; a context manager.

    Args:
        path: absolute path.
        kind: what the file is to SQLite; only a database can be locked.
        writable: open to write as well.
        create: create it, and fail where it exists.

    Raises:
        apsw.Error: as SQLite's VFS says, `CantOpenError` where the file is missing.
    """

    def __init__(
        self, path: Path, kind: Kind = "database", *, writable: bool = False, create: bool = False
    ) -> None:
        flags = _KINDS[kind] | (
            apsw.SQLITE_OPEN_READWRITE if writable else apsw.SQLITE_OPEN_READONLY
        )
        if create:
            flags |= apsw.SQLITE_OPEN_CREATE | apsw.SQLITE_OPEN_EXCLUSIVE
        elif kind != "database":
            # As root, the VFS sets the owner of a WAL or journal that it opens, which moves its
            # ctime. This kind of file is opened alike in all else.
            flags = flags & ~_KINDS[kind] | apsw.SQLITE_OPEN_SUPER_JOURNAL
        # The VFS quietly opens a file read-only that it may not write, and says so in the second
        # item.
        granted = [flags, 0]
        self._file = apsw.VFSFile("unix", str(path), granted)
        if writable and granted[1] & apsw.SQLITE_OPEN_READONLY:
            self._file.xClose()
            message = f"{path} cannot be opened for writing"
            raise apsw.ReadOnlyError(message)

    def size(self) -> int:
        """Return the length in bytes."""
        return self._file.xFileSize()

    def read(self, offset: int, length: int) -> bytes:
        """Return `length` bytes from `offset`; fewer where the file ends before."""
        length = max(0, min(length, self.size() - offset))
        return self._file.xRead(length, offset) if length else b""

    def write(self, offset: int, data: bytes | memoryview) -> None:
        """Write all of `data` at `offset`."""
        view = memoryview(data)
        for start in range(0, len(view), _LARGEST_WRITE_BYTES):
            self._file.xWrite(view[start : start + _LARGEST_WRITE_BYTES], offset + start)

    def truncate(self, size_bytes: int) -> None:
        """Cut off, or extend with zeros."""
        self._file.xTruncate(size_bytes)

    def sync(self) -> None:
        """Make the bytes durable."""
        self._file.xSync(apsw.SQLITE_SYNC_FULL)

    def try_lock_exclusive(self) -> bool:
        """Take SQLite's EXCLUSIVE lock without waiting; False where anybody else uses the file."""
        try:
            self._file.xLock(apsw.SQLITE_LOCK_SHARED)
            self._file.xLock(apsw.SQLITE_LOCK_EXCLUSIVE)
        except apsw.BusyError:
            self.unlock()
            return False
        return True

    def unlock(self) -> None:
        """Give up every lock of this file."""
        self._file.xUnlock(apsw.SQLITE_LOCK_NONE)

    def close(self) -> None:
        """Close; again is allowed."""
        self._file.xClose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
