"""Indexes ranges of one table, a few leaves at a time, in one read transaction or in several.

Of each leaf the whole range is read in the transaction in which its print is taken. That is what
makes slices safe, whatever is written between them: a leaf that still has its print later holds
the rows that were indexed with it; and where it has not, its range is looked into again.
"""

from __future__ import annotations

import time
from array import array
from bisect import bisect_left
from collections.abc import Callable
from typing import Final

from dbtool.core.progress import Progress
from dbtool.core.stoppable import stoppable
from dbtool.pages.reader import PageReader
from dbtool.pages.source import header_of
from dbtool.search.prints import ALL_ROWS, Leaf, Prints, Range, leaves_of, print_leaf
from dbtool.search.rows import LOWEST
from dbtool.search.writer import TableWriter

__all__ = ["FreshPrints", "TableRun"]

SLICE_S: Final = 2.0
"""How long one read transaction of many is kept."""
GROUP_LEAVES: Final = 128


class TableRun:
    """One table in one round.

    Args:
        writer: of its documents.
        root: page of its b-tree.
        kept: prints that still hold.
        progress: is told of pages, in bytes.
    """

    def __init__(self, writer: TableWriter, root: int, kept: Prints, progress: Progress) -> None:
        self.fresh = FreshPrints(kept)
        self.rows_read = 0
        self._writer = writer
        self._root = root
        self._progress = progress
        self._reader: PageReader | None = None
        self._leaves: list[Leaf] = []
        self._digests: array[int] | None = None
        self._unread = LOWEST
        self._began_s = 0.0

    def use(
        self,
        reader: PageReader,
        leaves: list[Leaf] | None = None,
        digests: array[int] | None = None,
    ) -> None:
        """Read in this transaction from now on.

        Args:
            reader: it.
            leaves: of the table in it; None: they are looked up.
            digests: of all pages in it; None: pages are hashed when they are met.
        """
        self._reader = reader
        self._leaves = leaves_of(reader, self._root) if leaves is None else leaves
        self._digests = digests
        self._unread = LOWEST
        self._began_s = time.monotonic()

    def ranges(self, ranges: list[Range], another: Callable[[], bool] | None) -> bool:
        """Index ranges; False: `another` said that this cannot go on.

        Args:
            ranges: in order, apart from each other.
            another: called when a transaction was kept long enough, to `use` another one; None:
                all in this one.
        """
        whole = all(self._range(low, high, another) for low, high in ranges)
        self._writer.flush()
        if not whole:
            self.fresh.pending.append(ALL_ROWS)
        return whole

    def _range(self, low: int, high: int, another: Callable[[], bool] | None) -> bool:
        position = low
        while position <= high:
            if another is not None and time.monotonic() - self._began_s > SLICE_S:
                self._writer.flush()
                if not another():
                    return False
            group = _group(self._leaves, position, high)
            self._take(group)
            if group[-1].high >= high:
                break
            position = group[-1].high + 1
        return True

    def _take(self, group: list[Leaf]) -> None:
        reader = self._reader
        assert reader is not None
        connection = reader.connection
        assert connection is not None
        low, high = max(group[0].low, self._unread), group[-1].high
        with stoppable(connection, self._progress):
            self.rows_read += self._writer.update_range(connection, low, high)
        self._unread = high + 1
        usable = reader.page_size - header_of(reader).reserved_bytes
        for leaf in group:
            self.fresh.add(leaf, *print_leaf(reader, usable, leaf.page, self._digests))
        self._progress.advance(len(group) * reader.page_size)


class FreshPrints:
    """The prints of one round: those that still hold, and those taken in its transactions.

    A page that is met twice holds for the later one alone; the rows that the earlier one stood for
    are looked into again.
    """

    def __init__(self, kept: Prints) -> None:
        self.pending: list[Range] = []
        self._kept = kept
        self._kept_at = {page: index for index, page in enumerate(kept.pages)}
        self._taken: dict[int, tuple[Leaf, int, tuple[int, ...]]] = {}

    def add(self, leaf: Leaf, digest: int, overflow: tuple[int, ...]) -> None:
        """Take the print of a leaf whose rows were just indexed."""
        before = self._taken.get(leaf.page)
        if before is not None and before[0] != leaf:
            self.pending.append((before[0].low, before[0].high))
        index = self._kept_at.get(leaf.page)
        if index is not None:
            tile = self._kept.lows[index], self._kept.highs[index]
            if tile != (leaf.low, leaf.high):
                self.pending.append(tile)
        self._taken[leaf.page] = (leaf, digest, overflow)

    def prints(self) -> Prints:
        """Return them all."""
        found = self._kept.only([page not in self._taken for page in self._kept.pages])
        for leaf, digest, overflow in self._taken.values():
            found.add(leaf, digest, overflow)
        return found


def _group(leaves: list[Leaf], position: int, high: int) -> list[Leaf]:
    """Return the next leaves that hold rows from `position` to `high`, not too many."""
    first = bisect_left(leaves, position, key=lambda leaf: leaf.high)
    end = first + 1
    while end < len(leaves) and end - first < GROUP_LEAVES and leaves[end].low <= high:
        end += 1
    return leaves[first:end]
