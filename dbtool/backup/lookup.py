"""Finding single pages of a snapshot: what a page hashes to and where it lies.

Only the segments of the map that speak of the pages asked for are fetched.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from typing import TYPE_CHECKING, NamedTuple

from dbtool.backup.format import HASH_BYTES, SEGMENT_PAGES, BlobRef
from dbtool.backup.pagemap import SegmentEntries

if TYPE_CHECKING:
    from dbtool.backup.tree import SnapshotTree

__all__ = ["PageLookup", "Run", "entry_of"]


class Run(NamedTuple):
    """Consecutive pages that lie in consecutive slots of one group, and what they hash to."""

    first: int
    """Number of the first page, from 1."""
    pages: int
    """How many pages."""
    ref: BlobRef
    """The group that holds them."""
    slot: int
    """Place of the first one in the group, counted in pages from 0."""
    hashes: bytes
    """Keyed BLAKE3 of each page, 16 bytes, one after the other."""

    def part(self, first: int, last: int) -> Run:
        """Return the run of some of its pages, `first` to `last`."""
        start, end = first - self.first, last + 1 - self.first
        hashes = self.hashes[start * HASH_BYTES : end * HASH_BYTES]
        return Run(first, end - start, self.ref, self.slot + start, hashes)


class PageLookup:
    """Answers for single pages of one snapshot; not for several threads at once."""

    def __init__(self, tree: SnapshotTree, per_group: int) -> None:
        self._tree = tree
        self._per_group = per_group

    def run(self, page: int) -> Run:
        """Return the longest run that holds `page` (from 1).

        Raises:
            Damaged: `map-incomplete`, `map-damaged`, `pack-damaged`.
        """
        number, within = divmod(page - 1, SEGMENT_PAGES)
        entries = self._tree.segment(number)
        first, end = _extent(entries.locations, within, entries.slot(within), self._per_group)
        ref, slot = entries.place(entries.locations[first])
        return Run(
            number * SEGMENT_PAGES + 1 + first,
            end - first,
            ref,
            slot,
            bytes(entries.hashes[first * HASH_BYTES : end * HASH_BYTES]),
        )


def _extent(locations: array[int], within: int, slot: int, per_group: int) -> tuple[int, int]:
    """Return the first entry and the end of the run that holds the entry `within`."""
    place = locations[within]
    first, end = max(0, within - slot), min(len(locations), within - slot + per_group)
    start, last = place - (within - first), place + (end - 1 - within)
    # Nearly all groups hold pages that follow each other, and nothing else.
    if (
        locations[first] == start
        and locations[end - 1] == last
        and locations[first:end] == array("Q", range(start, last + 1))
    ):
        return first, end
    first, end = within, within + 1
    while first and locations[first - 1] == locations[first] - 1:
        first -= 1
    while end < len(locations) and locations[end] == locations[end - 1] + 1:
        end += 1
    return first, end


def entry_of(entries: SegmentEntries, within: int) -> int | None:
    """Return the entry of a page of the segment in a piece; None where it says nothing of it."""
    pages = entries.pages
    if isinstance(pages, range):
        return within if within < len(pages) else None
    entry = bisect_left(pages, within)
    return entry if entry < len(pages) and pages[entry] == within else None
