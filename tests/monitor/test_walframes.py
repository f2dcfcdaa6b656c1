"""Frames are counted exactly, in logs that are whole, torn, cut, reset or of another generation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dbtool.monitor.walframes import WalCursor
from dbtool.pages.walscan import committed_frames

PAGE = 512
FRAME = 24 + PAGE


def reader(data: bytes) -> Callable[[int, int], bytes]:
    return lambda offset, length: data[offset : offset + length]


class Log:
    """A database whose log is looked at as bytes."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "app.db"
        self.connection = apsw.Connection(str(self.path))
        self.connection.pragma("page_size", PAGE)
        self.connection.pragma("journal_mode", "wal")
        self.connection.pragma("wal_autocheckpoint", 0)
        self.connection.execute("CREATE TABLE t(a INTEGER PRIMARY KEY, b)")
        self.commit(1)

    def commit(self, pages: int) -> None:
        """Commit one transaction that writes so many pages."""
        with self.connection:
            # Overflow pages: each row takes a chain of its own.
            self.connection.execute(
                "INSERT OR REPLACE INTO t VALUES(1, randomblob(?))", (max(0, pages - 1) * 508,)
            )

    def bytes(self) -> bytes:
        # After this no connection reads: closing would drop its locks.
        count = self.connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_NOOP)[0]
        return self.connection.read("main", 1, 0, 32 + max(count, 200) * FRAME)[1]

    def frames(self) -> int:
        return int(self.connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_NOOP)[0])

    def reset(self) -> None:
        """Checkpoint all, so that the next commit begins the log anew."""
        self.connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_FULL)


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    log = Log(tmp_path_factory.mktemp("log"))
    for pages in (1, 4, 2, 7, 1):
        log.commit(pages)
    return (
        log.bytes()
        .rstrip(b"\0")[: 32 + log.frames() * FRAME]
        .ljust(32 + log.frames() * FRAME, b"\0")
    )


def test_frames_and_transactions_are_those_that_were_committed(log: Log) -> None:
    cursor = WalCursor()
    cursor.advance(reader(log.bytes()), log.frames())
    before = log.frames()
    for pages in (1, 5, 3):
        log.commit(pages)
    seen = cursor.advance(reader(log.bytes()), log.frames())
    assert (seen.frames, seen.transactions) == (log.frames() - before, 3)
    assert sum(seen.pages.values()) == seen.frames
    assert (seen.resets, seen.complete, seen.pages_complete) == (0, True, True)
    assert cursor.advance(reader(log.bytes()), log.frames()).frames == 0


def test_the_older_generation_is_counted_from_what_is_left_of_it(log: Log) -> None:
    cursor = WalCursor()
    log.commit(6)
    cursor.advance(reader(log.bytes()), log.frames())
    seen_before = log.frames()
    log.commit(8)
    older = log.frames() - seen_before
    log.reset()
    log.commit(2)
    seen = cursor.advance(reader(log.bytes()), log.frames())
    assert (seen.frames, seen.transactions) == (older + log.frames(), 2)
    assert (seen.resets, seen.complete, seen.pages_complete) == (1, True, True)


def test_frames_that_were_overwritten_are_counted_by_their_places(log: Log) -> None:
    cursor = WalCursor()
    cursor.advance(reader(log.bytes()), log.frames())
    seen_before = log.frames()
    for _ in range(10):
        log.commit(3)
    older = log.frames() - seen_before
    log.reset()
    log.commit(9)
    assert log.frames() > seen_before
    seen = cursor.advance(reader(log.bytes()), log.frames())
    assert seen.frames == older + log.frames()
    assert (seen.complete, seen.pages_complete) == (True, False)


def test_an_end_that_nobody_knows_any_more_is_a_lower_bound(log: Log) -> None:
    cursor = WalCursor()
    cursor.advance(reader(log.bytes()), log.frames())
    log.commit(2)
    log.reset()
    log.commit(20)
    seen = cursor.advance(reader(log.bytes()[: 32 + log.frames() * FRAME]), log.frames())
    assert (seen.frames, seen.complete) == (log.frames(), False)


def test_several_resets_are_counted_and_what_lay_between_is_not_claimed(log: Log) -> None:
    cursor = WalCursor()
    cursor.advance(reader(log.bytes()), log.frames())
    for _ in range(3):
        log.commit(2)
        log.reset()
    log.commit(2)
    seen = cursor.advance(reader(log.bytes()), log.frames())
    assert (seen.resets, seen.complete) == (3, False)


def test_a_log_that_was_cut_to_nothing_says_so_and_begins_anew(log: Log) -> None:
    cursor = WalCursor()
    cursor.advance(reader(log.bytes()), log.frames())
    seen = cursor.advance(reader(b""), 0)
    assert (seen.resets, seen.complete) == (1, False)
    assert cursor.advance(reader(b""), 0).complete
    log.commit(1)
    assert cursor.advance(reader(log.bytes()), log.frames()).frames == log.frames()


@settings(deadline=None)
@given(st.data())
def test_a_log_cut_anywhere_counts_what_is_committed_in_the_rest(
    whole: bytes, data: st.DataObject
) -> None:
    cut = whole[: data.draw(st.integers(0, len(whole)))]
    seen = WalCursor().advance(reader(cut), None)
    expected = committed_frames(reader(cut), len(cut)).frames if len(cut) >= 32 else 0
    assert seen.frames == expected


@settings(deadline=None)
@given(st.data())
def test_frames_of_another_generation_end_the_count(whole: bytes, data: st.DataObject) -> None:
    count = (len(whole) - 32) // FRAME
    stale = data.draw(st.integers(1, count))
    raw = bytearray(whole)
    at = 32 + (stale - 1) * FRAME + 8
    raw[at : at + 8] = b"stale   "
    seen = WalCursor().advance(reader(bytes(raw)), None)
    assert seen.frames < stale
    assert seen.frames == committed_frames(reader(bytes(raw)), len(raw)).frames


@settings(deadline=None)
@given(st.binary(max_size=3000), st.none() | st.integers(0, 2**32))
def test_any_bytes_are_taken(data: bytes, last_frame: int | None) -> None:
    WalCursor().advance(reader(data), last_frame)
