"""What a file that nobody can change answers to SQLite, whatever it holds.

The base of file objects for a VFS in Python (https://rogerbinns.github.io/apsw/vfs.html); `xRead`
and what `xClose` frees are for the class on top of it.
"""

from __future__ import annotations

import apsw

__all__ = ["UnchangingFile"]


class UnchangingFile:
    """A file object of a VFS; SQLite calls it from one thread at a time.

    Args:
        size_bytes: of the file.
    """

    def __init__(self, size_bytes: int) -> None:
        self._size = size_bytes

    def xFileSize(self) -> int:  # noqa: N802  SQLite's name, as are the others
        """Return the size of the file."""
        return self._size

    def xClose(self) -> None:  # noqa: N802
        """Have nothing to free."""

    def xSectorSize(self) -> int:  # noqa: N802
        """Return what does not matter without writes."""
        return 4096

    def xDeviceCharacteristics(self) -> int:  # noqa: N802
        """Say that the file never changes."""
        return apsw.SQLITE_IOCAP_IMMUTABLE

    def xFileControl(self, _operation: int, _pointer: int) -> bool:  # noqa: N802
        """Leave every operation to SQLite."""
        return False

    def xLock(self, _level: int) -> None:  # noqa: N802
        """Need no lock: nobody can change the content."""

    def xUnlock(self, _level: int) -> None:  # noqa: N802
        """Need no lock."""

    def xCheckReservedLock(self) -> bool:  # noqa: N802
        """Say that nobody writes."""
        return False

    def xSync(self, _flags: int) -> None:  # noqa: N802
        """Have nothing to make durable."""

    def xWrite(self, _data: bytes, _offset: int) -> None:  # noqa: N802
        """Refuse."""
        raise apsw.ReadOnlyError("the content does not change")

    def xTruncate(self, _size: int) -> None:  # noqa: N802
        """Refuse."""
        raise apsw.ReadOnlyError("the content does not change")
