"""One backup: consistent pages compared with the parent's map, what differs stored, the snapshot.

Order of events, which is what makes a crash harmless: packs become durable, then their names, then
the snapshot object, then the head. Whatever is cut off before the snapshot object is garbage that
nothing names.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from dbtool.backup.format import (
    BLOB_MAP,
    BLOB_PAGES,
    HASH_BYTES,
    SEGMENT_PAGES,
    BlobRef,
    group_pages,
)
from dbtool.backup.known import KnownPages
from dbtool.backup.packing import PackSession
from dbtool.backup.pagemap import (
    PieceRef,
    SegmentEntries,
    encode_piece,
    merge,
    merge_plan,
)
from dbtool.backup.pagemap import Segment as SegmentView
from dbtool.backup.tree import PageHasher, SnapshotTree, segment_lengths
from dbtool.core.progress import Progress
from dbtool.pages.reader import PageReader

__all__ = ["Capture"]

_WAITING_ENTRIES = 32_768
"""Map entries in memory before the maps of their segments are written: about a MiB."""
_WORTH_COMPARING = 16
"""Where more than one page in so many may have changed, the parent's map is read to make sure."""


@dataclass(slots=True)
class _Group:
    """Changed pages waiting to be compressed together; their place is known from the first on."""

    ref: BlobRef
    parts: list[bytes]
    pages: int = 0


class Capture:
    """Takes one snapshot of one database.

    Args:
        session: open pack session to write into.
        parent: newest snapshot of the same database, opened; None for the first.
        relatives: other snapshots that are likely to hold the same content.
        changed: the pages that can differ from the parent, where that is known; None: all are read.
    """

    def __init__(
        self,
        session: PackSession,
        *,
        hash_pages: PageHasher,
        parent: SnapshotTree | None,
        relatives: Iterable[SnapshotTree] = (),
        changed: Collection[int] | None = None,
    ) -> None:
        self._session = session
        self._hash_pages = hash_pages
        self._parent = parent
        self._relatives = tuple(relatives)
        self._known = KnownPages(self._likely_maps)
        self._changed = None if changed is None or parent is None else sorted(changed)
        self._compares = True
        self._group: _Group | None = None
        self._page_size = 0
        self.pages_read = 0
        self.pages_changed = 0
        self.pages_moved = 0

    def run(self, reader: PageReader, progress: Progress) -> tuple[tuple[PieceRef, ...], ...]:
        """Store what differs from the parent; return the map pieces of each segment."""
        self._page_size = reader.page_size
        if self._parent and self._parent.snapshot.page_size != reader.page_size:
            self._parent = self._changed = None
        pages = reader.page_count
        if self._changed is not None:
            pages = self._narrow(self._changed, reader.page_count)
        progress.start("reading pages", pages * reader.page_size, "bytes")
        try:
            return tuple(self._take_segments(reader, progress))
        finally:
            self._known.close()
            progress.finish()

    def _narrow(self, changed: list[int], page_count: int) -> int:
        """Decide how few pages are read; return how many."""
        assert self._parent is not None
        # Pages that the parent did not have are new even where no commit wrote them.
        added = range(self._parent.snapshot.page_count + 1, page_count + 1)
        pages = sorted({page for page in changed if page <= page_count}.union(added))
        # Looking at maps costs in proportion to the database; storing some page again that was
        # rewritten as it was, or that lies elsewhere already, costs in proportion to the changes.
        self._compares = self._is_many(len(pages), page_count)
        self._changed = pages
        return len(pages)

    @staticmethod
    def _is_many(pages: int, page_count: int) -> bool:
        return pages * _WORTH_COMPARING > page_count

    # -- comparing

    def _take_segments(
        self, reader: PageReader, progress: Progress
    ) -> Iterator[tuple[PieceRef, ...]]:
        """Scan the segments in turn, and write their maps a few at a time.

        Maps wait for each other so that changes scattered over many segments share groups, which
        compress better than a page by itself.
        """
        scan = self._scan if self._changed is None else self._scan_changed
        waiting: list[tuple[int, SegmentEntries, int]] = []
        entries = 0
        for number, length in enumerate(segment_lengths(reader.page_count)):
            changes = scan(reader, number, length, progress)
            waiting.append((number, changes, length))
            entries += len(changes)
            if entries >= _WAITING_ENTRIES:
                yield from self._write_maps(waiting)
                waiting, entries = [], 0
        yield from self._write_maps(waiting)

    def _write_maps(
        self, waiting: list[tuple[int, SegmentEntries, int]]
    ) -> Iterator[tuple[PieceRef, ...]]:
        self._flush()  # a group must be submitted before the map piece that was reserved after it
        for number, changes, length in waiting:
            yield self._write_map(number, changes, length)

    def _scan(
        self, reader: PageReader, number: int, length: int, progress: Progress
    ) -> SegmentEntries:
        start = number * SEGMENT_PAGES + 1
        parent = self._parent_hashes(number)
        changes = SegmentEntries(number)
        hash_pages, page_size = self._hash_pages, self._page_size
        step = group_pages(page_size)
        for first, data in reader.blocks(step, first=start, last=start + length - 1):
            hashes = hash_pages(data, page_size)
            joined = b"".join(hashes)
            index = first - start
            before = parent[index * HASH_BYTES : (index + len(hashes)) * HASH_BYTES]
            if joined != before:
                self._take_block(changes, index, hashes, before, data)
            self.pages_read += len(hashes)
            progress.advance(len(data))
        return changes

    def _scan_changed(
        self, reader: PageReader, number: int, length: int, progress: Progress
    ) -> SegmentEntries:
        assert self._changed is not None
        start = number * SEGMENT_PAGES + 1
        changes = SegmentEntries(number)
        first, end = bisect_left(self._changed, start), bisect_left(self._changed, start + length)
        parent = self._parent_hashes(number) if self._compares and first < end else b""
        for page, data in reader.pages(self._changed[first:end]):
            index = page - start
            (found,) = self._hash_pages(data, self._page_size)
            if found != parent[index * HASH_BYTES : (index + 1) * HASH_BYTES]:
                self._take_page(changes, index, found, memoryview(data))
            self.pages_read += 1
            progress.advance(len(data))
        return changes

    def _parent_hashes(self, number: int) -> bytearray | bytes:
        if self._parent is None or number >= len(self._parent.body.segments):
            return b""
        return self._parent.segment(number).hashes

    def _take_block(
        self,
        changes: SegmentEntries,
        index: int,
        hashes: list[bytes],
        before: bytearray | bytes,
        data: bytes,
    ) -> None:
        if not before and self._group is None and not self._is_known(changes, index, hashes):
            self._take_whole(changes, index, hashes, data)
            return
        view = memoryview(data)
        size = self._page_size
        for offset, found in enumerate(hashes):
            if found == before[offset * HASH_BYTES : (offset + 1) * HASH_BYTES]:
                continue
            self._take_page(
                changes, index + offset, found, view[offset * size : (offset + 1) * size]
            )

    def _is_known(self, changes: SegmentEntries, index: int, hashes: list[bytes]) -> bool:
        """Say whether the pages of a wholly new block should be looked up one by one."""
        has_maps = self._parent is not None or bool(self._relatives)
        return has_maps and any(self._known.find(found) for found in hashes)

    def _take_whole(
        self, changes: SegmentEntries, index: int, hashes: list[bytes], data: bytes
    ) -> None:
        """Store a block that is new throughout as one group, without copying it."""
        ref = self._session.reserve()
        changes.add(range(index, index + len(hashes)), b"".join(hashes), ref, 0)
        self._session.submit(ref, BLOB_PAGES, data, pages=len(hashes))
        self.pages_changed += len(hashes)

    def _take_page(
        self, changes: SegmentEntries, index: int, found: bytes, content: memoryview
    ) -> None:
        self.pages_changed += 1
        if self._compares and (self._parent is not None or self._relatives):
            place = self._known.find(found)
            if place is not None:
                self.pages_moved += 1
                changes.add((index,), found, *place)
                return
        if self._group is None:
            self._group = _Group(self._session.reserve(), [])
        changes.add((index,), found, self._group.ref, self._group.pages)
        self._group.parts.append(bytes(content))  # a view would keep its whole block in memory
        self._group.pages += 1
        if self._group.pages == group_pages(self._page_size):
            self._flush()

    def _flush(self) -> None:
        if self._group is not None:
            data = b"".join(self._group.parts)
            self._session.submit(self._group.ref, BLOB_PAGES, data, pages=self._group.pages)
            self._group = None

    def _likely_maps(self) -> Iterator[SegmentEntries]:
        for tree in (self._parent, *self._relatives):
            if tree is not None and tree.snapshot.page_size == self._page_size:
                yield from tree.segments()

    # -- the map

    def _write_map(self, number: int, changes: SegmentEntries, length: int) -> tuple[PieceRef, ...]:
        parent = self._parent
        older: tuple[PieceRef, ...] = ()
        if parent is not None and number < len(parent.body.segments):
            older = parent.body.segments[number]
        if not changes.pages:
            return older
        folded = merge_plan([*(piece.entries for piece in older), len(changes)], length)
        if folded > len(older):
            loaded = [parent.piece(number, piece) for piece in older] if parent else []
            whole = SegmentView.resolve([*loaded, changes], length) if loaded else changes
            whole.pages = range(length)
            return (self._write_piece(whole),)
        newest = changes
        for piece in reversed(older[len(older) - folded + 1 :]):
            assert parent is not None
            newest = merge(parent.piece(number, piece), newest)
        return (*older[: len(older) - folded + 1], self._write_piece(newest))

    def _write_piece(self, entries: SegmentEntries) -> PieceRef:
        ref = self._session.reserve()
        self._session.submit(ref, BLOB_MAP, encode_piece(entries))
        return PieceRef(ref, len(entries))
