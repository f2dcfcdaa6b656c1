"""Which pages of a snapshot differ from those of an earlier one, told from their maps alone.

Map pieces are shared between snapshots. What the pieces say that both have at the beginning of
their lists is the same for both, so only the pieces after them are read: the cost of two snapshots
that are near to each other follows what changed between them. Where that shows nothing (a new base,
a database that grew, snapshots that are not from one line) the whole segment is compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from itertools import takewhile

from dbtool.backup.format import HASH_BYTES
from dbtool.backup.pagemap import SegmentEntries, merge
from dbtool.backup.tree import SnapshotTree, segment_lengths

__all__ = ["differing"]


def differing(
    newer: SnapshotTree, older: SnapshotTree, number: int
) -> tuple[SegmentEntries, Sequence[int] | None]:
    """Find what differs in segment `number` of `newer`; both have pages of one size.

    Returns:
        Entries of `newer`, and which of them differ, by their place among the entries; None: all.
        A page that changed in between and changed back may be among them.

    Raises:
        Damaged: a map piece of either cannot be read.
    """
    pieces = newer.body.segments[number]
    if number >= len(older.body.segments):
        return newer.segment(number), None
    before = older.body.segments[number]
    length = segment_lengths(newer.snapshot.page_count)[number]
    length_before = segment_lengths(older.snapshot.page_count)[number]
    shared = len(
        list(takewhile(lambda pair: pair[0] == pair[1], zip(pieces, before, strict=False)))
    )
    if shared and length <= length_before:
        if shared == len(pieces) == len(before):
            return SegmentEntries(number), ()
        told, told_before = _tail(newer, number, shared), _tail(older, number, shared)
        if set(told_before.pages) <= set(told.pages):
            return told, _unequal(told, _by_page(told_before), length)
    whole, whole_before = newer.segment(number), older.segment(number)
    return whole, _unequal_whole(whole.hashes, whole_before.hashes)


def _tail(tree: SnapshotTree, number: int, shared: int) -> SegmentEntries:
    """Return what the pieces after the shared ones say, as one delta."""
    pieces = [tree.piece(number, piece) for piece in tree.body.segments[number][shared:]]
    return reduce(merge, pieces) if pieces else SegmentEntries(number)


def _by_page(entries: SegmentEntries) -> dict[int, bytes]:
    return {
        page: bytes(entries.hashes[entry * HASH_BYTES : (entry + 1) * HASH_BYTES])
        for entry, page in enumerate(entries.pages)
    }


def _unequal(told: SegmentEntries, before: dict[int, bytes], length: int) -> list[int]:
    return [
        entry
        for entry, page in enumerate(told.pages)
        if page < length
        and before.get(page) != bytes(told.hashes[entry * HASH_BYTES : (entry + 1) * HASH_BYTES])
    ]


def _unequal_whole(hashes: bytearray, before: bytearray) -> list[int]:
    return [
        at // HASH_BYTES
        for at in range(0, len(hashes), HASH_BYTES)
        if hashes[at : at + HASH_BYTES] != before[at : at + HASH_BYTES]
    ]
