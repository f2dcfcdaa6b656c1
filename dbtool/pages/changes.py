"""Which pages can have changed between two states of a database, as the WAL tells.

Every page that a commit changes is a frame of the WAL, so the frames between two positions of one
generation of the log name all changed pages. What has to be known is that no frame was lost in
between. Two facts of SQLite's log give that (https://sqlite.org/walformat.html):

    same salts, the last frame     a reset draws new salts, so there was none: the frames after the
    of then still in its place     older position are all. Counting is not enough: after a power
                                   failure commits may be missing at the end (synchronous=NORMAL,
                                   OFF) and others in their place. The checksum of a frame covers
                                   all before it
    an older reader is still open  with a read mark above 0 the log cannot be reset at all; with
                                   mark 0, which it gets when the whole log was checkpointed, the
                                   log can be reset, but nothing can be checkpointed, so it is not
                                   reset a second time: the frames after the reset are all. Only
                                   removing the WAL by hand breaks that, which its inode shows

Anything else means that frames may be gone, and only reading the pages tells.
"""

from __future__ import annotations

from dbtool.pages.reader import PageReader, SourceState

__all__ = ["pages_changed", "pages_changed_while_held"]


def pages_changed(newer: PageReader, before: SourceState) -> set[int] | None:
    """Return the pages that can have changed between a state and a reader; None: unknown.

    Args:
        newer: an open reader.
        before: of the same database; it may be of long ago, with no transaction open since.
    """
    now = newer.state
    if not newer.holds_log or not _same_file(before, now) or before.wal_salts is None:
        return None
    if before.wal_committed is None or before.wal_salts != now.wal_salts:
        return None
    if before.wal_committed and not newer.goes_on_from(before):
        return None
    return _frames(newer, before.wal_committed)


def pages_changed_while_held(newer: PageReader, older: PageReader) -> set[int] | None:
    """Return the pages that can have changed between two readers; None: unknown.

    Args:
        newer: begun while `older` was open.
        older: still open.
    """
    before, now = older.state, newer.state
    if not (newer.log_in_place and older.log_in_place and _same_file(before, now)):
        return None
    if before.wal_committed is None or older.page_size != newer.page_size:
        return None
    if before.wal_salts == now.wal_salts and (now.wal_committed or 0) >= before.wal_committed:
        return _frames(newer, before.wal_committed)
    return None if older.reads_log else _frames(newer, 0)


def _same_file(before: SourceState, now: SourceState) -> bool:
    return (before.device, before.inode) == (now.device, now.inode)


def _frames(newer: PageReader, after: int) -> set[int] | None:
    last = newer.state.wal_committed
    if last is None or last < after:
        return None
    return newer.frame_pages(range(after + 1, last + 1))
