"""A snapshot as a read-only SQLite database: an APSW VFS that serves its pages from the repository.

Nothing is restored. SQLite asks for a page, the page is fetched with its group, proven by its hash
and handed over. The file is opened as immutable, which SQLite takes as the promise that it needs no
locks, no journal and no WAL; that holds for snapshots of databases in WAL mode too, so page 1 is
served as it was backed up. See https://sqlite.org/uri.html#uriimmutable.

A page that does not prove fails the statement that reads it with `Damaged`; APSW hands an exception
of a VFS on to whoever runs the statement. Temporary files of SQLite (large sorts) are those of its
own VFS.
"""

from __future__ import annotations

import secrets
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

import apsw

from dbtool.backup.lock import shared
from dbtool.backup.pagecache import PageCache
from dbtool.core.pragmas import harden
from dbtool.core.unchanging import UnchangingFile
from dbtool.errors import Damaged
from dbtool.store.counted import CountedReads

if TYPE_CHECKING:
    from dbtool.backup.model import Snapshot
    from dbtool.backup.repository import Repository
    from dbtool.backup.tree import SnapshotTree

__all__ = ["SnapshotConnection", "connect_snapshot"]

VFS_NAME: Final = "dbtool-snapshot"
_LOCK: Final = threading.Lock()


class SnapshotConnection(apsw.Connection):
    """A connection to a snapshot, read-only; closing it frees what it holds in the repository."""

    mount: Mount

    @property
    def snapshot(self) -> Snapshot:
        """The snapshot that is read."""
        return self.mount.tree.snapshot

    @property
    def pages_read(self) -> frozenset[int]:
        """Numbers of the pages read since the connection was opened or `forget_pages` was called.

        SQLite does not read a page again that it still holds.
        """
        return frozenset(self.mount.pages_read)

    @property
    def bytes_fetched(self) -> int:
        """What was read from packs in the repository so far, in bytes."""
        return self.mount.reads.bytes_fetched

    def forget_pages(self) -> None:
        """Empty SQLite's page cache and `pages_read`, so that the next statement reads afresh.

        A statement that is still running keeps the pages it stands on.
        """
        self.pragma("shrink_memory")
        self.mount.pages_read.clear()


def connect_snapshot(repository: Repository, snapshot: Snapshot) -> SnapshotConnection:
    """Return a hardened connection that reads a snapshot where it lies.

    It holds the repository's shared lock until it is closed.

    Raises:
        Damaged: `page-damaged`, `pack-damaged`, `map-damaged`, `map-incomplete`: page 1 cannot be
            had; `snapshot-not-a-database`: it can, and SQLite does not take it.
        Locked: `repository-locked`.
    """
    reads = CountedReads(repository.store)
    with ExitStack() as opening:
        held = opening.enter_context(ExitStack())
        held.enter_context(shared(repository.store))
        mount = Mount(repository.open_snapshot(snapshot, reads=reads), reads, held)
        opening.callback(mount.xClose)
        connection = _VFS.instance().open(mount)
        opening.callback(connection.close)
        try:
            harden(connection)
            connection.pragma("schema_version")  # reads page 1, and no schema that may be broken
        except apsw.Error as error:
            raise _not_a_database(snapshot, error) from error
        opening.pop_all()  # all is well: what was opened stays open
    return connection


def _not_a_database(snapshot: Snapshot, error: apsw.Error) -> Damaged:
    return Damaged(
        "snapshot-not-a-database",
        f"SQLite cannot read snapshot {snapshot.id[:8]}",
        context=f"every page is as it was backed up; SQLite says: {error}",
        hint="dbtool snapshots      lists older ones",
    )


class Mount(UnchangingFile):
    """One open snapshot: the file object of the VFS."""

    def __init__(self, tree: SnapshotTree, reads: CountedReads, held: ExitStack) -> None:
        super().__init__(tree.snapshot.size_bytes)
        self.tree = tree
        self.reads = reads
        self._cache = PageCache(tree)
        self.pages_read = self._cache.pages_read
        self._page_size = tree.snapshot.page_size
        self._held = held

    def xRead(self, amount: int, offset: int) -> bytes | memoryview:  # noqa: N802  SQLite's name
        """Return `amount` bytes from `offset`, fewer at the end of the file."""
        page, start = divmod(offset, self._page_size or 1)
        if start + amount <= self._page_size and offset < self._size:
            content = self._cache.page(page + 1)
            return content if amount == self._page_size else bytes(content[start : start + amount])
        return self._read_across(amount, offset)

    def _read_across(self, amount: int, offset: int) -> bytes:
        parts = []
        end = min(offset + amount, self._size)
        while offset < end:
            start = offset % self._page_size
            length = min(self._page_size - start, end - offset)
            parts.append(bytes(self.xRead(length, offset)))
            offset += length
        return b"".join(parts)

    def xClose(self) -> None:  # noqa: N802
        """Free everything; once is enough."""
        self._cache.close()
        self._held.close()


class _VFS(apsw.VFS):
    """The one VFS of the process; a mount waits here under its name until SQLite opens it."""

    _instance: _VFS | None = None

    def __init__(self) -> None:
        super().__init__(VFS_NAME, "")
        self._waiting: dict[str, Mount] = {}

    @classmethod
    def instance(cls) -> _VFS:
        """Return the VFS, registered on first use."""
        with _LOCK:
            if cls._instance is None:
                cls._instance = cls()
            return cls._instance

    def open(self, mount: Mount) -> SnapshotConnection:
        """Return a connection to `mount`."""
        name = f"snapshot-{mount.tree.snapshot.id}-{secrets.token_hex(8)}"
        self._waiting[name] = mount
        try:
            connection = SnapshotConnection(
                f"file:{name}?immutable=1",
                flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI,
                vfs=VFS_NAME,
            )
        finally:
            self._waiting.pop(name, None)
        connection.mount = mount
        return connection

    def xOpen(  # type: ignore[override]  # noqa: N802  any object with the methods will do
        self, name: str | apsw.URIFilename | None, flags: list[int]
    ) -> apsw.VFSFile | Mount:
        """Open a waiting mount, or a temporary file of SQLite."""
        if flags[0] & apsw.SQLITE_OPEN_MAIN_DB:
            wanted = name.filename() if isinstance(name, apsw.URIFilename) else name
            mount = self._waiting.pop(wanted or "", None)
            if mount is None:
                raise apsw.CantOpenError("only dbtool opens snapshots")
            flags[1] = apsw.SQLITE_OPEN_MAIN_DB | apsw.SQLITE_OPEN_READONLY
            return mount
        return super().xOpen(name, flags)

    def xFullPathname(self, name: str) -> str:  # noqa: N802
        """Return the name of a mount as it is."""
        return name if name in self._waiting else super().xFullPathname(name)
