"""Looking for lost pages: what has their hash is what was lost, wherever it lies."""

from __future__ import annotations

from contextlib import suppress

from dbtool.backup.format import HASH_BYTES, group_pages
from dbtool.backup.healing import Healing
from dbtool.backup.lock import shared
from dbtool.backup.losses import lost_entries
from dbtool.backup.lostpages import Origin
from dbtool.backup.model import SnapshotId
from dbtool.backup.pagemap import SegmentEntries, decode_piece
from dbtool.backup.tree import SnapshotTree
from dbtool.errors import Damaged, DbtoolError, NotFound
from dbtool.pages.reader import PageReader

__all__ = ["gather", "hash_of", "look_around", "look_into_copies", "look_into_database"]


def gather(healing: Healing) -> None:
    """Find the snapshots that lost something, and the hashes of their lost pages.

    Raises:
        StorageFailed: `permission-denied`; what may not be read is not lost.
    """
    check, present = healing.check, healing.repository.catalog.ids()
    for finding in check.findings:
        name = finding.object.removeprefix("snapshots/")
        if name != finding.object and SnapshotId(name) not in check.snapshots:
            healing.unreadable[SnapshotId(name)] = finding.problem
    healing.unreadable |= {
        snapshot: healing.unreadable.get(snapshot, "it does not open")
        for snapshot in present
        if snapshot not in check.snapshots
    }
    for snapshot, body in check.snapshots.values():
        tree = SnapshotTree(snapshot, body, check.packs, hash_pages=healing.repository.hash_pages)
        try:
            _gather_pages(healing, tree)
        except Damaged as error:
            if getattr(error.__cause__, "code", "") == "permission-denied":
                raise
            healing.trees.pop(snapshot.id, None)
            healing.unreadable[snapshot.id] = error.message


def _gather_pages(healing: Healing, tree: SnapshotTree) -> None:
    for entries in tree.segments():
        hit = lost_entries(entries, healing.check.damaged)
        if hit:
            healing.trees[tree.snapshot.id] = tree
            healing.lost.add(hash_of(entries, page) for page in hit)


def hash_of(entries: SegmentEntries, entry: int) -> bytes:
    """Return the page hash of an entry."""
    return bytes(entries.hashes[entry * HASH_BYTES : (entry + 1) * HASH_BYTES])


def look_around(healing: Healing) -> None:
    """Look into the groups that are not lost: the same content may lie in several."""
    for key in healing.check.pieces:
        if healing.lost.all_found():
            return
        try:
            entries = decode_piece(healing.check.packs.read(key.piece.ref), key.segment)
        except Damaged:
            continue
        for first, count, location in entries.runs():
            ref, slot = entries.place(location)
            if ref in healing.check.damaged:
                continue
            for offset in range(count):
                page_hash = hash_of(entries, first + offset)
                if healing.lost.is_sought(page_hash):
                    healing.lost.found(page_hash, "here", ref, slot + offset)


def look_into_database(healing: Healing) -> None:
    """Look into the database as it is now; what did not change since is still there."""
    path = healing.options.database
    if path is None or healing.lost.all_found():
        return
    try:
        with PageReader.open(path, progress=healing.progress) as reader:
            if reader.page_count:
                _take_sought(healing, reader)
    except DbtoolError as error:
        healing.progress.warn(f"the database cannot be looked into: {error.message}")


def _take_sought(healing: Healing, reader: PageReader) -> None:
    size = reader.page_size
    healing.progress.start("reading the database", reader.page_count * size, "bytes")
    for _first, data in reader.blocks(group_pages(size), first=1, last=reader.page_count):
        _take(healing, memoryview(data), size, "database")
        healing.progress.advance(len(data))
    healing.progress.finish()


def _take(healing: Healing, data: memoryview, page_size: int, origin: Origin) -> None:
    for index, page_hash in enumerate(healing.repository.hash_pages(data, page_size)):
        if healing.lost.is_sought(page_hash):
            content = data[index * page_size : (index + 1) * page_size]
            healing.places.store(page_hash, content, origin)


def look_into_copies(healing: Healing) -> None:
    """Read the lost pages from the copies of the same snapshots, and prove that they are those."""
    other = healing.options.other
    if other is None:
        return
    there = set(other.catalog.ids())
    with shared(other.store):
        for snapshot, tree in healing.trees.items():
            if snapshot in there and not healing.lost.all_found():
                with suppress(Damaged, NotFound):  # a copy may be damaged too
                    twin = other.open_snapshot(other.catalog.summary(snapshot))
                    _take_from_twin(healing, tree, twin)


def _take_from_twin(healing: Healing, tree: SnapshotTree, twin: SnapshotTree) -> None:
    if twin.snapshot.page_size != tree.snapshot.page_size:
        return
    for number in range(len(tree.body.segments)):
        entries = tree.segment(number)
        sought = [
            page
            for page in lost_entries(entries, healing.check.damaged)
            if healing.lost.is_sought(hash_of(entries, page))
        ]
        if sought and number < len(twin.body.segments):
            there = twin.segment(number)
            chosen = sorted(page for page in sought if page < len(there))
            for _first, content in twin.read(there, chosen):
                _take(healing, content, tree.snapshot.page_size, "copy")
