"""Finding single pages of a snapshot: what a page hashes to and where it lies.

Only the map pieces that can speak of a page are fetched, the newest first, and few of them are
kept; a segment is never laid out as a whole. A page that no piece names is damage.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import OrderedDict
from typing import TYPE_CHECKING, Final, NamedTuple

from dbtool.backup.format import HASH_BYTES, SEGMENT_PAGES, BlobRef
from dbtool.backup.pagemap import SegmentEntries
from dbtool.errors import Damaged

if TYPE_CHECKING:
    from dbtool.backup.tree import SnapshotTree

__all__ = ["PageLookup", "Place"]

_KEPT_ENTRIES: Final = 4 * SEGMENT_PAGES
"""Map entries kept decoded; 24 bytes each, so about 6 MiB."""


class Place(NamedTuple):
    """What the map says of one page."""

    hash: bytes
    """Keyed BLAKE3 of its content, 16 bytes."""
    ref: BlobRef
    """The group that holds it."""
    slot: int
    """Its place in the group, counted in pages from 0."""


class PageLookup:
    """Answers for single pages of one snapshot; not for several threads at once."""

    def __init__(self, tree: SnapshotTree) -> None:
        self._tree = tree
        self._kept: OrderedDict[tuple[int, int], SegmentEntries] = OrderedDict()
        self._kept_entries = 0

    def place(self, page: int) -> Place:
        """Return what the map says of `page` (from 1).

        Raises:
            Damaged: `map-incomplete`, `map-damaged`, `pack-damaged`.
        """
        segment, within = divmod(page - 1, SEGMENT_PAGES)
        pieces = self._tree.body.segments[segment]
        for number in range(len(pieces) - 1, -1, -1):
            entries = self._piece(segment, number)
            entry = _entry(entries, within)
            if entry is not None:
                ref, slot = entries.place(entries.locations[entry])
                at = entry * HASH_BYTES
                return Place(bytes(entries.hashes[at : at + HASH_BYTES]), ref, slot)
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


def _entry(entries: SegmentEntries, within: int) -> int | None:
    """Return the entry of a page of the segment in a piece; None where it says nothing of it."""
    pages = entries.pages
    if isinstance(pages, range):
        return within if within < len(pages) else None
    entry = bisect_left(pages, within)
    return entry if entry < len(pages) and pages[entry] == within else None
