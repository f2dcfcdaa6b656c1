"""Which pages differ: between a snapshot and a file, or between two snapshots."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from dbtool.backup.format import HASH_BYTES, SEGMENT_PAGES, group_pages
from dbtool.backup.pagemap import SegmentEntries
from dbtool.backup.tree import PageHasher, SnapshotTree
from dbtool.core.progress import Progress, Silent

__all__ = ["PageSource", "differing_from", "differing_in", "equals"]


class PageSource(Protocol):
    """A file whose pages can be read in blocks: a `PageReader` or an `InPlaceTarget`."""

    page_size: int
    page_count: int

    def blocks(
        self, pages_per_block: int, *, first: int = 1, last: int | None = None
    ) -> Iterator[tuple[int, bytes]]:
        """Yield (first page number, whole pages), ascending."""


def differing_in(
    source: PageSource,
    entries: SegmentEntries,
    hash_pages: PageHasher,
    progress: Progress | None = None,
) -> list[int]:
    """Return the pages of a segment (from 0, within it) that a file has otherwise, or lacks."""
    progress = progress or Silent()
    start = entries.segment * SEGMENT_PAGES + 1
    last = min(source.page_count, start + len(entries) - 1)
    if last < start:
        return list(range(len(entries)))
    differing: list[int] = []
    for first, data in source.blocks(group_pages(source.page_size), first=start, last=last):
        found = hash_pages(data, source.page_size)
        at = first - start
        wanted = entries.hashes[at * HASH_BYTES : (at + len(found)) * HASH_BYTES]
        if b"".join(found) != wanted:
            differing.extend(
                at + offset
                for offset, page in enumerate(found)
                if page != wanted[offset * HASH_BYTES : (offset + 1) * HASH_BYTES]
            )
        progress.advance(len(data))
    differing.extend(range(last - start + 1, len(entries)))
    return differing


def differing_from(other: SnapshotTree, entries: SegmentEntries) -> Sequence[int]:
    """Return the pages of a segment (from 0, within it) that `other` has otherwise or lacks."""
    if entries.segment >= len(other.body.segments):
        return range(len(entries))
    wanted, found = entries.hashes, other.segment(entries.segment).hashes
    return [
        at // HASH_BYTES
        for at in range(0, len(wanted), HASH_BYTES)
        if wanted[at : at + HASH_BYTES] != found[at : at + HASH_BYTES]
    ]


def equals(
    source: PageSource, tree: SnapshotTree, hash_pages: PageHasher, progress: Progress
) -> bool:
    """Say whether a file has exactly the pages of a snapshot, by reading all of it."""
    snapshot = tree.snapshot
    if (source.page_size, source.page_count) != (snapshot.page_size, snapshot.page_count):
        return False
    progress.start("comparing", snapshot.size_bytes, "bytes")
    same = not any(
        differing_in(source, entries, hash_pages, progress) for entries in tree.segments()
    )
    progress.finish()
    return same
