"""What single pages hash to in many snapshots of one database, without reading any page.

Snapshots share the pieces of their maps. Decoded pieces are kept, a bounded number of them, so
asking the next snapshot costs only the pieces that are new in it.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from dbtool.backup.format import HASH_BYTES, SEGMENT_PAGES, BlobRef
from dbtool.backup.lookup import entry_of
from dbtool.backup.pack import PackReader
from dbtool.backup.tree import SnapshotTree
from dbtool.errors import Damaged
from dbtool.store.counted import CountedReads

if TYPE_CHECKING:
    from dbtool.backup.model import Snapshot
    from dbtool.backup.pagemap import PieceRef, SegmentEntries
    from dbtool.backup.repository import Repository

__all__ = ["PageHashes"]

_KEPT_ENTRIES: Final = 16 * SEGMENT_PAGES
"""Map entries kept decoded; 24 bytes each, so about 12 MiB."""


class PageHashes:
    """Answers for single pages of any snapshot of a repository; not for several threads at once."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._reads = CountedReads(repository.store)
        self._packs = PackReader(self._reads, repository.master, repository.config.id)
        self._kept: OrderedDict[BlobRef, SegmentEntries] = OrderedDict()
        self._kept_entries = 0

    @property
    def bytes_fetched(self) -> int:
        """What was read from packs so far."""
        return self._reads.bytes_fetched

    def tree(self, snapshot: Snapshot) -> SnapshotTree:
        """Return a snapshot opened for questions."""
        repository = self._repository
        return SnapshotTree(
            snapshot,
            repository.catalog.body(snapshot.id),
            self._packs,
            hash_pages=repository.hash_pages,
        )

    def of(self, tree: SnapshotTree, page: int) -> bytes:
        """Return the hash of `page` (from 1), which the snapshot has.

        Raises:
            Damaged: `map-incomplete`, `map-damaged`, `pack-damaged`.
        """
        segment, within = divmod(page - 1, SEGMENT_PAGES)
        for piece in reversed(tree.body.segments[segment]):
            entries = self._piece(tree, segment, piece)
            entry = entry_of(entries, within)
            if entry is not None:
                return bytes(entries.hashes[entry * HASH_BYTES : (entry + 1) * HASH_BYTES])
        raise Damaged(
            "map-incomplete",
            f"the page map has no entry for page {page}",
            hint="dbtool verify --snapshots      names every snapshot affected",
        )

    def _piece(self, tree: SnapshotTree, segment: int, piece: PieceRef) -> SegmentEntries:
        entries = self._kept.get(piece.ref)
        if entries is not None:
            self._kept.move_to_end(piece.ref)
            return entries
        entries = tree.piece(segment, piece)
        self._kept[piece.ref] = entries
        self._kept_entries += len(entries)
        while self._kept_entries > _KEPT_ENTRIES and len(self._kept) > 1:
            self._kept_entries -= len(self._kept.popitem(last=False)[1])
        return entries
