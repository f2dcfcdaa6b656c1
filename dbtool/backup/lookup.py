"""Finding single pages of a snapshot: what a page hashes to and where it lies.

Only the map pieces that can speak of a page are fetched, the newest first, and few of them are
kept; a segment is never laid out as a whole. A page that no piece names is damage.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from dbtool.backup.format import HASH_BYTES, SEGMENT_PAGES, BlobRef
from dbtool.backup.pagemap import SegmentEntries
from dbtool.errors import Damaged

if TYPE_CHECKING:
    from dbtool.backup.tree import SnapshotTree

__all__ = ["PageLookup", "Run", "entry_of"]

_KEPT_ENTRIES: Final = 8 * SEGMENT_PAGES
"""Map entries kept decoded; 24 bytes each, so about 6 MiB."""
_SLOTS: Final = 0xFFFF
"""The bits of a location that count the slots of a group."""


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
    replaced: frozenset[int] = frozenset()
    """Pages among them that lie elsewhere, in a newer state."""


class PageLookup:
    """Answers for single pages of one snapshot; not for several threads at once."""

    def __init__(self, tree: SnapshotTree) -> None:
        self._tree = tree
        self._kept: OrderedDict[tuple[int, int], SegmentEntries] = OrderedDict()
        self._kept_entries = 0

    def run(self, page: int) -> Run:
        """Return the longest run that holds `page` (from 1) as this snapshot sees it.

        Raises:
            Damaged: `map-incomplete`, `map-damaged`, `pack-damaged`.
        """
        segment, within = divmod(page - 1, SEGMENT_PAGES)
        newer: list[SegmentEntries] = []
        for number in range(len(self._tree.body.segments[segment]) - 1, -1, -1):
            entries = self._piece(segment, number)
            entry = entry_of(entries, within)
            if entry is not None:
                return _run(entries, entry, newer)
            newer.append(entries)
        raise Damaged(
            "map-incomplete",
            f"the page map has no entry for page {page}",
            hint="dbtool verify --snapshots      names every snapshot affected",
        )

    def _piece(self, segment: int, number: int) -> SegmentEntries:
        key = segment, number
        entries = self._kept.get(key)
        if entries is None:
            entries = self._tree.piece(segment, self._tree.body.segments[segment][number])
            self._kept_entries += len(entries)
            self._kept[key] = entries
            while self._kept_entries > _KEPT_ENTRIES and len(self._kept) > 1:
                self._kept_entries -= len(self._kept.popitem(last=False)[1])
        elif len(self._kept) > 1:
            self._kept.move_to_end(key)
        return entries


def entry_of(entries: SegmentEntries, within: int) -> int | None:
    """Return the entry of a page of the segment in a piece; None where it says nothing of it."""
    pages = entries.pages
    if isinstance(pages, range):
        return within if within < len(pages) else None
    entry = bisect_left(pages, within)
    return entry if entry < len(pages) and pages[entry] == within else None


def _run(entries: SegmentEntries, entry: int, newer: list[SegmentEntries]) -> Run:
    pages, locations = entries.pages, entries.locations
    first = last = entry
    # Slots count up within a group, so the next location is the next slot or another group.
    while first and _follows(pages, locations, first):
        first -= 1
    while last + 1 < len(pages) and _follows(pages, locations, last + 1):
        last += 1
    ref, slot = entries.place(locations[first])
    start, end = pages[first], pages[last]
    base = entries.segment * SEGMENT_PAGES + 1
    return Run(
        base + start,
        last + 1 - first,
        ref,
        slot,
        bytes(entries.hashes[first * HASH_BYTES : (last + 1) * HASH_BYTES]),
        frozenset(
            base + page
            for piece in newer
            for page in piece.pages[
                bisect_left(piece.pages, start) : bisect_right(piece.pages, end)
            ]
        ),
    )


def _follows(pages: Sequence[int], locations: Sequence[int], entry: int) -> bool:
    return (
        locations[entry] == locations[entry - 1] + 1
        and pages[entry] == pages[entry - 1] + 1
        and bool(locations[entry] & _SLOTS)
    )
