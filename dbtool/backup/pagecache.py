"""Single pages of a snapshot, each proven by its hash, from few groups kept in memory.

Groups are fetched when a page in them is wanted, and the least recently used are forgotten. When
a tree is scanned, or pages are wanted in ascending order, threads fetch and open the groups that
come next, more of them the longer that lasts.

Invariant: no byte leaves `page` that does not hash to what the map says, and a page that does not
prove spoils no other page.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import suppress
from itertools import chain, islice
from typing import TYPE_CHECKING, Final

from dbtool.backup.foresight import INTERIOR_TYPES, Foresight
from dbtool.backup.format import BlobRef, group_pages
from dbtool.backup.lookup import PageLookup, Run
from dbtool.backup.pack import WORKERS, BlobDamaged
from dbtool.errors import Damaged

if TYPE_CHECKING:
    from dbtool.backup.tree import SnapshotTree

__all__ = ["PageCache"]

_CACHE_BYTES: Final = 24 << 20
"""Decompressed groups kept; what is fetched ahead comes on top."""
_MOST_AHEAD: Final = 24
"""Groups fetched ahead of an ascending reader: 6 MiB of pages."""
_ORDERLY: Final = 2
"""Groups entered in order that make a scan: going down a tree may enter one so by chance."""

_LUMP: Final = 4
"""Groups fetched with one request: few, since the reader waits for all of them."""


class _Group:
    """A group in memory; its content, or what is wrong with it."""

    __slots__ = ("pages", "raw")

    def __init__(self, raw: bytes | BlobDamaged, pages: dict[int, memoryview]) -> None:
        self.raw = raw
        self.pages = pages
        """Pages of it that are proven."""

    @property
    def size_bytes(self) -> int:
        return 0 if isinstance(self.raw, BlobDamaged) else len(self.raw)


class _Wish:
    """Pages of a run that will be wanted: from the first to the last of those told."""

    __slots__ = ("first", "last", "run")

    def __init__(self, run: Run, page: int) -> None:
        self.run = run
        self.first = self.last = page

    def takes(self, page: int) -> bool:
        """Add a page, or say that it is none of the run."""
        if not 0 <= page - self.run.first < self.run.pages:
            return False
        self.first, self.last = min(self.first, page), max(self.last, page)
        return True


_Fetch = Future[list[bytes | BlobDamaged]]


class PageCache:
    """Pages of one snapshot for one reader; not for several threads at once."""

    def __init__(self, tree: SnapshotTree, *, cache_bytes: int = _CACHE_BYTES) -> None:
        self._tree = tree
        self._page_size = tree.snapshot.page_size
        self._per_group = group_pages(self._page_size or 1)
        self._lookup = PageLookup(tree, self._per_group)
        self._cache_bytes = cache_bytes
        self._groups: OrderedDict[BlobRef, _Group] = OrderedDict()
        self._held_bytes = 0
        self._ready: dict[int, memoryview] = {}
        """Pages that are proven."""
        self._coming: dict[BlobRef, tuple[_Fetch, int, list[_Wish]]] = {}
        """Groups that threads are fetching: the request, and which of its blobs it is."""
        self._workers: ThreadPoolExecutor | None = None
        self._foresight = Foresight(tree.snapshot.page_count, self._at_hand)
        self.pages_read: set[int] = set()
        """Pages that were handed out."""
        self._left: list[int] = []
        """Told to be wanted, and not asked for yet."""
        self._front = 0
        """The page that last needed a group which was not there."""
        self._streak = 0
        """How many groups in a row were those that were to be expected."""

    def page(self, number: int) -> memoryview:
        """Return the content of a page (from 1), proven.

        Raises:
            Damaged: `page-damaged`, `pack-damaged`, `map-damaged` or `map-incomplete`.
        """
        content = self._ready.get(number)
        if content is None:
            content = self._fetched(number)
        if content[0] in INTERIOR_TYPES:
            self._foresight.learn(number, content)
        self.pages_read.add(number)
        return content

    def close(self) -> None:
        """Stop the threads and forget everything."""
        if self._workers:
            self._workers.shutdown(wait=True, cancel_futures=True)
            self._workers = None
        self._coming.clear()
        self._groups.clear()
        self._ready.clear()
        self._held_bytes = 0

    def _fetched(self, number: int) -> memoryview:
        run = self._lookup.run(number)
        group = self._groups.get(run.ref)
        if group is None:
            group = self._arrived(run.ref)
            self._keep(run.ref, group)
            self._follow(number)
        else:
            self._groups.move_to_end(run.ref)
        return self._taken(group, number, run)

    def _taken(self, group: _Group, number: int, run: Run) -> memoryview:
        """Return a page of a group, proven now where it was not before."""
        if isinstance(group.raw, BlobDamaged):
            raise self._tree.unreadable(number, group.raw) from group.raw
        if number not in group.pages:
            # A run that does not prove as a whole may still have this page right.
            proven = self._proven(group.raw, run) or self._proven(
                group.raw, run.part(number, number)
            )
            if not proven:
                raise self._tree.unproven(number)
            group.pages.update(proven)
            self._ready.update(proven)
        return group.pages[number]

    def _arrived(self, ref: BlobRef) -> _Group:
        coming = self._coming.pop(ref, None)
        if coming is not None:
            fetch, index, wishes = coming
            with suppress(CancelledError):
                return self._wished(fetch.result()[index], wishes)
        try:
            return _Group(self._tree.packs.read(ref), {})
        except BlobDamaged as error:
            return _Group(error, {})

    def _wished(self, raw: bytes | BlobDamaged, wishes: list[_Wish]) -> _Group:
        """Prove what is wanted of a group that a thread has read; not there: see `page_hasher`."""
        group = _Group(raw, {})
        if isinstance(raw, bytes):
            for wish in wishes:
                group.pages.update(self._proven(raw, wish.run.part(wish.first, wish.last)))
        return group

    def _keep(self, ref: BlobRef, group: _Group) -> None:
        self._groups[ref] = group
        self._held_bytes += group.size_bytes
        self._ready.update(group.pages)
        while self._held_bytes > self._cache_bytes and len(self._groups) > 1:
            _, gone = self._groups.popitem(last=False)
            self._held_bytes -= gone.size_bytes
            for page in gone.pages:
                self._ready.pop(page, None)

    def _proven(self, raw: bytes, run: Run) -> dict[int, memoryview]:
        """Return the pages of a run if they all hash to what the map says, or nothing."""
        view, size = memoryview(raw), self._page_size
        start, end = run.slot * size, (run.slot + run.pages) * size
        if b"".join(self._tree.hash_pages(view[start:end])) != run.hashes:
            return {}
        contents = [view[at : at + size] for at in range(start, end, size)]
        return dict(zip(range(run.first, run.first + run.pages), contents, strict=True))

    # -- reading ahead

    def _follow(self, page: int) -> None:
        """Ask for what comes after `page`, which needed a group that was not there."""
        following = self._foresight.next_after(page, self.pages_read)
        # A long value lies in pages of its own, one after the other.
        ascending = 0 < self._front < page <= self._front + 2 * self._per_group
        self._streak = self._streak + 1 if following or ascending else 0
        self._front = page
        if following is None:
            if self._streak < _ORDERLY:
                return
            following = iter(range(page + 1, self._tree.snapshot.page_count + 1))
        groups = min(_MOST_AHEAD, 2 << min(self._streak, 8))
        # Asking in lumps keeps requests to the store large.
        if len(self._coming) <= groups // 2:
            wanted = self._missing(following, groups - len(self._coming))
            if wanted:
                self._ask(wanted)

    def _at_hand(self, page: int) -> memoryview | None:
        """Return a page whose group is there, or a thread has finished with."""
        with suppress(Damaged):
            run = self._lookup.run(page)
            coming = self._coming.get(run.ref)
            if coming is not None and coming[0].done():
                self._keep(run.ref, self._arrived(run.ref))
            if run.ref in self._groups:
                return self._taken(self._groups[run.ref], page, run)
        return None

    def _missing(self, pages: Iterator[int], groups: int) -> dict[BlobRef, list[_Wish]]:
        """Return the first of `pages`, in so many groups, that are not there, by their groups."""
        wanted: dict[BlobRef, list[_Wish]] = {}
        wish: _Wish | None = None
        left, self._left = self._left, []
        for page in islice(chain(left, pages), groups * self._per_group):
            if page in self._ready or (wish is not None and wish.takes(page)):
                continue
            try:
                run = self._lookup.run(page)
            except Damaged:
                break  # whoever wants that page is told
            wish = _Wish(run, page)
            if run.ref in wanted:
                wanted[run.ref].append(wish)
            elif run.ref not in self._groups and run.ref not in self._coming:
                if len(wanted) == groups:
                    self._left = [page]
                    break
                wanted[run.ref] = [wish]
        return wanted

    def _ask(self, wanted: dict[BlobRef, list[_Wish]]) -> None:
        if self._workers is None:
            self._workers = ThreadPoolExecutor(WORKERS, "dbtool-ahead")
        while len(self._coming) > 2 * _MOST_AHEAD:  # asked for in vain: the reader went elsewhere
            fetch, _index, _wishes = self._coming.pop(next(iter(self._coming)))
            fetch.cancel()
        for batch in self._tree.packs.batches(wanted):
            for first in range(0, len(batch), _LUMP):
                refs = batch[first : first + _LUMP]
                fetch = self._workers.submit(self._fetch, refs)
                for index, ref in enumerate(refs):
                    self._coming[ref] = fetch, index, wanted[ref]

    def _fetch(self, batch: list[BlobRef]) -> list[bytes | BlobDamaged]:
        """Read groups; this happens in a thread."""
        return list(self._tree.packs.read_batch(batch))
