"""How one row changed over the snapshots of a database, oldest to newest.

A snapshot is opened only where the row can differ. Reading the row in one snapshot tells which
pages the answer came from: those of the schema, and the path down to the row. While these pages
have the same hashes in the next snapshots, the answer is the same, and only their maps are looked
at.

Page 1 is special: its first 100 bytes count transactions and free pages, so it has another hash in
almost every snapshot. It is fetched and compared without what the answer does not depend on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal

import apsw

from dbtool.backup.model import Snapshot
from dbtool.backup.pagecache import PageCache
from dbtool.backup.pagehashes import PageHashes
from dbtool.backup.repository import Repository
from dbtool.backup.tree import SnapshotTree
from dbtool.core.connection import classified, open_readonly
from dbtool.core.progress import Progress, Silent
from dbtool.errors import Damaged, NotFound, UsageError
from dbtool.rows.rowkey import RowKey, Value, read_row
from dbtool.rows.shape import describe

__all__ = ["ColumnChange", "HistoryEntry", "RowHistory"]

EntryKind = Literal["absent", "first seen", "changed", "removed", "back", "unchanged"]
_SCHEMA_PAGE: Final = 1
_BUSY_TIMEOUT_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class ColumnChange:
    """One column that differs from the entry before."""

    column: str
    old: Value
    new: Value
    was_there: bool = True
    """False: there was no such row or column before; `old` is None."""
    is_there: bool = True
    """False: there is no such row or column any more; `new` is None."""


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """What became of the row."""

    snapshot: Snapshot | None
    """The first snapshot that has it so; None: the live database."""
    time: datetime
    kind: EntryKind
    """absent: in the oldest snapshot, where the row comes later; unchanged: only of the live
    database."""
    row: dict[str, Value] | None
    """Values by column; None: it is not there."""
    changes: tuple[ColumnChange, ...]


class RowHistory:
    """The history of one row: iterate over it once. The counts grow meanwhile."""

    def __init__(
        self,
        repository: Repository,
        snapshots: Sequence[Snapshot],
        table: str,
        key: RowKey,
        *,
        live: Path | None = None,
        on_unreadable: Callable[[Snapshot | None, str], None] | None = None,
        progress: Progress | None = None,
    ) -> None:
        """Read nothing yet.

        Args:
            repository: where the snapshots lie.
            snapshots: of one database, oldest first.
            table: name in any case.
            key: names the row.
            live: the database as it is now, which is the last entry; None: without it.
            on_unreadable: told of snapshots in which the row cannot be read, and why; they are
                passed over, and so is the live database (None). Without it the first one ends the
                history.
            progress: told of snapshots.
        """
        self.snapshots_read = 0
        """How many were opened; of the others the maps were enough."""
        self.damaged = 0
        """How many were damaged where the answer lies."""
        self._opened_bytes = 0
        self._repository = repository
        self._snapshots = snapshots
        self._table = table
        self._key = key
        self._live = live
        self._on_unreadable = on_unreadable
        self._progress = progress or Silent()
        self._hashes = PageHashes(repository)
        self._basis: _Basis | None = None
        self._no_table: NotFound | None = None
        self._table_seen = False
        self._other_key: list[tuple[Snapshot, str]] = []

    @property
    def bytes_fetched(self) -> int:
        """What was read from the packs of the repository so far."""
        return self._opened_bytes + self._hashes.bytes_fetched

    def __iter__(self) -> Iterator[HistoryEntry]:
        """Yield what became of the row, oldest first.

        Raises:
            NotFound: `table-not-found`, `row-not-found`: in none of the snapshots, nor now.
            UsageError: `key-invalid`.
            Damaged: a snapshot cannot be read, and there is no `on_unreadable`.
        """
        with self._repository.store.lock(exclusive=False):
            yield from self._told()

    def _told(self) -> Iterator[HistoryEntry]:
        story = _Story()
        self._progress.start("reading snapshots", len(self._snapshots), "snapshots")
        for snapshot in self._snapshots:
            found = self._in_snapshot(snapshot)
            if found is not None:
                yield from story.told(snapshot, snapshot.time, found.row)
            self._progress.advance(1)
        self._progress.finish()
        if self._live is not None:
            now = self._now(self._live)
            if now is not None:
                yield from story.told(None, self._repository.clock.now(), now.row)
        if not story.seen:
            raise self._not_found()

    # -- one snapshot

    def _in_snapshot(self, snapshot: Snapshot) -> _Found | None:
        """Return the row in a snapshot; None: it is as in the one before, or cannot be read."""
        try:
            tree = self._hashes.tree(snapshot)
            if not tree.snapshot.page_count:
                self._basis = None
                return _Found(None)
            if self._basis is not None and self._basis.holds_in(tree, self._hashes):
                return None
            found = _Found(self._read(snapshot, tree))
            self._tell_other_keys()
            return found
        except Damaged as error:
            if self._on_unreadable is None:
                raise
            self.damaged += 1
            self._on_unreadable(snapshot, error.message)
        except UsageError as error:
            # The table may have had another key then; that it still has is a mistake in the
            # question, and the newest snapshot tells which it is.
            if self._on_unreadable is None or snapshot is self._snapshots[-1]:
                raise
            self._other_key.append((snapshot, error.message))
        return None

    def _tell_other_keys(self) -> None:
        for snapshot, message in self._other_key:
            if self._on_unreadable:
                self._on_unreadable(snapshot, message)
        self._other_key.clear()

    def _read(self, snapshot: Snapshot, tree: SnapshotTree) -> dict[str, Value] | None:
        with closing(self._repository.connect(snapshot)) as connection:
            self.snapshots_read += 1
            try:
                row = self._row(connection, connection.forget_pages)
                first: Any = connection.read("main", 0, 0, snapshot.page_size)
                pages = {
                    page: self._hashes.of(tree, page)
                    for page in connection.pages_read
                    if page <= snapshot.page_count
                }
            except (apsw.CorruptError, apsw.NotADBError) as error:
                raise Damaged(
                    "snapshot-not-a-database",
                    f"SQLite cannot read the table {self._table} of snapshot {snapshot.id[:8]}",
                    context=f"every page is as it was backed up; SQLite says: {error}",
                ) from error
            finally:
                self._opened_bytes += connection.bytes_fetched
        self._basis = _Basis(snapshot.page_size, pages, _essence(first[1]))
        return row

    def _row(
        self, connection: apsw.Connection, forget: Callable[[], None] | None = None
    ) -> dict[str, Value] | None:
        try:
            shape = describe(connection, self._table, where_from="the database")
        except NotFound as error:
            self._no_table = error
            shape = None
        if forget:
            # To describe a table, SQLite looks at virtual tables too; the row does not depend on
            # those, but on every page of the schema.
            forget()
            connection.execute("SELECT * FROM main.sqlite_schema").fetchall()
        if shape is None:
            return None
        self._table_seen = True
        return read_row(connection, shape, self._key)

    def _now(self, path: Path) -> _Found | None:
        """Return the row in the live database; None: that cannot be read."""
        try:
            with (
                classified(path),
                closing(open_readonly(path, busy_timeout_s=_BUSY_TIMEOUT_S)) as connection,
            ):
                return _Found(self._row(connection))
        except (Damaged, UsageError) as error:
            # The snapshots tell most where the database does not; a wrong key is the question's.
            if self._on_unreadable is None or error.code == "key-invalid":
                raise
            self.damaged += 1
            self._on_unreadable(None, error.message)
        return None

    def _not_found(self) -> NotFound:
        if not self._table_seen and self._no_table is not None:
            error = self._no_table
            message = f"no snapshot has a table {self._table}"
            return NotFound(error.code, message, context=error.context, hint=error.hint)
        return NotFound(
            "row-not-found",
            f"no snapshot has such a row of {self._table}",
            context=f"{len(self._snapshots)} snapshots were asked",
            hint="text that looks like a number is written as \"'007'\"",
        )


@dataclass(frozen=True, slots=True)
class _Found:
    row: dict[str, Value] | None


@dataclass(frozen=True, slots=True)
class _Basis:
    """What an answer was read from; while it stays, the answer does."""

    page_size: int
    hashes: dict[int, bytes]
    first_page: bytes

    def holds_in(self, tree: SnapshotTree, hashes: PageHashes) -> bool:
        """Say whether a snapshot has the same pages."""
        snapshot = tree.snapshot
        if snapshot.page_size != self.page_size or max(self.hashes) > snapshot.page_count:
            return False
        others = (item for item in self.hashes.items() if item[0] != _SCHEMA_PAGE)
        if any(hashes.of(tree, page) != known for page, known in others):
            return False
        if hashes.of(tree, _SCHEMA_PAGE) == self.hashes[_SCHEMA_PAGE]:
            return True
        pages = PageCache(tree)
        try:
            return _essence(bytes(pages.page(_SCHEMA_PAGE))) == self.first_page
        finally:
            pages.close()


def _essence(page: bytes) -> bytes:
    """Return of page 1 what an answer can depend on.

    Left out: versions of the file format (18, 19), counters, free pages, the size, the schema
    cookie (24 to 43), the cache size (48 to 51), and what applications keep in it (60 to 99).
    Source: https://sqlite.org/fileformat2.html#the_database_header
    """
    return page[16:18] + page[20:24] + page[44:48] + page[52:60] + page[100:]


class _Story:
    """Turns rows, in the order of time, into what became of the row."""

    def __init__(self) -> None:
        self.seen = False
        self._row: dict[str, Value] | None = None
        self._absent: HistoryEntry | None = None
        self._begun = False

    def told(
        self, snapshot: Snapshot | None, time: datetime, row: dict[str, Value] | None
    ) -> Iterator[HistoryEntry]:
        """Yield the entries that a row adds."""
        changes = _compared(self._row, row)
        kind = self._kind(row, changes)
        entry = HistoryEntry(snapshot, time, kind, row, changes)
        begun, self._begun, self._row = self._begun, True, row
        if kind == "absent":
            self._absent = entry
            return
        if kind == "unchanged" and (snapshot is not None or not self.seen):
            return
        self.seen = True
        if self._absent is not None and begun:
            yield self._absent
        self._absent = None
        yield entry

    def _kind(self, row: dict[str, Value] | None, changes: tuple[ColumnChange, ...]) -> EntryKind:
        if row is None:
            if self._row is not None:
                return "removed"
            return "unchanged" if self._begun else "absent"
        if self._row is None:
            return "back" if self.seen else "first seen"
        return "changed" if changes else "unchanged"


def _compared(
    old: dict[str, Value] | None, new: dict[str, Value] | None
) -> tuple[ColumnChange, ...]:
    if new is None:
        return ()
    before = old or {}
    found = [
        ColumnChange(name, before.get(name), value, was_there=name in before)
        for name, value in new.items()
        if name not in before or not _same(before[name], value)
    ]
    found += [
        ColumnChange(name, value, None, is_there=False)
        for name, value in before.items()
        if name not in new
    ]
    return tuple(found)


def _same(one: Value, other: Value) -> bool:
    return type(one) is type(other) and one == other
