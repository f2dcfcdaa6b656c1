"""The pages of a snapshot brought into another repository, under the hashes and keys of that one.

As `capture`, with a snapshot of another repository in the place of a database. Pages are taken in
the order in which the source holds them, so each of its groups is fetched once, however scattered
the pages of the snapshot lie.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from dbtool.backup.capture import Capture
from dbtool.backup.differing import differing
from dbtool.backup.format import BLOB_PAGES, HASH_BYTES, SEGMENT_PAGES, group_pages
from dbtool.backup.packing import PackSession
from dbtool.backup.pagemap import PieceRef, SegmentEntries
from dbtool.backup.tree import PageHasher, SnapshotTree, segment_lengths
from dbtool.core.progress import Progress
from dbtool.errors import Damaged

__all__ = ["SourceDamaged", "Transfer"]


class SourceDamaged(Damaged):
    """The snapshot to be copied cannot be read; the target is not to blame."""

    def __init__(self, error: Damaged) -> None:
        super().__init__(error.code, error.message, context=error.context, hint=error.hint)


class Transfer(Capture):
    """Brings one snapshot over.

    Args:
        session: open pack session of the target repository.
        hash_pages: of the target repository.
        source: the snapshot to be copied.
        base: an earlier one of the source repository; None: its maps tell nothing.
        parent: the copy of `base`; without a base, any snapshot of the database in the target.
        relatives: other snapshots of the target that are likely to hold the same content.
    """

    def __init__(
        self,
        session: PackSession,
        *,
        hash_pages: PageHasher,
        source: SnapshotTree,
        base: SnapshotTree | None = None,
        parent: SnapshotTree | None = None,
        relatives: Iterable[SnapshotTree] = (),
    ) -> None:
        page_size = source.snapshot.page_size
        if parent is not None and parent.snapshot.page_size != page_size:
            parent = None
        super().__init__(session, hash_pages=hash_pages, parent=parent, relatives=relatives)
        self._source = source
        self._base = base if parent is not None else None
        self._page_size = page_size

    def carry(self, progress: Progress) -> tuple[tuple[PieceRef, ...], ...]:
        """Store what differs from the parent; return the map pieces of each segment.

        Raises:
            SourceDamaged: the source cannot be read whole.
        """
        try:
            return tuple(
                self._carry_segment(number, length, progress)
                for number, length in enumerate(segment_lengths(self._source.snapshot.page_count))
            )
        finally:
            self._known.close()

    def _carry_segment(self, number: int, length: int, progress: Progress) -> tuple[PieceRef, ...]:
        entries, chosen, before = self._to_read(number)
        count = len(entries) if chosen is None else len(chosen)
        whole = min(SEGMENT_PAGES, self._source.snapshot.page_count)
        self._compares = self._is_many(count, whole)
        changes = SegmentEntries(number)
        if count:
            self._take_entries(entries, chosen, before, changes, progress)
        self._flush()  # a group must be submitted before the map piece that was reserved after it
        return self._write_map(number, changes.ascending(), length)

    def _to_read(self, number: int) -> tuple[SegmentEntries, Sequence[int] | None, bytes]:
        """Return what to read, and the hashes in the target that it has to be compared with."""
        if self._base is not None:
            try:
                return *differing(self._source, self._base, number), b""
            except Damaged:
                pass  # if that is the base, the pages still tell
        try:
            return self._source.segment(number), None, bytes(self._parent_hashes(number))
        except Damaged as error:
            raise SourceDamaged(error) from error

    def _take_entries(
        self,
        entries: SegmentEntries,
        chosen: Sequence[int] | None,
        before: bytes,
        changes: SegmentEntries,
        progress: Progress,
    ) -> None:
        per_group = group_pages(self._page_size)
        for first, content in self._read(entries, chosen):
            pages = entries.pages[first : first + len(content) // self._page_size]
            hashes = self._hash_pages(content, self._page_size)
            self.pages_read += len(hashes)
            if not before and self._group is None and len(hashes) == per_group:
                self._take_group(changes, pages, hashes, content)
            else:
                self._take_pages(changes, pages, hashes, before, content)
            progress.advance(len(content))

    def _take_group(
        self,
        changes: SegmentEntries,
        pages: Sequence[int],
        hashes: list[bytes],
        content: memoryview,
    ) -> None:
        if self._is_known(changes, pages[0], hashes):
            self._take_pages(changes, pages, hashes, b"", content)
            return
        ref = self._session.reserve()
        changes.add(pages, b"".join(hashes), ref, 0)
        self._session.submit(ref, BLOB_PAGES, bytes(content), pages=len(hashes))
        self.pages_changed += len(hashes)

    def _take_pages(
        self,
        changes: SegmentEntries,
        pages: Sequence[int],
        hashes: list[bytes],
        before: bytes,
        content: memoryview,
    ) -> None:
        size = self._page_size
        for offset, (page, found) in enumerate(zip(pages, hashes, strict=True)):
            if found != before[page * HASH_BYTES : (page + 1) * HASH_BYTES]:
                self._take_page(changes, page, found, content[offset * size : (offset + 1) * size])

    def _read(
        self, entries: SegmentEntries, chosen: Sequence[int] | None
    ) -> Iterator[tuple[int, memoryview]]:
        pages = self._source.read(entries, chosen)
        while True:
            try:
                found = next(pages, None)
            except Damaged as error:
                raise SourceDamaged(error) from error
            if found is None:
                return
            yield found
