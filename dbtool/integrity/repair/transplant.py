"""Rung 2: pages that are proven to have rotted come back from the repository.

Allowed only with a proof (`dbtool.integrity.repair.proof`): every page that no writer can have
changed since the snapshot must hash to what the map of the snapshot says. A page that does not has
rotted, and is replaced by the one of the snapshot, which is proven by its hash too. Pages that were
written since are taken from the WAL, whose checksums prove them. So every page of the result is
proven, and nothing is lost.

That is the proof of the result: it is the database as it was, byte for byte, and a check of its
structure (10 to 15 s a GB, and blind to most bit flips) would say less. It is asked all the same
where the plan found damage in an object without a single rotted page, which was there before.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dbtool.backup.compare import differing_in
from dbtool.backup.format import HASH_BYTES, SEGMENT_PAGES
from dbtool.core.atomicfile import FileOps, failures_named
from dbtool.errors import Damaged
from dbtool.integrity.findings import Finding, Kind
from dbtool.integrity.repair.copying import copy_file, sync_file
from dbtool.integrity.repair.job import Job, require_sound
from dbtool.integrity.repair.losses import counted, rows_of
from dbtool.integrity.repair.model import Healed, RungFailed, TableLoss
from dbtool.integrity.repair.proof import Proof, frames_of

if TYPE_CHECKING:
    from dbtool.backup.pagemap import SegmentEntries
    from dbtool.backup.tree import SnapshotTree

__all__ = ["transplant"]

_OF_THE_FILE: Final = frozenset({Kind.HEADER, Kind.FREELIST, Kind.SCHEMA, Kind.FILE})


class _Pages:
    """The pages of a file that nobody has open through SQLite, in blocks."""

    def __init__(self, descriptor: int, page_size: int, page_count: int, files: FileOps) -> None:
        self.page_size = page_size
        self.page_count = page_count
        self._descriptor = descriptor
        self._files = files

    def blocks(
        self, pages_per_block: int, *, first: int = 1, last: int | None = None
    ) -> Iterator[tuple[int, bytes]]:
        """Yield (first page number, whole pages), ascending."""
        end = self.page_count if last is None else min(last, self.page_count)
        size = self.page_size
        for start in range(first, end + 1, pages_per_block):
            count = min(pages_per_block, end + 1 - start)
            data = self._files.read_at(self._descriptor, count * size, (start - 1) * size)
            yield start, data.ljust(count * size, b"\0")


def transplant(job: Job) -> Healed:
    """Make a copy of the damaged database in which every page is proven.

    Raises:
        RungFailed: nothing is proven, no page rotted, or the result is not sound.
        Damaged: a page that is needed cannot be proven in the repository either.
        StorageFailed: no space, or an I/O error.
    """
    repository, snapshot, proof = job.repository, job.snapshot, job.proof
    if repository is None or snapshot is None or proof is None:
        raise RungFailed("no page is proven to have rotted")
    tree = repository.open_snapshot(snapshot)
    path = job.file("transplanted")
    copy_file(job.source, path, job.files, job.progress)
    page_count = proof.page_count or snapshot.page_count
    _apply_frames(job, path, page_count)
    replaced = _replace(job, path, tree, proof, page_count)
    if not replaced:
        raise RungFailed("every page is as in the snapshot, so the snapshot has the damage too")
    sync_file(path, job.files)
    rules = require_sound(path, job) if _unexplained(job.plan.damage) else ()
    noun = "1 page" if replaced == 1 else f"{replaced:,} pages"
    return Healed(
        path,
        lossless=True,
        how=f"{noun} of snapshot {snapshot.id[:8]}, proven by hash",
        tables=_tables(job, path, identical=not proof.changed),
        pages_replaced=replaced,
        source=snapshot,
        rules=rules,
        notes=(proof.reason,),
    )


def _apply_frames(job: Job, path: Path, page_count: int) -> None:
    """Bring the committed frames of the WAL into the copy, and set its size."""
    frames = frames_of(job.source)
    with failures_named("write", path):
        target = job.files.open_write(path)
        try:
            if frames is not None:
                wal = job.files.open_read(job.source.with_name(job.source.name + "-wal"))
                try:
                    for number, at in frames.offsets.items():
                        data = job.files.read_at(wal, frames.page_size, at)
                        _write(job.files, target, data, (number - 1) * frames.page_size)
                finally:
                    job.files.close(wal)
            assert job.snapshot is not None
            job.files.truncate(target, page_count * job.snapshot.page_size)
        finally:
            job.files.close(target)


def _replace(job: Job, path: Path, tree: SnapshotTree, proof: Proof, page_count: int) -> int:
    """Put the proven pages of the snapshot where the copy has others; return how many."""
    assert job.repository is not None
    size, last = tree.snapshot.page_size, min(page_count, tree.snapshot.page_count)
    job.progress.start("hashing pages", last * size, "bytes")
    with failures_named("write", path):
        descriptor = job.files.open_write(path)
        try:
            pages = _Pages(descriptor, size, page_count, job.files)
            rotted = array("I")
            for entries in tree.segments():
                start = entries.segment * SEGMENT_PAGES + 1
                for page in differing_in(pages, entries, job.repository.hash_pages, job.progress):
                    if start + page <= last and start + page not in proof.changed:
                        rotted.append(start + page)
            job.progress.finish()
            _transplant(job, descriptor, tree, rotted)
            _require_proven(job, pages, tree, rotted)
        finally:
            job.files.close(descriptor)
    return len(rotted)


def _transplant(job: Job, descriptor: int, tree: SnapshotTree, rotted: array[int]) -> None:
    size = tree.snapshot.page_size
    job.progress.start("transplanting pages", len(rotted), "pages")
    for first, data in tree.pages(lambda entries: _within(entries, rotted)):
        _write(job.files, descriptor, data, (first - 1) * size)
        job.progress.advance(len(data) // size)
    job.progress.finish()


def _require_proven(job: Job, pages: _Pages, tree: SnapshotTree, rotted: array[int]) -> None:
    """Read the transplanted pages back, and compare them with the map once more."""
    assert job.repository is not None
    for entries in tree.segments():
        start = entries.segment * SEGMENT_PAGES + 1
        for page in _within(entries, rotted):
            ((_, data),) = pages.blocks(1, first=start + page, last=start + page)
            (found,) = job.repository.hash_pages(data, pages.page_size)
            if found != entries.hashes[page * HASH_BYTES : (page + 1) * HASH_BYTES]:
                raise Damaged("page-damaged", f"page {start + page} does not read as written")


def _within(entries: SegmentEntries, numbers: array[int]) -> list[int]:
    """Return the pages of a segment (from 0, within it) that are among `numbers`."""
    start = entries.segment * SEGMENT_PAGES + 1
    begin, end = bisect_left(numbers, start), bisect_left(numbers, start + len(entries))
    return [number - start for number in numbers[begin:end]]


def _write(files: FileOps, descriptor: int, data: bytes | memoryview, offset: int) -> None:
    rest = memoryview(data)
    while rest:
        written = files.write_at(descriptor, rest, offset)
        rest, offset = rest[written:], offset + written


def _unexplained(damage: tuple[Finding, ...]) -> bool:
    """Say whether a check found damage that no rotted page of the same table explains."""
    rotted = [finding for finding in damage if finding.level == "pages"]
    if any(finding.kind in _OF_THE_FILE for finding in rotted):
        return False
    tables = {finding.table or finding.object for finding in rotted}
    return any(
        (finding.table or finding.object) not in tables and finding.kind not in _OF_THE_FILE
        for finding in damage
    )


def _tables(job: Job, path: Path, *, identical: bool) -> tuple[TableLoss, ...]:
    """Count the rows: they are those of before, and where the pages are, of the snapshot."""
    return tuple(
        TableLoss(name, rows, rows if identical else None, rows, 0 if rows is not None else None)
        for name, rows in counted(path, rows_of(path, job.progress), job.progress).items()
    )
