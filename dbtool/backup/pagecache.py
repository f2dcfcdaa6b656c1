"""Single pages of a snapshot, each proven by its hash, from few groups kept in memory.

Groups are fetched when a page in them is wanted, and the least recently used are forgotten. When
pages are wanted in ascending order, as in the scan of a table, threads fetch and open the groups
that come next, more of them the longer the order lasts.

Invariant: no byte leaves `page` that does not hash to what the map says, and a page that does not
prove spoils no other page.
"""

from __future__ import annotations

from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from dbtool.backup.format import BlobRef, group_pages
from dbtool.backup.lookup import PageLookup
from dbtool.backup.pack import WORKERS, BlobDamaged
from dbtool.errors import Damaged

if TYPE_CHECKING:
    from dbtool.backup.tree import SnapshotTree

__all__ = ["PageCache"]

_CACHE_BYTES: Final = 24 << 20
"""Decompressed groups kept; what is fetched ahead comes on top."""
_MOST_AHEAD: Final = 16
"""Groups fetched ahead of an ascending reader: 4 MiB of pages."""
_ORDERLY: Final = 2
"""Groups entered in order that make a scan: going down a tree may enter one so by chance."""

_Fetch = Future[list[bytes | BlobDamaged]]


class PageCache:
    """Pages of one snapshot for one reader; not for several threads at once."""

    def __init__(self, tree: SnapshotTree, *, cache_bytes: int = _CACHE_BYTES) -> None:
        self._tree = tree
        self._lookup = PageLookup(tree)
        self._cache_bytes = cache_bytes
        self._groups: OrderedDict[BlobRef, bytes | BlobDamaged] = OrderedDict()
        self._held_bytes = 0
        self._current: BlobRef | None = None
        """The group that the last page came from."""
        self._coming: dict[BlobRef, tuple[_Fetch, int]] = {}
        """Groups that threads are fetching: the request, and which of its blobs it is."""
        self._workers: ThreadPoolExecutor | None = None
        self._front = 0
        """The page that last needed a group which was not there."""
        self._streak = 0
        """How many groups in a row were entered in ascending order."""
        self._planned = 0
        """Pages up to here have been asked for."""

    def page(self, number: int) -> memoryview:
        """Return the content of a page (from 1), proven.

        Raises:
            Damaged: `page-damaged`, `pack-damaged`, `map-damaged` or `map-incomplete`.
        """
        place = self._lookup.place(number)
        raw = self._group(place.ref, number)
        if isinstance(raw, BlobDamaged):
            raise self._tree.unreadable(number, raw) from raw
        size = self._tree.snapshot.page_size
        content = memoryview(raw)[place.slot * size : (place.slot + 1) * size]
        if self._tree.hash_page(content) != place.hash:
            raise self._tree.unproven(number)
        return content

    def close(self) -> None:
        """Stop the threads and forget everything."""
        if self._workers:
            self._workers.shutdown(wait=True, cancel_futures=True)
            self._workers = None
        self._coming.clear()
        self._groups.clear()
        self._held_bytes = 0

    def _group(self, ref: BlobRef, page: int) -> bytes | BlobDamaged:
        raw = self._groups.get(ref)
        if raw is None:
            raw = self._arrived(ref)
            self._keep(ref, raw)
            self._read_ahead(page)
        elif ref is not self._current:
            self._groups.move_to_end(ref)
        self._current = ref
        return raw

    def _arrived(self, ref: BlobRef) -> bytes | BlobDamaged:
        coming = self._coming.pop(ref, None)
        if coming is not None:
            fetch, index = coming
            return fetch.result()[index]
        try:
            return self._tree.packs.read(ref)
        except BlobDamaged as error:
            return error

    def _keep(self, ref: BlobRef, raw: bytes | BlobDamaged) -> None:
        self._groups[ref] = raw
        self._held_bytes += _size(raw)
        while self._held_bytes > self._cache_bytes and len(self._groups) > 1:
            _, gone = self._groups.popitem(last=False)
            self._held_bytes -= _size(gone)

    def _read_ahead(self, page: int) -> None:
        """Ask for the groups after the one that `page` needed, where pages come in order."""
        per_group = group_pages(self._tree.snapshot.page_size)
        ascending = 0 < self._front < page <= self._front + 2 * per_group
        self._streak = self._streak + 1 if ascending else 0
        self._front = page
        if not ascending:
            self._planned = 0
            self._drop_coming()
        if self._streak < _ORDERLY:
            return
        groups = min(_MOST_AHEAD, 1 << min(self._streak, 8))
        first = max(page, self._planned) + 1
        last = min(page + groups * per_group, self._tree.snapshot.page_count)
        # Asking in lumps keeps requests to the store large.
        if last - first < groups * per_group // 2:
            return
        self._planned = last
        self._ask(self._missing(first, last))

    def _missing(self, first: int, last: int) -> list[BlobRef]:
        wanted: dict[BlobRef, None] = {}
        for page in range(first, last + 1):
            try:
                ref = self._lookup.place(page).ref
            except Damaged:
                break  # whoever wants that page is told
            if ref not in self._groups and ref not in self._coming:
                wanted[ref] = None
        return list(wanted)[: 2 * _MOST_AHEAD]

    def _ask(self, refs: list[BlobRef]) -> None:
        if self._workers is None:
            self._workers = ThreadPoolExecutor(WORKERS, "dbtool-ahead")
        for batch in self._tree.packs.batches(refs):
            fetch = self._workers.submit(self._tree.packs.read_batch, batch)
            self._coming.update({ref: (fetch, index) for index, ref in enumerate(batch)})

    def _drop_coming(self) -> None:
        for fetch, _index in self._coming.values():
            fetch.cancel()
        self._coming.clear()


def _size(raw: bytes | BlobDamaged) -> int:
    return 0 if isinstance(raw, BlobDamaged) else len(raw)
