"""Databases that nobody can change and that lie in no file, given to SQLite through a VFS.

`UnchangingFile` is the base of their file objects (https://rogerbinns.github.io/apsw/vfs.html);
`xRead` and what `xClose` frees are for the class on top of it. `offered` gives one of them a name.
They are opened as immutable, which SQLite takes as the promise that it needs no locks, no journal
and no WAL (https://sqlite.org/uri.html#uriimmutable). Temporary files of SQLite (large sorts) are
those of its own VFS.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import apsw

__all__ = ["UnchangingFile", "offered"]

VFS_NAME: Final = "dbtool-unchanging"
_LOCK: Final = threading.Lock()


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


@contextmanager
def offered(file: UnchangingFile) -> Iterator[str]:
    """Give the URI under which SQLite opens a file, once and within the block.

    For a connection with the flags READONLY and URI, or for ATTACH.
    """
    vfs = _VFS.instance()
    name = f"unchanging-{secrets.token_hex(8)}"
    vfs.waiting[name] = file
    try:
        yield f"file:{name}?vfs={VFS_NAME}&immutable=1&mode=ro"
    finally:
        vfs.waiting.pop(name, None)


class _VFS(apsw.VFS):
    """The one VFS of the process; a file waits here under its name until SQLite opens it."""

    _instance: _VFS | None = None

    def __init__(self) -> None:
        super().__init__(VFS_NAME, "")
        self.waiting: dict[str, UnchangingFile] = {}

    @classmethod
    def instance(cls) -> _VFS:
        """Return the VFS, registered on first use."""
        with _LOCK:
            if cls._instance is None:
                cls._instance = cls()
            return cls._instance

    def xOpen(  # type: ignore[override]  # noqa: N802  any object with the methods will do
        self, name: str | apsw.URIFilename | None, flags: list[int]
    ) -> apsw.VFSFile | UnchangingFile:
        """Open a waiting file, or a temporary one of SQLite."""
        if flags[0] & apsw.SQLITE_OPEN_MAIN_DB:
            wanted = name.filename() if isinstance(name, apsw.URIFilename) else name
            file = self.waiting.pop(wanted or "", None)
            if file is None:
                raise apsw.CantOpenError("only dbtool opens what lies in no file")
            flags[1] = apsw.SQLITE_OPEN_MAIN_DB | apsw.SQLITE_OPEN_READONLY
            return file
        return super().xOpen(name, flags)

    def xFullPathname(self, name: str) -> str:  # noqa: N802
        """Return the name of a waiting file as it is."""
        return name if name in self.waiting else super().xFullPathname(name)
