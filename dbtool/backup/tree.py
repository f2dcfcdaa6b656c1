"""A snapshot opened for reading: its segments, and its pages, each proven by its hash.

Invariant: no byte leaves `pages` that does not hash to what the map says; the map itself is sealed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import NamedTuple

from dbtool.backup.format import HASH_BYTES, SEGMENT_PAGES, BlobRef
from dbtool.backup.model import Snapshot
from dbtool.backup.pack import BlobDamaged, PackReader
from dbtool.backup.pagemap import Extent, PieceRef, Segment, SegmentEntries, decode_piece
from dbtool.backup.snapshot import SnapshotBody
from dbtool.core.parallel import in_order
from dbtool.errors import Damaged

__all__ = ["PageDamaged", "SnapshotTree", "segment_lengths"]

PageHasher = Callable[[bytes | memoryview, int], list[bytes]]
"""From whole pages and the page size to the hash of each page."""
_KEPT_SEGMENTS = 24
"""Decoded, each of 192 KiB."""
_DEPTH = 3
"""Loads of about 1 MiB stored that are fetched ahead."""
_LOAD_BLOBS = 8
"""Worth handing to a thread: after many snapshots most batches hold a single blob."""


def segment_lengths(page_count: int) -> list[int]:
    """Return the number of pages in each segment of a database of `page_count` pages."""
    whole, rest = divmod(page_count, SEGMENT_PAGES)
    return [SEGMENT_PAGES] * whole + ([rest] if rest else [])


class PageDamaged(Damaged):
    """One page of a snapshot cannot be had; `page` is its number."""

    def __init__(
        self, page: int, code: str, message: str, *, context: str = "", hint: str = ""
    ) -> None:
        super().__init__(code, message, context=context, hint=hint)
        self.page = page


class _Task(NamedTuple):
    """A piece of work for a thread."""

    entries: SegmentEntries
    groups: dict[BlobRef, list[Extent]]
    load: list[list[BlobRef]]


class SnapshotTree:
    """Reads one snapshot's maps and pages."""

    def __init__(
        self, snapshot: Snapshot, body: SnapshotBody, packs: PackReader, *, hash_pages: PageHasher
    ) -> None:
        self.snapshot = snapshot
        self.body = body
        self.packs = packs
        self._hash_pages = hash_pages
        self._lengths = segment_lengths(snapshot.page_count)
        self._kept = lru_cache(_KEPT_SEGMENTS)(self._resolved)
        if len(body.segments) != len(self._lengths):
            raise Damaged(
                "map-incomplete",
                f"snapshot {snapshot.id[:8]} names {len(body.segments)} map segments, "
                f"its size asks for {len(self._lengths)}",
            )

    def piece(self, number: int, piece: PieceRef) -> SegmentEntries:
        """Return one piece of segment `number`."""
        return decode_piece(self.packs.read(piece.ref), number)

    def segment(self, number: int) -> SegmentEntries:
        """Return segment `number` (from 0) as this snapshot sees it; the last few are kept."""
        return self._kept(number)

    def _resolved(self, number: int) -> SegmentEntries:
        pieces = [self.piece(number, piece) for piece in self.body.segments[number]]
        return Segment.resolve(pieces, self._lengths[number])

    def segments(self) -> Iterator[SegmentEntries]:
        """Yield every segment in turn; only one is in memory at a time."""
        for number in range(len(self._lengths)):
            yield self.segment(number)

    def pages(
        self,
        wanted: Callable[[SegmentEntries], Sequence[int] | None] | None = None,
        *,
        segments: Sequence[int] | None = None,
    ) -> Iterator[tuple[int, memoryview]]:
        """Yield (first page number, whole pages) of all pages, in the order that groups hold them.

        Args:
            wanted: chooses, for each segment, the pages within it to yield, ascending; None means
                all.
            segments: which segments to look at, ascending; None means all.

        Raises:
            Damaged: `page-damaged` or `pack-damaged`, naming the first page that cannot be proven.
        """
        numbers = range(len(self._lengths)) if segments is None else segments
        # One line of work through all segments: the workers do not wait where one of them ends.
        parts = (
            (entries, wanted(entries) if wanted else None) for entries in map(self.segment, numbers)
        )
        for entries, found in self._proven(parts):
            start = entries.segment * SEGMENT_PAGES + 1
            for first, content in found:
                yield start + first, content

    def read(
        self, entries: SegmentEntries, chosen: Sequence[int] | None = None
    ) -> Iterator[tuple[int, memoryview]]:
        """Yield (first entry, whole pages) of entries of a segment, or of a delta alone.

        In the order that groups hold them; errors as `pages`.

        Args:
            entries: what `segment` or `piece` returned.
            chosen: which entries, by their place in it, ascending; None means all.
        """
        for _entries, found in self._proven(((entries, chosen),)):
            yield from found

    def _proven(
        self, parts: Iterable[tuple[SegmentEntries, Sequence[int] | None]]
    ) -> Iterator[tuple[SegmentEntries, list[tuple[int, memoryview]]]]:
        """Yield (entries, [(first entry, whole pages)]) of what is chosen of each part, in turn."""

        def fetch(task: _Task) -> list[tuple[BlobRef, bytes | BlobDamaged]]:
            return [
                found
                for batch in task.load
                for found in zip(batch, self.packs.read_batch(batch), strict=True)
            ]

        with ThreadPoolExecutor(self.packs.fetchers, "dbtool-fetch") as workers:
            for task, result in in_order(workers, fetch, self._tasks(parts), depth=_DEPTH):
                # Hashed here: see `page_hasher`.
                for ref, raw in result():
                    yield task.entries, list(self._cut(task.entries, task.groups[ref], raw))

    def _tasks(
        self, parts: Iterable[tuple[SegmentEntries, Sequence[int] | None]]
    ) -> Iterator[_Task]:
        for entries, chosen in parts:
            groups = _by_group(entries.extents(chosen))
            for load in _loads(self.packs.batches(self.packs.in_storage_order(groups))):
                yield _Task(entries, groups, load)

    def _cut(
        self, entries: SegmentEntries, extents: list[Extent], raw: bytes | BlobDamaged
    ) -> Iterator[tuple[int, memoryview]]:
        """Yield (entry, proven content) of each extent of a group."""
        if isinstance(raw, BlobDamaged):
            raise self.unreadable(_page_of(entries, extents[0].first), raw) from raw
        view, page_size = memoryview(raw), self.snapshot.page_size
        for extent in extents:
            content = view[extent.slot * page_size : (extent.slot + extent.pages) * page_size]
            self._prove(entries, extent, content)
            yield extent.first, content

    def unreadable(self, page: int, error: BlobDamaged) -> PageDamaged:
        """Return the error that says that the group of a page (from 1) cannot be read."""
        return PageDamaged(
            page,
            error.code,
            f"page {page} of snapshot {self.snapshot.id[:8]} cannot be read: {error.message}",
            context=error.context,
            hint=error.hint,
        )

    def _prove(self, entries: SegmentEntries, extent: Extent, content: memoryview) -> None:
        found = b"".join(self._hash_pages(content, self.snapshot.page_size))
        expected = entries.hashes[
            extent.first * HASH_BYTES : (extent.first + extent.pages) * HASH_BYTES
        ]
        if found != expected:
            bad = next(
                index
                for index in range(extent.pages)
                if found[index * HASH_BYTES : (index + 1) * HASH_BYTES]
                != expected[index * HASH_BYTES : (index + 1) * HASH_BYTES]
            )
            raise self.unproven(_page_of(entries, extent.first + bad))

    def hash_pages(self, content: memoryview) -> list[bytes]:
        """Return what the map must say of whole pages with this content."""
        return self._hash_pages(content, self.snapshot.page_size)

    def unproven(self, page: int) -> PageDamaged:
        """Return the error that says that a page (from 1) is not what was backed up."""
        return PageDamaged(
            page,
            "page-damaged",
            f"page {page} of snapshot {self.snapshot.id[:8]} is not what was backed up",
            context="its content does not hash to what the page map says",
            hint="dbtool verify --snapshots --read-data      names everything that is affected",
        )


def _page_of(entries: SegmentEntries, entry: int) -> int:
    return entries.segment * SEGMENT_PAGES + entries.pages[entry] + 1


def _loads(batches: Iterable[list[BlobRef]]) -> Iterator[list[list[BlobRef]]]:
    """Gather small batches into pieces of work for threads."""
    load: list[list[BlobRef]] = []
    blobs = 0
    for batch in batches:
        load.append(batch)
        blobs += len(batch)
        if blobs >= _LOAD_BLOBS:
            yield load
            load, blobs = [], 0
    if load:
        yield load


def _by_group(extents: Iterable[Extent]) -> dict[BlobRef, list[Extent]]:
    groups: dict[BlobRef, list[Extent]] = {}
    for extent in extents:
        groups.setdefault(extent.ref, []).append(extent)
    return groups
