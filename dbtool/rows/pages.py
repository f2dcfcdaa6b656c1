"""Two states of a database as pages: which differ, without reading what the page maps tell.

Between two snapshots nothing is read but their maps; between a snapshot and a live database each
page of the file is hashed once. Whatever a state is, its pages are then had one by one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from dbtool.backup.compare import differing_from, differing_in
from dbtool.backup.format import SEGMENT_PAGES
from dbtool.backup.model import Snapshot
from dbtool.backup.tree import PageHasher, SnapshotTree
from dbtool.core.progress import Progress
from dbtool.pages.reader import PageReader
from dbtool.rows.feed import PageFeed
from dbtool.rows.model import PageCounts
from dbtool.rows.sets import Bits

__all__ = ["LiveState", "SnapshotState", "State", "changed_pages", "count_pages"]


class State(Protocol):
    """One state of a database: its pages, and how a person calls it."""

    page_size: int
    page_count: int

    @property
    def label(self) -> str:
        """Such as `snapshot a1b2c3d4`."""

    def page(self, number: int) -> bytes:
        """Return a page, from 1."""

    def announce(self, numbers: Sequence[int]) -> None:
        """Say which pages will be wanted."""

    def close(self) -> None:
        """Free what it holds."""


class SnapshotState:
    """A snapshot; a `PageSource`."""

    def __init__(self, tree: SnapshotTree) -> None:
        self.tree = tree
        self.page_size = tree.snapshot.page_size
        self.page_count = tree.snapshot.page_count
        self._feed = PageFeed(tree)
        self._others: tuple[State, Bits] | None = None

    @property
    def snapshot(self) -> Snapshot:
        """Which one it is."""
        return self.tree.snapshot

    @property
    def label(self) -> str:
        """The beginning of its id."""
        return f"snapshot {self.snapshot.id[:8]}"

    def page(self, number: int) -> bytes:
        """Return a page, proven by its hash."""
        if self._others is not None and number not in self._others[1]:
            return self._others[0].page(number)
        return self._feed.page(number)

    def share(self, other: State, changed: Bits) -> None:
        """Take the pages that are not in `changed`, proven to be equal, from `other`."""
        self._others = other, changed

    def announce(self, numbers: Sequence[int]) -> None:
        """Say which pages will be wanted, so that they are fetched together."""
        self._feed.announce(numbers)

    def close(self) -> None:
        """Stop fetching ahead."""
        self._feed.close()


class LiveState:
    """A database as it is now, for as long as the read transaction of its reader lasts."""

    def __init__(self, reader: PageReader, path: str) -> None:
        self.reader = reader
        self.path = path
        self.page_size = reader.page_size
        self.page_count = reader.page_count

    @property
    def label(self) -> str:
        """Its path."""
        return self.path

    def page(self, number: int) -> bytes:
        """Return a page of the transaction."""
        return self.reader.page(number)

    def announce(self, numbers: Sequence[int]) -> None:
        """Read each page when it is wanted: a file needs no more."""

    def close(self) -> None:
        """Prove that the medium held still, and end the transaction."""
        try:
            self.reader.confirm()
        finally:
            self.reader.close()


def changed_pages(
    a: SnapshotState, b: SnapshotState | LiveState, hash_pages: PageHasher, progress: Progress
) -> Bits:
    """Return the pages that are not equal in both, those that only one of them has included."""
    most = max(a.page_count, b.page_count)
    if a.page_size != b.page_size:
        return Bits(most, range(1, most + 1))
    found = Bits(most, range(min(a.page_count, b.page_count) + 1, most + 1))
    differing = (
        _between_snapshots(a.tree, b.tree)
        if isinstance(b, SnapshotState)
        else _from_live(a.tree, b.reader, hash_pages, progress)
    )
    for number in differing:
        found.add(number)
    return found


def _between_snapshots(a: SnapshotTree, b: SnapshotTree) -> Iterator[int]:
    for number, pieces in enumerate(b.body.segments):
        if number < len(a.body.segments) and a.body.segments[number] == pieces:
            continue
        start = number * SEGMENT_PAGES + 1
        for page in differing_from(a, b.segment(number)):
            yield start + page


def _from_live(
    a: SnapshotTree, b: PageReader, hash_pages: PageHasher, progress: Progress
) -> Iterator[int]:
    progress.start("comparing pages", b.page_size * b.page_count, "bytes")
    for entries in a.segments():
        start = entries.segment * SEGMENT_PAGES + 1
        for page in differing_in(b, entries, hash_pages, progress):
            yield start + page
    progress.finish()


def count_pages(a: State, b: State, changed: Bits) -> PageCounts:
    """Return how many pages changed, came and went."""
    both = min(a.page_count, b.page_count) if a.page_size == b.page_size else 0
    return PageCounts(
        page_size=b.page_size,
        a=a.page_count,
        b=b.page_count,
        changed=len(changed.up_to(both)),
        added=b.page_count - both,
        removed=a.page_count - both,
    )
