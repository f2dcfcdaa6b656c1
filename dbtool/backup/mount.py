"""A snapshot as a read-only SQLite database, whose pages a VFS serves from the repository.

Nothing is restored. SQLite asks for a page, the page is fetched with its group, proven by its hash
and handed over. The file is immutable to SQLite (`dbtool.core.unchanging`); that holds for
snapshots of databases in WAL mode too, so page 1 is served as it was backed up.

A page that does not prove fails the statement that reads it with `Damaged`; APSW hands an exception
of a VFS on to whoever runs the statement.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import apsw

from dbtool.backup.lock import shared
from dbtool.backup.pagecache import PageCache
from dbtool.core.pragmas import harden
from dbtool.core.unchanging import UnchangingFile, offered
from dbtool.errors import Damaged
from dbtool.store.counted import CountedReads

if TYPE_CHECKING:
    from dbtool.backup.model import Snapshot
    from dbtool.backup.repository import Repository
    from dbtool.backup.tree import SnapshotTree

__all__ = ["SnapshotConnection", "connect_snapshot"]


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
        connection = _connection(mount)
        opening.callback(connection.close)
        try:
            harden(connection)
            connection.pragma("schema_version")  # reads page 1, and no schema that may be broken
        except apsw.Error as error:
            raise _not_a_database(snapshot, error) from error
        opening.pop_all()  # all is well: what was opened stays open
    return connection


def _connection(mount: Mount) -> SnapshotConnection:
    with offered(mount) as uri:
        flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
        connection = SnapshotConnection(uri, flags=flags)
    connection.mount = mount
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
