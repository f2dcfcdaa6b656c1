"""Page maps: for every page of a database its hash, and the group and slot that hold its content.

A map is cut into segments of 8,192 pages. A segment is a list of pieces, oldest first: a base that
covers it from its first page, then deltas with the pages that changed since. Adding a delta merges
it with its neighbours while they are less than twice its size, so a segment has a logarithmic
number of pieces however many snapshots there were, and each entry is rewritten a logarithmic number
of times. When the deltas together pass a quarter of the segment, a new base replaces all pieces.

Invariant: pieces are written once and shared by all snapshots in which their pages did not change.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import NamedTuple

from dbtool.backup.format import (
    BLOBS_PER_PACK,
    HASH_BYTES,
    ID_BYTES,
    MAP_HEADER,
    MAP_RUN,
    SEGMENT_PAGES,
    BlobRef,
)
from dbtool.errors import Damaged

__all__ = [
    "Extent",
    "PieceRef",
    "Segment",
    "SegmentEntries",
    "decode_piece",
    "encode_piece",
    "merge_plan",
    "piece_blobs",
]

_BASE, _DELTA = 1, 2
_REBASE_FRACTION = 4
"""A new base is written when the deltas hold more than 1/4 of the segment's pages."""
_SLOT_BITS, _ORDINAL_BITS = 16, 24
_SLOT_MASK, _ORDINAL_MASK = (1 << _SLOT_BITS) - 1, (1 << _ORDINAL_BITS) - 1


class PieceRef(NamedTuple):
    """A map piece as a snapshot names it: where it is, and how many pages it describes."""

    ref: BlobRef
    entries: int


class Extent(NamedTuple):
    """Consecutive pages that lie in consecutive slots of one group."""

    first: int
    """Page within the segment, from 0."""
    pages: int
    """How many of them."""
    ref: BlobRef
    slot: int


@dataclass(slots=True)
class SegmentEntries:
    """Entries of one piece, or a whole segment: columns of equal length, pages ascending.

    A location packs (index into `packs`, ordinal, slot) into one integer, so that the next slot of
    a group is the next integer.
    """

    segment: int
    pages: array[int] | range = field(default_factory=lambda: array("H"))
    """Page within the segment, from 0; a range from 0 for a base."""
    hashes: bytearray = field(default_factory=bytearray)
    locations: array[int] = field(default_factory=lambda: array("Q"))
    packs: list[bytes] = field(default_factory=list)
    _pack_numbers: dict[bytes, int] = field(default_factory=dict)

    def __len__(self) -> int:
        """Return the number of entries."""
        return len(self.pages)

    def pack_number(self, pack: bytes) -> int:
        """Return the index of a pack id in `packs`, adding it when it is new."""
        number = self._pack_numbers.get(pack)
        if number is None:
            if len(self._pack_numbers) < len(self.packs):  # they were read, not added
                self._pack_numbers.update({known: index for index, known in enumerate(self.packs)})
            number = self._pack_numbers.setdefault(pack, len(self.packs))
            if number == len(self.packs):
                self.packs.append(pack)
        return number

    def location(self, ref: BlobRef, slot: int) -> int:
        """Return the packed location of a slot."""
        return (self.pack_number(ref.pack) << _ORDINAL_BITS | ref.ordinal) << _SLOT_BITS | slot

    def slot(self, entry: int) -> int:
        """Return the slot of an entry."""
        return self.locations[entry] & _SLOT_MASK

    def place(self, location: int) -> tuple[BlobRef, int]:
        """Return the group and the slot of a packed location."""
        group = location >> _SLOT_BITS
        return BlobRef(
            self.packs[group >> _ORDINAL_BITS], group & _ORDINAL_MASK
        ), location & _SLOT_MASK

    def add(self, pages: range | Sequence[int], hashes: bytes, ref: BlobRef, slot: int) -> None:
        """Append pages that lie in consecutive slots from `slot` of one group."""
        assert isinstance(self.pages, array)
        self.pages.extend(pages)
        self.hashes += hashes
        start = self.location(ref, slot)
        self.locations.extend(range(start, start + len(pages)))

    def ascending(self) -> SegmentEntries:
        """Return the same entries in the order of their pages, as a piece wants them."""
        pages = self.pages
        if all(before < after for before, after in pairwise(pages)):
            return self
        order = sorted(range(len(pages)), key=pages.__getitem__)
        hashes, size = self.hashes, HASH_BYTES
        return replace(
            self,
            pages=array("H", [pages[entry] for entry in order]),
            hashes=bytearray().join(hashes[at * size : (at + 1) * size] for at in order),
            locations=array("Q", [self.locations[entry] for entry in order]),
        )

    def runs(self) -> Iterator[tuple[int, int, int]]:
        """Yield (first entry, number of entries, location) of entries in consecutive slots."""
        locations = self.locations
        first = 0
        for index in range(1, len(locations) + 1):
            if index == len(locations) or locations[index] != locations[index - 1] + 1:
                yield first, index - first, locations[first]
                first = index

    def named_packs(self) -> set[bytes]:
        """Return the packs that entries name: `packs` may hold some that only older ones named."""
        shift = _ORDINAL_BITS + _SLOT_BITS
        return {self.packs[number] for number in {place >> shift for place in self.locations}}

    def extents(self, wanted: Sequence[int] | None = None) -> Iterator[Extent]:
        """Yield where pages of a whole segment lie; `wanted`: pages in it, ascending; None: all."""
        if wanted is None:
            for first, count, location in self.runs():
                yield Extent(first, count, *self.place(location))
            return
        locations = self.locations
        start = 0
        for index in range(1, len(wanted) + 1):
            page = wanted[index - 1]
            if (
                index == len(wanted)
                or wanted[index] != page + 1
                or locations[wanted[index]] != locations[page] + 1
            ):
                first = wanted[start]
                yield Extent(first, index - start, *self.place(locations[first]))
                start = index


class Segment:
    """A segment as one snapshot sees it: base and deltas laid over each other."""

    @staticmethod
    def resolve(pieces: Sequence[SegmentEntries], page_count: int) -> SegmentEntries:
        """Lay pieces (oldest first) over each other; `page_count` pages of the segment exist.

        Raises:
            Damaged: `map-incomplete`, a page is in no piece.
        """
        if not pieces:
            raise Damaged("map-incomplete", "a segment of the page map has no pieces")
        base = pieces[0]
        if len(pieces) == 1 and isinstance(base.pages, range) and len(base) == page_count:
            return base
        whole = SegmentEntries(base.segment, range(page_count), bytearray(page_count * HASH_BYTES))
        whole.locations = array("Q", bytes(8 * page_count))
        covered = bytearray(page_count)
        for piece in pieces:
            _overlay(whole, piece, covered)
        if covered.count(1) != page_count:
            raise Damaged(
                "map-incomplete",
                "the page map has no entry for page "
                f"{base.segment * SEGMENT_PAGES + covered.index(0) + 1}",
                hint="dbtool verify --snapshots      names every snapshot affected",
            )
        return whole


def _overlay(whole: SegmentEntries, piece: SegmentEntries, covered: bytearray) -> None:
    numbers = [whole.pack_number(pack) for pack in piece.packs]
    shift = _ORDINAL_BITS + _SLOT_BITS
    low = (1 << shift) - 1
    limit = len(whole)
    if isinstance(piece.pages, range):
        count = min(len(piece), limit)
        whole.hashes[: count * HASH_BYTES] = piece.hashes[: count * HASH_BYTES]
        if numbers == list(range(len(numbers))):
            whole.locations[:count] = piece.locations[:count]
        else:
            remapped = [
                numbers[place >> shift] << shift | place & low for place in piece.locations[:count]
            ]
            whole.locations[:count] = array("Q", remapped)
        covered[:count] = b"\x01" * count
        return
    for entry, page in enumerate(piece.pages):
        if page >= limit:
            break
        place = piece.locations[entry]
        whole.locations[page] = numbers[place >> shift] << shift | place & low
        whole.hashes[page * HASH_BYTES : (page + 1) * HASH_BYTES] = piece.hashes[
            entry * HASH_BYTES : (entry + 1) * HASH_BYTES
        ]
        covered[page] = 1


def merge(older: SegmentEntries, newer: SegmentEntries) -> SegmentEntries:
    """Return one delta that says what two consecutive deltas say."""
    merged = SegmentEntries(older.segment)
    chosen = {page: (older, entry) for entry, page in enumerate(older.pages)}
    chosen.update({page: (newer, entry) for entry, page in enumerate(newer.pages)})
    for page in sorted(chosen):
        source, entry = chosen[page]
        ref, slot = source.place(source.locations[entry])
        merged.add(
            (page,), bytes(source.hashes[entry * HASH_BYTES : (entry + 1) * HASH_BYTES]), ref, slot
        )
    return merged


def merge_plan(counts: Sequence[int], page_count: int) -> int:
    """Say how many of the newest pieces the next write should fold into one.

    Args:
        counts: entries per piece, oldest (the base) first, the new delta last.
        page_count: pages of the segment.

    Returns:
        How many pieces from the end become one delta; len(counts) means a new base.
    """
    if len(counts) == 1 or sum(counts[1:]) * _REBASE_FRACTION > page_count:
        return len(counts)
    folded, total = 1, counts[-1]
    while folded < len(counts) - 1 and counts[-folded - 1] < 2 * total:
        total += counts[-folded - 1]
        folded += 1
    return folded


def encode_piece(entries: SegmentEntries) -> bytes:
    """Return the bytes of a map piece (layout in `format`)."""
    base = isinstance(entries.pages, range)
    used = list(entries.runs())
    # Packs that no entry names any more would be taken for needed, and pile up for ever.
    numbers: dict[int, int] = {}
    for _first, _count, location in used:
        numbers.setdefault(location >> _SLOT_BITS >> _ORDINAL_BITS, len(numbers))
    parts = [
        MAP_HEADER.pack(
            entries.segment, len(entries), len(used), len(numbers), _BASE if base else _DELTA
        ),
        *(entries.packs[number] for number in numbers),
    ]
    for first, _count, location in used:
        group = location >> _SLOT_BITS
        pack = numbers[group >> _ORDINAL_BITS]
        parts.append(MAP_RUN.pack(first, pack, group & _ORDINAL_MASK, location & _SLOT_MASK))
    if isinstance(entries.pages, array):
        parts.append(_little_endian(entries.pages).tobytes())
    parts.append(bytes(entries.hashes))
    return b"".join(parts)


def decode_piece(data: bytes, segment: int) -> SegmentEntries:
    """Parse a map piece of `segment`, trusting no length in it.

    Raises:
        Damaged: `map-damaged`.
    """
    try:
        return _decode(data, segment)
    except (ValueError, IndexError, OverflowError) as error:
        raise _damaged_piece(segment) from error


def _decode(data: bytes, segment: int) -> SegmentEntries:
    if len(data) < MAP_HEADER.size:
        raise ValueError(len(data))
    number, count, runs, packs, kind = MAP_HEADER.unpack_from(data)
    pages_at = MAP_HEADER.size + packs * ID_BYTES + runs * MAP_RUN.size
    hashes_at = pages_at + (2 * count if kind == _DELTA else 0)
    expected = hashes_at + count * HASH_BYTES
    if (
        number != segment
        or kind not in (_BASE, _DELTA)
        or count > SEGMENT_PAGES
        or len(data) != expected
    ):
        raise ValueError((number, kind, count))
    entries = SegmentEntries(segment, range(count) if kind == _BASE else array("H"))
    entries.packs = [
        data[at : at + ID_BYTES]
        for at in range(MAP_HEADER.size, MAP_HEADER.size + packs * ID_BYTES, ID_BYTES)
    ]
    if isinstance(entries.pages, array):
        entries.pages.frombytes(data[pages_at:hashes_at])
        entries.pages = _little_endian(entries.pages)
    entries.hashes = bytearray(data[hashes_at:])
    starts = list(MAP_RUN.iter_unpack(data[pages_at - runs * MAP_RUN.size : pages_at]))
    if [first for first, *_ in starts[:1]] != [0][: min(count, 1)]:
        raise ValueError(starts[:1])
    for index, (first, pack, ordinal, slot) in enumerate(starts):
        end = starts[index + 1][0] if index + 1 < len(starts) else count
        if (
            pack >= packs
            or ordinal >= BLOBS_PER_PACK
            or not first < end <= count
            or slot + end - first > _SLOT_MASK + 1
        ):
            raise ValueError((first, end, pack, ordinal, slot))
        start = (pack << _ORDINAL_BITS | ordinal) << _SLOT_BITS | slot
        entries.locations.extend(range(start, start + end - first))
    return entries


def piece_blobs(data: bytes, segment: int) -> list[BlobRef]:
    """Return the groups that a map piece of `segment` names, each once, in the order of its pages.

    Its entries are not laid out.

    Raises:
        Damaged: `map-damaged`.
    """
    try:
        number, count, runs, packs, kind = MAP_HEADER.unpack_from(data)
        runs_at = MAP_HEADER.size + packs * ID_BYTES
        pages_at = runs_at + runs * MAP_RUN.size
        expected = pages_at + (2 * count if kind == _DELTA else 0) + count * HASH_BYTES
        if number != segment or len(data) != expected:
            raise ValueError((number, len(data)))  # noqa: TRY301  as `_decode` says it
        ids = [data[at : at + ID_BYTES] for at in range(MAP_HEADER.size, runs_at, ID_BYTES)]
        named = dict.fromkeys(
            (pack, ordinal) for _, pack, ordinal, _ in MAP_RUN.iter_unpack(data[runs_at:pages_at])
        )
        return [BlobRef(ids[pack], ordinal) for pack, ordinal in named]
    except (ValueError, IndexError, struct.error) as error:
        raise _damaged_piece(segment) from error


def _damaged_piece(segment: int) -> Damaged:
    return Damaged(
        "map-damaged",
        f"a page map piece of segment {segment} does not parse",
        hint="dbtool verify --snapshots      names every snapshot affected",
    )


def _little_endian(values: array[int]) -> array[int]:
    if sys.byteorder == "little":
        return values
    swapped = array(values.typecode, values)
    swapped.byteswap()
    return swapped
