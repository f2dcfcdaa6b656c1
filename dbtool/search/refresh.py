"""Brings an index up to the newest commit of its database, at the cost of what changed.

What changed is told by the pages (see `dbtool.search.prints`): by the frames of the WAL where they
are still all there, else by a hash of every page. Little is read in one read transaction, which
then is the one that is searched. Much is read in slices, each in a read transaction of its own, so
that the application's WAL can be checkpointed meanwhile; what changed behind a slice is found by
the next round. The application's database is only read. The index changes in one transaction:
whatever stops this leaves the index as it was.
"""

from __future__ import annotations

import json
import secrets
import sys
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Final

import apsw
from blake3 import blake3

from dbtool.core.clock import Clock
from dbtool.core.progress import Progress
from dbtool.core.stoppable import stoppable
from dbtool.errors import Damaged
from dbtool.pages.changes import pages_changed
from dbtool.pages.reader import PageReader, SourceState
from dbtool.pages.source import PageInvalid
from dbtool.search.prints import (
    Leaf,
    Prints,
    Range,
    changed_ranges,
    leaves_of,
    page_digests,
    united,
)
from dbtool.search.sidecar import (
    IndexedTable,
    IndexStore,
    begin_afresh,
    is_current_format,
    stamp_of,
)
from dbtool.search.slices import TableRun
from dbtool.search.subjects import Subject, Subjects, renamed_table, same_table, subjects_of
from dbtool.search.writer import TableWriter

__all__ = ["Refreshed", "known_state", "refresh", "still_there"]

_AT_ONCE_BYTES: Final = 64 << 20
"""Changed leaves that are read in one transaction; about two seconds of work."""
_ROUNDS: Final = 8
"""The last round takes whatever there is in one transaction."""


@dataclass(slots=True)
class Refreshed:
    """What a refresh did; `reader` is still open, in the transaction that the index is of."""

    reader: PageReader
    stamp: str
    """Tells this state of the index from any other, see `stamp_of`."""
    rows_changed: int = 0
    rows_read: int = 0
    rounds: int = 0


@dataclass(slots=True)
class _Work:
    """One table of a round."""

    table: IndexedTable
    leaves: list[Leaf]
    ranges: list[Range]
    kept: Prints
    leaf_count: int = 0


@dataclass(slots=True)
class _State:
    """What is known of a table's pages between rounds."""

    prints: Prints = field(default_factory=Prints)
    pending: list[Range] = field(default_factory=list)
    keyed: dict[str, object] = field(default_factory=dict)


def known_state(store: IndexStore) -> SourceState | None:
    """Return the state of the database that an index is of; None: it is of none."""
    if not is_current_format(store):
        return None
    try:
        return SourceState.from_json(json.loads(str(store.get("state"))))
    except (ValueError, apsw.SQLError):
        return None


def still_there(
    tables: Sequence[IndexedTable], subjects: Sequence[Subject]
) -> tuple[tuple[IndexedTable, ...], list[str]]:
    """Return what of an older index the database has still, and the tables that it has besides."""
    found: list[IndexedTable] = []
    others: list[str] = []
    for subject in subjects:
        table = next((t for t in tables if same_table(t.subject, subject)), None)
        if table is None:
            others.append(subject.name)
        else:
            found.append(replace(table, subject=subject))
    return tuple(found), others


def refresh(
    path: Path,
    store: IndexStore,
    *,
    progress: Progress,
    clock: Clock,
    busy_timeout_s: float = 10.0,
    at_once_bytes: int = _AT_ONCE_BYTES,
) -> Refreshed:
    """Bring the index up to date; return the reader of the state that it is of, still open.

    Args:
        path: the database.
        store: its index, with no transaction open.
        progress: is told of the rows, in bytes.
        clock: gives the time of the index.
        busy_timeout_s: how long to wait for the database.
        at_once_bytes: where more has changed, it is read in slices.

    Raises:
        Locked: `index-removed`.
        DbtoolError: as `PageReader.open`; `apsw.BusyError` where somebody else writes the index.
    """
    reader = PageReader.open(path, busy_timeout_s=busy_timeout_s, progress=progress)
    stamp = stamp_of(store)  # read first: somebody may refresh the index in between
    before = known_state(store)
    if before is not None and reader.still_reads(before):
        return Refreshed(reader, stamp)
    reader.close()  # or it would pin the application's WAL while the lock is waited for
    store.begin()
    run: _Run | None = None
    try:
        reader = PageReader.open(path, busy_timeout_s=busy_timeout_s, progress=progress)
        run = _Run(path, store, reader, progress, busy_timeout_s, at_once_bytes)
        found = run.rounds()
        store.put("state", json.dumps(found.reader.state.to_json()))
        store.put("indexed_at", clock.now().isoformat())
        found.stamp = secrets.token_hex(8)
        store.put("stamp", found.stamp)
        store.connection.execute("COMMIT")
    except BaseException:
        if store.connection.in_transaction:
            store.connection.execute("ROLLBACK")
        if run is not None:
            run.reader.close()
        raise
    return found


class _Run:
    def __init__(
        self,
        path: Path,
        store: IndexStore,
        reader: PageReader,
        progress: Progress,
        busy_timeout_s: float,
        at_once_bytes: int,
    ) -> None:
        self.path = path
        self.store = store
        self.reader = reader
        self.began = reader
        """The reader with which the round began."""
        self.progress = progress
        self.busy_timeout_s = busy_timeout_s
        self.at_once_bytes = at_once_bytes
        self.states: dict[int, _State] = {}
        self.found = Refreshed(reader, "")

    def rounds(self) -> Refreshed:
        """Repeat until what is left fits into one transaction."""
        if not is_current_format(self.store):
            begin_afresh(self.store)
        since = known_state(self.store)
        for number in range(_ROUNDS):
            self.found.rounds = number + 1
            began = self.reader.state
            if self._round(since, last=number == _ROUNDS - 1):
                break
            since = began
            self._renew()
        self.found.reader = self.reader
        return self.found

    def _round(self, since: SourceState | None, *, last: bool) -> bool:
        """Do one round; True: the index is of the state that `reader` reads."""
        self.began = self.reader
        connection = self.reader.connection
        listed = subjects_of(connection) if connection is not None else Subjects((), ())
        subjects = listed.tables
        self.store.put(
            "left_out", json.dumps([(each.table, each.reason) for each in listed.skipped])
        )
        cookie = connection.pragma("schema_version") if connection is not None else 0
        tables = self._reconcile(connection, subjects)
        changed = None if since is None else pages_changed(self.reader, since)
        digests = None if changed is not None else self._hash_pages()
        work = [
            self._work(table, digests, changed)
            for table in tables
            if table.subject.rowid is not None
        ]
        size_bytes = sum(each.leaf_count for each in work) * self.reader.page_size
        at_once = last or size_bytes <= self.at_once_bytes
        self.progress.start("indexing", size_bytes or None, "bytes")
        try:
            for table in tables:
                if table.subject.rowid is None:
                    self._keyed(table, digests, changed)
            for each in work:
                if not self._table(each, digests, None if at_once else cookie):
                    return False
        except PageInvalid as error:
            raise _damaged(error) from error
        finally:
            self.progress.finish()
        return at_once

    def _reconcile(
        self, connection: apsw.Connection | None, subjects: tuple[Subject, ...]
    ) -> list[IndexedTable]:
        """Make the index hold exactly the tables that there are now."""
        before = {table.number: table for table in self.store.tables()}
        found: list[IndexedTable] = []
        fresh: list[Subject] = []
        for match in (same_table, renamed_table):
            left = fresh if match is renamed_table else list(subjects)
            fresh = []
            for subject in left:
                table = next((t for t in before.values() if match(t.subject, subject)), None)
                if table is None:
                    fresh.append(subject)
                    continue
                del before[table.number]
                same = table.subject == subject
                found.append(table if same else self.store.rename(table, subject))
        for table in before.values():
            self.store.remove(table)
            self.states.pop(table.number, None)
        for subject in fresh:
            assert connection is not None
            found.append(self.store.add(connection, subject))
        for table in found:
            if table.number not in self.states:
                self.states[table.number] = _load(self.store.prints(table), table.subject)
        return found

    def _hash_pages(self) -> array[int]:
        if not self.reader.page_count:
            return array("Q")
        total = self.reader.page_count * self.reader.page_size
        self.progress.start("comparing pages", total, "bytes")
        try:
            return page_digests(self.reader, self.progress.advance)
        finally:
            self.progress.finish()

    def _work(
        self, table: IndexedTable, digests: array[int] | None, changed: set[int] | None
    ) -> _Work:
        state = self.states[table.number]
        leaves = leaves_of(self.reader, table.subject.root)
        ranges, kept = changed_ranges(state.prints, leaves, digests=digests, changed=changed)
        ranges = united([*ranges, *state.pending])
        return _Work(table, leaves, ranges, kept, len(leaves) - len(kept.pages))

    # -- tables with rowids

    def _table(self, work: _Work, digests: array[int] | None, cookie: int | None) -> bool:
        """Index the ranges of one table; False: the schema changed in between.

        Args:
            work: what to do.
            digests: of all pages in the transaction in which the round began, where it made them.
            cookie: the schema's version, to read in slices; None: all in this transaction.
        """
        state = self.states[work.table.number]
        if not work.ranges:
            state.prints, state.pending = work.kept, []
            return True
        writer = TableWriter(self.store, work.table)
        run = TableRun(writer, work.table.subject.root, work.kept, self.progress)
        first = self.reader
        if first is self.began:
            run.use(first, work.leaves, digests)
        else:  # an earlier table of this round was read in slices
            run.use(first)
        another = None if cookie is None else partial(self._slice, run, cookie)
        whole = run.ranges(work.ranges, another)
        self.found.rows_read += run.rows_read
        self.found.rows_changed += writer.changed
        state.prints = run.fresh.prints()
        # Within one transaction no page can be met in two states.
        state.pending = [] if cookie is None else run.fresh.pending
        self.store.save(work.table, _dump(state), writer.skipped_columns)
        return whole

    def _slice(self, run: TableRun, cookie: int) -> bool:
        """Go on in another read transaction; False: the schema is another there."""
        self._renew()
        connection = self.reader.connection
        if connection is None or connection.pragma("schema_version") != cookie:
            return False
        run.use(self.reader)
        return True

    def _renew(self) -> None:
        """Let go of the application's WAL, and go on with what is committed now."""
        self.reader.close()
        self.reader = PageReader.open(
            self.path, busy_timeout_s=self.busy_timeout_s, progress=self.progress
        )

    # -- WITHOUT ROWID

    def _keyed(
        self, table: IndexedTable, digests: array[int] | None, changed: set[int] | None
    ) -> None:
        state = self.states[table.number]
        before = state.keyed
        known: set[int] = set(before.get("pages", ()))  # type: ignore[call-overload]
        if changed is not None and known and known.isdisjoint(changed):
            return
        connection = self.reader.connection
        assert connection is not None
        pages = [
            row[0]
            for row in connection.execute(
                "SELECT pageno FROM dbstat('main') WHERE name = ? ORDER BY pageno",
                (table.subject.stored_in,),
            )
        ]
        digest = _digest_of(self.reader, pages, digests)
        if before == {"pages": pages, "digest": digest}:
            return
        writer = TableWriter(self.store, table)
        with stoppable(connection, self.progress):
            self.found.rows_read += writer.update_keyed(connection)
        self.found.rows_changed += writer.changed
        state.keyed = {"pages": pages, "digest": digest}
        self.store.save(table, _dump(state), writer.skipped_columns)


def _digest_of(reader: PageReader, pages: list[int], digests: array[int] | None) -> int:
    found: Callable[[int], int] = (
        (lambda page: digests[page - 1])
        if digests is not None
        else (lambda page: int.from_bytes(blake3(reader.page(page)).digest(8), sys.byteorder))
    )
    data = array("Q", [found(page) for page in pages]).tobytes()
    return int.from_bytes(blake3(data).digest(7), "little")


def _load(data: bytes, subject: Subject) -> _State:
    if not data:
        return _State()
    if subject.rowid is None:
        return _State(keyed=json.loads(data))
    return _State(Prints.from_bytes(data))


def _dump(state: _State) -> bytes:
    return json.dumps(state.keyed).encode() if state.keyed else state.prints.to_bytes()


def _damaged(error: PageInvalid) -> Damaged:
    return Damaged(
        "database-damaged",
        "a page of the database is damaged, so its rows cannot be indexed",
        context=str(error),
        hint="dbtool verify DB      says how much",
    )
