"""A file that nobody can change, as SQLite asks about it."""

from __future__ import annotations

import apsw
import pytest

from dbtool.core.unchanging import UnchangingFile, offered


class Served(UnchangingFile):
    """Serves bytes from memory."""

    def __init__(self, content: bytes) -> None:
        super().__init__(len(content))
        self.content = content

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802  SQLite's name
        return self.content[offset : offset + amount]


class ServingVFS(apsw.VFS):
    """Serves one file under every name."""

    def __init__(self, content: bytes) -> None:
        super().__init__("test-unchanging", "")
        self.content = content

    def xOpen(self, name: object, flags: list[int]) -> object:  # noqa: N802  SQLite's name
        flags[1] = flags[0]
        return Served(self.content)

    def xFullPathname(self, name: str) -> str:  # noqa: N802  SQLite's name
        return name


def test_sqlite_reads_it_and_cannot_write_it() -> None:
    source = apsw.Connection(":memory:")
    source.execute("CREATE TABLE t(v); INSERT INTO t VALUES (42)")
    vfs = ServingVFS(source.serialize("main"))
    connection = apsw.Connection("served", vfs="test-unchanging")
    assert connection.execute("SELECT v FROM t").get == 42
    with pytest.raises(apsw.ReadOnlyError):
        connection.execute("INSERT INTO t VALUES (43)")
    assert connection.pragma("integrity_check") == "ok"
    connection.close()
    vfs.unregister()


def test_it_never_changes_whatever_is_asked() -> None:
    file = Served(b"content")
    assert file.xFileSize() == 7
    assert file.xDeviceCharacteristics() & apsw.SQLITE_IOCAP_IMMUTABLE
    assert not file.xCheckReservedLock()
    for change in (lambda: file.xWrite(b"x", 0), lambda: file.xTruncate(0)):
        with pytest.raises(apsw.ReadOnlyError):
            change()
    assert file.content == b"content"


def test_an_offered_file_is_opened_once_and_by_nobody_else() -> None:
    source = apsw.Connection(":memory:")
    source.execute("CREATE TABLE t(v); INSERT INTO t VALUES (42)")
    content = source.serialize("main")
    flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
    with offered(Served(content)) as uri:
        connection = apsw.Connection(uri, flags=flags)
        assert connection.execute("SELECT v FROM t").get == 42
        with pytest.raises(apsw.CantOpenError):
            apsw.Connection(uri, flags=flags).execute("SELECT v FROM t")
    with offered(Served(content)) as uri:
        pass
    with pytest.raises(apsw.CantOpenError):
        apsw.Connection(uri, flags=flags).execute("SELECT v FROM t")
    with offered(Served(content)) as uri:
        main = apsw.Connection(":memory:", flags=apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_URI)
        main.execute("ATTACH ? AS other", (uri,))
        assert main.execute("SELECT v FROM other.t").get == 42
    assert connection.execute("SELECT v FROM t ORDER BY v").get == 42
    connection.close()
