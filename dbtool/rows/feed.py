"""Pages of a snapshot for a reader that knows beforehand which ones it will want.

Pages that were announced are fetched in lumps, in the order in which groups hold them and by
several threads, so a group is opened once per lump however scattered they are; the next lump comes
while one is read, as long as they are wanted one after the other. Some lumps are kept,
so it does not matter whether a table lies in the file in the order of its rows; where it lies in no
order at all and lumps go unused, pages come one by one, as those that were not announced do. Then a
few groups stay open, and interior pages of trees are kept, as they are wanted again.

Invariant: no byte leaves `page` that does not hash to what the map says.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from dbtool.backup.format import HASH_BYTES, SEGMENT_PAGES, BlobRef
from dbtool.backup.pack import BlobDamaged
from dbtool.backup.pagemap import SegmentEntries
from dbtool.backup.tree import SnapshotTree
from dbtool.pages.btree import INTERIOR_KINDS

__all__ = ["PageFeed"]

_LUMP_BYTES: Final = 4 << 20
"""Announced pages fetched together."""
_MOST_LUMPS: Final = 6
"""Lumps in memory."""
_POOR: Final = 4
"""Of the pages of a lump at least one in so many must be used; and this many lumps may fail to."""
_KEPT_BYTES: Final = 4 << 20
"""Interior pages in memory."""
_OPEN_GROUPS: Final = 16
"""256 KiB each."""


class PageFeed:
    """Pages of one snapshot for one reader; not for several threads at once."""

    def __init__(self, tree: SnapshotTree) -> None:
        self._tree = tree
        self._page_size = tree.snapshot.page_size
        self._announced: array[int] = array("I")
        self._lumps: OrderedDict[int, dict[int, bytes]] = OrderedDict()
        self._used: dict[int, int] = {}
        self._unused_lumps = 0
        self._worker = ThreadPoolExecutor(1, "dbtool-lump")
        self._ahead: tuple[int, Future[dict[int, bytes]]] | None = None
        """The lump that is fetched meanwhile."""
        self._kept: dict[int, bytes] = {}
        self._groups: OrderedDict[BlobRef, bytes] = OrderedDict()

    def announce(self, numbers: Sequence[int]) -> None:
        """Say which pages will be wanted."""
        self._announced = array("I", sorted(set(numbers)))
        self._lumps.clear()
        self._used.clear()
        self._unused_lumps = 0
        if self._ahead:
            self._ahead[1].cancel()
            self._ahead = None

    def page(self, number: int) -> bytes:
        """Return a page, from 1.

        Raises:
            Damaged: `page-damaged`, `pack-damaged`, `map-damaged` or `map-incomplete`.
        """
        at = bisect_left(self._announced, number)
        if at < len(self._announced) and self._announced[at] == number:
            lump = at // max(1, _LUMP_BYTES // self._page_size)
            if lump in self._lumps or self._unused_lumps <= _POOR:
                return self._from_lump(lump, number)
        content = self._kept.get(number)
        if content is not None:
            return content
        content = self._single(number)
        if content[0] in INTERIOR_KINDS and len(self._kept) * self._page_size < _KEPT_BYTES:
            self._kept[number] = content
        return content

    def close(self) -> None:
        """Stop fetching ahead."""
        self._worker.shutdown(cancel_futures=True)

    def _from_lump(self, lump: int, number: int) -> bytes:
        if lump in self._lumps:
            self._lumps.move_to_end(lump)
        else:
            self._lumps[lump] = self._arrived(lump)
            self._used[lump] = 0
            if len(self._lumps) > _MOST_LUMPS:
                gone, pages = self._lumps.popitem(last=False)
                self._unused_lumps += self._used.pop(gone) * _POOR < len(pages)
        self._used[lump] += 1
        return self._lumps[lump][number]

    def _arrived(self, lump: int) -> dict[int, bytes]:
        """Return a lump, and have the next one fetched if they are wanted one after the other."""
        ahead, self._ahead = self._ahead, None
        found = ahead[1].result() if ahead and ahead[0] == lump else self._fetched(self._part(lump))
        following = self._part(lump + 1)
        if following and lump + 1 not in self._lumps and (lump - 1 in self._lumps or lump == 0):
            self._ahead = lump + 1, self._worker.submit(self._fetched, following)
        return found

    def _part(self, lump: int) -> array[int]:
        size = max(1, _LUMP_BYTES // self._page_size)
        return self._announced[lump * size : (lump + 1) * size]

    def _fetched(self, chosen: array[int]) -> dict[int, bytes]:
        found: dict[int, bytes] = {}

        def wanted(entries: SegmentEntries) -> Sequence[int]:
            start = entries.segment * SEGMENT_PAGES + 1
            first = bisect_left(chosen, start)
            end = bisect_right(chosen, start + SEGMENT_PAGES - 1)
            return [number - start for number in chosen[first:end]]

        segments = {(number - 1) // SEGMENT_PAGES for number in chosen}
        for first, content in self._tree.pages(wanted, segments=sorted(segments)):
            for index in range(len(content) // self._page_size):
                start = index * self._page_size
                found[first + index] = bytes(content[start : start + self._page_size])
        return found

    def _single(self, number: int) -> bytes:
        segment, within = divmod(number - 1, SEGMENT_PAGES)
        entries = self._tree.segment(segment)
        (extent,) = entries.extents([within])
        raw = self._group(extent.ref, number)
        start = extent.slot * self._page_size
        content = memoryview(raw)[start : start + self._page_size]
        wanted = entries.hashes[within * HASH_BYTES : (within + 1) * HASH_BYTES]
        if b"".join(self._tree.hash_pages(content)) != wanted:
            raise self._tree.unproven(number)
        return bytes(content)

    def _group(self, ref: BlobRef, page: int) -> bytes:
        raw = self._groups.get(ref)
        if raw is None:
            try:
                raw = self._tree.packs.read(ref)
            except BlobDamaged as error:
                raise self._tree.unreadable(page, error) from error
            self._groups[ref] = raw
            if len(self._groups) > _OPEN_GROUPS:
                self._groups.popitem(last=False)
        else:
            self._groups.move_to_end(ref)
        return raw
