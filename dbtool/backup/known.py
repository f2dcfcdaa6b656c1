"""Pages that moved: finding content that the repository holds already, at another page number.

After VACUUM nearly every page sits at a new number, and databases made from one template share
pages. A full index of all pages would cost memory and time in every backup, for a case that is
rare. So this samples, as sparse indexing does (Lillibridge et al., FAST 2009): of the maps that are
likely to hold the content, it keeps the hashes whose first byte is zero, one in 256. Only when some
changed pages hit the sample is the full index built, in a temporary SQLite database outside the
process's memory. What was stored before the sample spoke, about a thousand pages, is stored twice;
that is the price.

Invariant: a hit is by the full 128-bit keyed hash, and the page it names is proven again by every
restore.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import apsw

from dbtool.backup.format import HASH_BYTES, BlobRef
from dbtool.backup.pagemap import SegmentEntries

__all__ = ["KnownPages"]

_HITS_BEFORE_INDEX = 4
_CACHE_KIB = 16 * 1024


class KnownPages:
    """Answers where the content with a hash lies already.

    Args:
        maps: called for the segments to look in; called once for the sample, once more for the full
            index.
    """

    def __init__(self, maps: Callable[[], Iterable[SegmentEntries]]) -> None:
        self._maps = maps
        self._sample: set[bytes] | None = None
        self._hits = 0
        self._index: apsw.Connection | None = None

    def find(self, page_hash: bytes) -> tuple[BlobRef, int] | None:
        """Return (group, slot) of a page with this hash; None: unknown, or not yet looked for."""
        if self._index is not None:
            return self._look_up(page_hash)
        if page_hash[0]:
            return None
        if self._sample is None:
            self._sample = {found for entries in self._maps() for found in _sampled(entries.hashes)}
        if page_hash in self._sample:
            self._hits += 1
            if self._hits >= _HITS_BEFORE_INDEX:
                self._build()
                return self._look_up(page_hash)
        return None

    def close(self) -> None:
        """Drop the index."""
        if self._index is not None:
            self._index.close()
            self._index = None

    def _look_up(self, page_hash: bytes) -> tuple[BlobRef, int] | None:
        assert self._index is not None
        row = self._index.execute(
            "SELECT pack, ordinal, slot FROM known WHERE hash = ?", (page_hash,)
        ).get
        return (BlobRef(row[0], row[1]), row[2]) if row else None

    def _build(self) -> None:
        index = apsw.Connection("")  # a temporary file of SQLite's own, gone when it is closed
        index.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        index.execute(
            "CREATE TABLE known(hash BLOB PRIMARY KEY, pack BLOB, ordinal INTEGER, slot INTEGER)"
            " WITHOUT ROWID"
        )
        with index:
            for entries in self._maps():
                index.executemany("INSERT OR IGNORE INTO known VALUES (?, ?, ?, ?)", _rows(entries))
        self._index = index


def _sampled(hashes: bytearray) -> Iterable[bytes]:
    firsts = hashes[::HASH_BYTES]
    at = firsts.find(0)
    while at >= 0:
        yield bytes(hashes[at * HASH_BYTES : (at + 1) * HASH_BYTES])
        at = firsts.find(0, at + 1)


def _rows(entries: SegmentEntries) -> Iterable[tuple[bytes, bytes, int, int]]:
    for first, count, location in entries.runs():
        ref, slot = entries.place(location)
        for offset in range(count):
            at = (first + offset) * HASH_BYTES
            yield bytes(entries.hashes[at : at + HASH_BYTES]), ref.pack, ref.ordinal, slot + offset
