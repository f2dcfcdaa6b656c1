"""Which blobs the snapshots of a repository need: one bit for each, in the order they were met.

A snapshot names map pieces, and a map piece names groups. Each piece is read once, however many
snapshots share it, and only its list of groups is looked at. So marking costs one number per pack,
whatever the size of the databases: 100 GB are about 7,000 packs.
"""

from __future__ import annotations

from collections.abc import Iterator

from dbtool.backup.format import BLOBS_PER_PACK, BlobRef
from dbtool.backup.pack import PackReader
from dbtool.backup.pagemap import piece_blobs
from dbtool.backup.snapshot import SnapshotBody

__all__ = ["Liveness", "ordinals"]


class Liveness:
    """Marks what snapshots need."""

    def __init__(self, packs: PackReader) -> None:
        self._packs = packs
        self._bits: dict[bytes, int] = {}

    def mark(self, body: SnapshotBody) -> None:
        """Mark what one snapshot needs.

        Raises:
            Damaged: a map piece cannot be read, so what it needs is not known.
        """
        for number, pieces in enumerate(body.segments):
            for piece in pieces:
                if self._is_new(piece.ref):
                    for ref in piece_blobs(self._packs.read(piece.ref), number):
                        self._is_new(ref)

    def packs(self) -> Iterator[bytes]:
        """Yield the packs in which marked blobs were born, in the order they were met."""
        yield from self._bits

    def needed(self, pack: bytes) -> int:
        """Return the marked blobs of a pack, bit n for ordinal n."""
        return self._bits.get(pack, 0)

    def _is_new(self, ref: BlobRef) -> bool:
        if ref.ordinal >= BLOBS_PER_PACK:
            return False  # no pack has so many; a check says so
        known, bit = self._bits.get(ref.pack, 0), 1 << ref.ordinal
        self._bits[ref.pack] = known | bit
        return not known & bit


def ordinals(bits: int) -> Iterator[int]:
    """Yield the ordinals whose bits are set, ascending."""
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest
