"""Proof of a repository: all snapshots, map pieces and pack directories, on request every byte.

A damaged object is a finding, not an exception: the check goes on, and in the end names the
snapshots that cannot be restored whole and the pages of them that are lost. Each map piece and each
pack is looked at once, however many snapshots share it. Memory is bounded by working through the
packs in batches.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from dbtool.backup.format import (
    BLOB_PAGES,
    HASH_BYTES,
    SEGMENT_PAGES,
    BlobRef,
    pack_key,
    snapshot_key,
)
from dbtool.backup.losses import losses
from dbtool.backup.model import Finding, RepositoryReport, Snapshot, SnapshotId
from dbtool.backup.pack import WORKERS, BlobDamaged, PackReader
from dbtool.backup.pagemap import PieceRef, SegmentEntries, decode_piece
from dbtool.backup.snapshot import SnapshotBody
from dbtool.backup.tree import SnapshotTree, segment_lengths
from dbtool.core.parallel import in_order
from dbtool.core.progress import Progress
from dbtool.errors import Damaged, NotFound

if TYPE_CHECKING:
    from dbtool.backup.repository import Repository

__all__ = ["Check", "check_repository", "examine"]

_BATCH_PACKS = 128
"""Packs whose expected page hashes are in memory at a time: at 4 KiB pages 16 MB of hashes."""


class _Piece(NamedTuple):
    segment: int
    piece: PieceRef


@dataclass(slots=True)
class Check:
    """What is known so far."""

    repository: Repository
    packs: PackReader
    progress: Progress
    snapshots: dict[SnapshotId, tuple[Snapshot, SnapshotBody]] = field(default_factory=dict)
    pieces: dict[_Piece, list[SnapshotId]] = field(default_factory=lambda: defaultdict(list))
    findings: list[Finding] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    damaged: dict[BlobRef, str] = field(default_factory=dict)
    """Groups that are lost, and why."""
    objects: int = 1
    bytes_read: int = 0


def check_repository(
    repository: Repository, *, read_data: float, names: set[str] | None, progress: Progress
) -> tuple[RepositoryReport, list[SnapshotId]]:
    """Check `repository`, whose lock is held; see `Repository.verify`.

    Args:
        repository: what to check.
        read_data: share of the packs to read, 0 to 1.
        names: only the snapshots of these databases; None for all.
        progress: told of packs read, in bytes.

    Returns:
        The report, and the snapshots of which every byte was read and proven.
    """
    started_s = repository.clock.monotonic()
    check, read_share = examine(repository, read_data=read_data, names=names, progress=progress)
    check.findings.extend(losses(check))
    report = RepositoryReport(
        snapshots_checked=len(check.snapshots),
        objects_checked=check.objects,
        bytes_read=check.bytes_read,
        read_data=read_share,
        duration_s=repository.clock.monotonic() - started_s,
        findings=tuple(check.findings),
        warnings=tuple(check.warnings),
    )
    damaged = set(report.damaged_snapshots)
    proven = [found for found in check.snapshots if found not in damaged] if read_data >= 1 else []
    return report, proven


def examine(
    repository: Repository, *, read_data: float, names: set[str] | None, progress: Progress
) -> tuple[Check, float]:
    """Look at everything; arguments as `check_repository`. Also return the share that was read."""
    packs = PackReader(repository.store, repository.master, repository.config.id)
    check = Check(repository, packs, progress)
    _check_keys(check)
    _load_snapshots(check, names)
    _check_parents(check)
    _check_hints(check, partial=names is not None)
    used = _check_pieces(check)
    chosen = _sample(sorted(used), read_data)
    _read_packs(check, chosen)
    return check, len(chosen) / len(used) if used else float(read_data > 0)


def _check_keys(check: Check) -> None:
    if not check.repository.master.encrypted:
        return
    ring = check.repository.keys
    check.objects += len(ring.slots())
    for slot in ring.damaged():
        check.findings.append(Finding(f"keys/{slot}", "the key slot is damaged and opens nothing"))


def _load_snapshots(check: Check, names: set[str] | None) -> None:
    catalog = check.repository.catalog
    ids = sorted(catalog.ids())
    check.progress.start("checking snapshots", len(ids), "snapshots")
    for snapshot_id in ids:
        check.objects += 1
        check.progress.advance(1)
        try:
            snapshot = catalog.summary(snapshot_id)
            if names is not None and snapshot.database not in names:
                continue
            body = catalog.body(snapshot_id)
            SnapshotTree(snapshot, body, check.packs, hash_pages=check.repository.hash_pages)
        except (Damaged, NotFound) as error:
            if isinstance(error, NotFound) and snapshot_id in catalog.forgotten.ids():
                continue  # removed on purpose since it was listed
            check.findings.append(Finding(snapshot_key(snapshot_id), error.message, (snapshot_id,)))
            continue
        check.snapshots[snapshot_id] = snapshot, body
        for number, pieces in enumerate(body.segments):
            for piece in pieces:
                check.pieces[_Piece(number, piece)].append(snapshot_id)
    check.progress.finish()


def _check_parents(check: Check) -> None:
    """Find snapshots that are gone, by those that were taken after them."""
    catalog = check.repository.catalog
    present = {*catalog.ids(), *catalog.forgotten.ids()}
    for snapshot, _body in check.snapshots.values():
        if snapshot.parent and snapshot.parent not in present:
            _report_missing(
                check, snapshot.parent, f"snapshot {snapshot.id[:8]} was taken after it"
            )


def _check_hints(check: Check, *, partial: bool) -> None:
    """Find heads and marks that do not open, and heads that do not name the newest snapshot."""
    catalog = check.repository.catalog
    for key, problem in catalog.damaged_hints():
        check.findings.append(Finding(key, f"{problem}; no snapshot needs it"))
    check.findings += [Finding(key, problem) for key, problem in check.packs.moves.damaged()]
    if partial:
        return
    present = {*catalog.ids(), *catalog.forgotten.ids()}
    newest: dict[str, Snapshot] = {}
    for snapshot, _body in sorted(check.snapshots.values(), key=lambda pair: pair[0].time):
        newest[snapshot.database] = snapshot
    for head in catalog.heads():
        last = newest.get(head.database)
        if head.snapshot not in present:
            _report_missing(check, head.snapshot, f"it was the newest of {head.database}")
        elif last is not None and last.id != head.snapshot:
            check.warnings.append(
                f"the head of {head.database} names snapshot {head.snapshot[:8]}, "
                f"but {last.id[:8]} is newer: an older head was put back, or two backups raced"
            )


def _report_missing(check: Check, snapshot: SnapshotId, evidence: str) -> None:
    key = snapshot_key(snapshot)
    if all(finding.object != key for finding in check.findings):
        check.findings.append(Finding(key, f"is missing: {evidence}", (snapshot,)))


def _check_pieces(check: Check) -> set[bytes]:
    """Decode every map piece once, look its groups up in their packs; return the packs in use."""
    used: set[bytes] = set()
    check.progress.start("checking page maps", len(check.pieces), "pieces")
    for key, owners in check.pieces.items():
        check.progress.advance(1)
        used.add(key.piece.ref.pack)
        entries = _decoded(check, key)
        if entries is None:
            continue
        used.update(entries.packs)
        for ref, highest_slot in _groups(entries):
            problem = _group_problem(check.packs, ref, highest_slot)
            if problem:
                check.damaged[ref] = problem
        _check_coverage(check, key, entries, owners)
    check.progress.finish()
    check.objects += len(used)
    return used


def _decoded(check: Check, key: _Piece) -> SegmentEntries | None:
    try:
        return _read_piece(check.packs, key)
    except Damaged as error:
        pages = (key.segment * SEGMENT_PAGES + 1, (key.segment + 1) * SEGMENT_PAGES)
        owners = tuple(check.pieces[key])
        last = max(check.snapshots[owner][0].page_count for owner in owners)
        affected = (pages[0], min(pages[1], last))
        pack = pack_key(key.piece.ref.pack)
        check.findings.append(Finding(pack, error.message, owners, (affected,)))
        return None


def _read_piece(packs: PackReader, key: _Piece) -> SegmentEntries:
    ref = key.piece.ref
    entries = decode_piece(packs.read(ref), key.segment)
    if len(entries) != key.piece.entries:
        raise Damaged("map-damaged", f"map piece {ref.ordinal} has {len(entries)} entries")
    return entries


def _groups(entries: SegmentEntries) -> Iterator[tuple[BlobRef, int]]:
    highest: dict[BlobRef, int] = {}
    for _first, count, location in entries.runs():
        ref, slot = entries.place(location)
        highest[ref] = max(highest.get(ref, 0), slot + count)
    yield from highest.items()


def _group_problem(packs: PackReader, ref: BlobRef, slots: int) -> str | None:
    try:
        entry = packs.entry(ref)
    except BlobDamaged as error:
        return error.problem
    if entry.kind != BLOB_PAGES or slots > entry.pages:
        return "is not the group that a map names"
    return None


def _check_coverage(
    check: Check, key: _Piece, entries: SegmentEntries, owners: list[SnapshotId]
) -> None:
    """A base shorter than its segment is sound only when deltas bring the rest."""
    if not isinstance(entries.pages, range):
        return
    for owner in owners:
        snapshot, body = check.snapshots[owner]
        length = segment_lengths(snapshot.page_count)[key.segment]
        if len(entries) >= length:
            continue
        tree = SnapshotTree(snapshot, body, check.packs, hash_pages=check.repository.hash_pages)
        try:
            tree.segment(key.segment)
        except BlobDamaged:
            continue  # the piece that is damaged has its own finding
        except Damaged as error:
            check.findings.append(Finding(snapshot_key(owner), error.message, (owner,)))


def _sample(packs: list[bytes], share: float) -> list[bytes]:
    if share >= 1:
        return packs
    count = min(len(packs), max(1, round(len(packs) * share))) if share > 0 and packs else 0
    return sorted(random.sample(packs, count))


def _read_packs(check: Check, chosen: list[bytes]) -> None:
    sizes = dict(check.repository.store.list("packs/"))
    check.bytes_read = sum(
        sizes.get(pack_key(pack)) or _moved_bytes(check, pack) for pack in chosen
    )
    check.progress.start("reading data", check.bytes_read, "bytes")
    with ThreadPoolExecutor(WORKERS, "dbtool-check") as workers:
        for start in range(0, len(chosen), _BATCH_PACKS):
            packs = chosen[start : start + _BATCH_PACKS]
            _prove_groups(check, packs, _expected_hashes(check, set(packs)), workers)
    check.progress.finish()


def _moved_bytes(check: Check, pack: bytes) -> int:
    return sum(moved.entry.stored_bytes for moved in check.packs.moves.rows(pack).values())


def _prove_groups(
    check: Check,
    packs: list[bytes],
    expected: dict[BlobRef, bytearray],
    workers: ThreadPoolExecutor,
) -> None:
    def prove(batch: list[BlobRef]) -> list[str]:
        contents = zip(batch, check.packs.read_batch(batch), strict=True)
        return [_problem(check, raw, expected.get(ref)) for ref, raw in contents]

    batches = check.packs.batches(_blobs(check, packs))
    for batch, result in in_order(workers, prove, batches, depth=2 * WORKERS):
        for ref, problem in zip(batch, result(), strict=True):
            if problem:
                check.damaged.setdefault(ref, problem)
            check.progress.advance(check.packs.entry(ref).stored_bytes)


def _problem(check: Check, raw: bytes | BlobDamaged, expected: bytearray | None) -> str:
    if isinstance(raw, BlobDamaged):
        return raw.problem
    if expected is not None and not _proves(check, raw, expected):
        return "holds pages that do not hash to what the maps say"
    return ""


def _blobs(check: Check, packs: list[bytes]) -> Iterator[BlobRef]:
    for pack in packs:
        try:
            yield from check.packs.blobs(pack)
        except BlobDamaged:
            continue  # every group in it was named when the maps were checked


def _expected_hashes(check: Check, batch: set[bytes]) -> dict[BlobRef, bytearray]:
    """Collect what maps say of the pages in some packs; zero bytes where no map names a slot."""
    expected: dict[BlobRef, bytearray] = {}
    for key in check.pieces:
        try:
            entries = decode_piece(check.packs.read(key.piece.ref), key.segment)
        except Damaged:
            continue  # has its finding already
        if batch.isdisjoint(entries.packs):
            continue
        for first, count, location in entries.runs():
            ref, slot = entries.place(location)
            if ref.pack not in batch or ref in check.damaged:
                continue
            hashes = expected.setdefault(ref, bytearray(check.packs.entry(ref).pages * HASH_BYTES))
            hashes[slot * HASH_BYTES : (slot + count) * HASH_BYTES] = entries.hashes[
                first * HASH_BYTES : (first + count) * HASH_BYTES
            ]
    return expected


def _proves(check: Check, raw: bytes, expected: bytearray) -> bool:
    pages = len(expected) // HASH_BYTES
    page_size = len(raw) // pages
    found = check.repository.hash_pages(raw, page_size)
    if b"".join(found) == expected:
        return True
    return all(
        page == (wanted := bytes(expected[index * HASH_BYTES : (index + 1) * HASH_BYTES]))
        or not any(wanted)
        for index, page in enumerate(found)
    )
