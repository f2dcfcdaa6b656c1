"""Packs: write-once objects that hold compressed, sealed groups of pages and map pieces.

`packing` writes them, `PackReader` reads; the layout is in `format`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from dbtool.backup.format import (
    BLOB_MAP,
    BLOB_PAGES,
    BLOBS_PER_PACK,
    DIRECTORY_ENTRY,
    DIRECTORY_ORDINAL,
    MAX_BLOB_BYTES,
    PACK_END_MAGIC,
    PACK_HEADER,
    PACK_MAGIC,
    PACK_TRAILER,
    TAG_BYTES,
    BlobRef,
    DirectoryEntry,
    blob_aad,
    blob_nonce,
    pack_key,
)
from dbtool.backup.frame import FrameBroken, decompressed
from dbtool.backup.moves import Moved, Moves
from dbtool.core.allocator import keep_freed_blocks
from dbtool.crypto.aead import MasterKey, SealBroken, Sealer
from dbtool.errors import Damaged, NotFound, StorageFailed
from dbtool.store.counted import Readable

__all__ = ["WORKERS", "BlobDamaged", "PackReader"]

WORKERS = 2
_BATCH_BYTES = 1024 * 1024
"""Stored bytes fetched with one request: about eight groups share the cost of a request."""
_BATCH_RAW_BYTES = 4 * 1024 * 1024
"""What a batch may hold decompressed: stored bytes alone say nothing about that."""
_LARGEST_GAP_BYTES = 64 * 1024
_SMALL_PACK_BYTES = 32 * 1024
"""A pack that ends before this is opened with one request instead of three."""
_ENTRY_BYTES = 200
"""What a directory entry takes in memory, about."""
_LONGEST_TAIL = PACK_TRAILER.size + TAG_BYTES + BLOBS_PER_PACK * DIRECTORY_ENTRY.size
_UNREADABLE = (Damaged, NotFound, StorageFailed)  # a remote out of reach says nothing of a pack
_NOWHERE = DirectoryEntry(0, 0, -1, 0, 0)


class BlobDamaged(Damaged):
    """A blob or its pack is missing or not what was written; `ref` names it."""

    def __init__(self, ref: BlobRef, problem: str) -> None:
        super().__init__(
            "pack-damaged",
            f"blob {ref.ordinal} of {pack_key(ref.pack)} {problem}",
            context="the repository's storage changed or lost data after it was written",
            hint="dbtool verify --snapshots --read-data      "
            "names every snapshot and page affected",
        )
        self.ref = ref
        self.problem = problem


@dataclass(slots=True)
class _Pack:
    """What is known of the blobs that were born in one pack."""

    sealer: Sealer
    entries: list[DirectoryEntry]
    """Its own directory; empty where it was not looked for, or the pack is gone."""
    moved: Mapping[int, Moved]
    whole: bytes = b""
    """All of a small pack: it came with the request for the directory."""

    def find(self, ordinal: int) -> Moved | DirectoryEntry | None:
        return self.moved.get(ordinal) or (
            self.entries[ordinal] if ordinal < len(self.entries) else None
        )


class PackReader:
    """Finds and opens blobs; keeps directories of packs it has met, within a bound. Thread-safe."""

    _KEPT_ENTRIES = 1024 * BLOBS_PER_PACK
    """Directory entries that are kept; small packs count as what they weigh in entries."""

    def __init__(self, store: Readable, master: MasterKey, repository: bytes) -> None:
        keep_freed_blocks()
        self.fetchers = WORKERS if store.is_remote else 1
        """Threads worth having beside the one that hashes: a second one mostly takes turns with the
        first at the interpreter lock, but need not wait for the same request to a network."""
        self._store = store
        self._master = master
        self._repository = repository
        self.moves = Moves(store, master, repository)
        self._packs: dict[bytes, _Pack] = {}
        self._kept_entries = 0

    def entry(self, ref: BlobRef) -> DirectoryEntry:
        """Return the directory entry of a blob."""
        return self.place(ref)[1]

    def place(self, ref: BlobRef) -> tuple[bytes, DirectoryEntry]:
        """Return the pack in which a blob lies now, and where in it."""
        found = self._pack(ref).find(ref.ordinal)
        if found is None:
            raise BlobDamaged(ref, "is not in the pack's directory")
        return (found.home, found.entry) if isinstance(found, Moved) else (ref.pack, found)

    def directory(self, pack: bytes) -> list[DirectoryEntry]:
        """Return the directory of a pack that was not moved, by ordinal."""
        return self._own(BlobRef(pack, 0))[0]

    def blobs(self, pack: bytes) -> list[BlobRef]:
        """Return the blobs that were born in a pack and are still there."""
        moved = self.moves.rows(pack)
        if moved:
            return [BlobRef(pack, ordinal) for ordinal in sorted(moved)]
        return [BlobRef(pack, ordinal) for ordinal in range(len(self.directory(pack)))]

    def read(self, ref: BlobRef) -> bytes:
        """Fetch, open and decompress a blob.

        Raises:
            BlobDamaged: it is missing or not what was written.
        """
        try:
            return self._unpack(ref, self._fetched(ref))
        except BlobDamaged as error:
            if not self._moved_meanwhile(error):
                raise
        return self._unpack(ref, self._fetched(ref))

    def _fetched(self, ref: BlobRef) -> bytes:
        home, entry = self.place(ref)
        return self._fetch(ref, home, entry.offset, entry.stored_bytes)

    def _moved_meanwhile(self, error: BlobDamaged) -> bool:
        """Say whether to look again for what was not there: prune may just have moved it."""
        if not isinstance(error.__cause__, NotFound) or not self.moves.renew():
            return False
        self._packs.clear()
        return True

    def in_storage_order(self, refs: Iterable[BlobRef]) -> list[BlobRef]:
        """Return blobs so that what lies side by side stands side by side; packs as they come."""
        ranks: dict[bytes, int] = {}

        def place(ref: BlobRef) -> tuple[int, int]:
            try:
                home, entry = self.place(ref)
            except BlobDamaged:
                home, entry = ref.pack, _NOWHERE
            return ranks.setdefault(home, len(ranks)), entry.offset

        return sorted(refs, key=place)

    def batches(self, refs: Iterable[BlobRef]) -> Iterator[list[BlobRef]]:
        """Cut blobs, in the order given, into lists for `read_batch`, one request each."""
        batch: list[BlobRef] = []
        batch_home = b""
        start = end = raw_bytes = 0
        for ref in refs:
            try:
                home, entry = self.place(ref)
            except BlobDamaged:
                home, entry = ref.pack, _NOWHERE  # reading it says what is wrong
            fits = (
                batch
                and home == batch_home
                and 0 <= entry.offset - end <= _LARGEST_GAP_BYTES
                and entry.offset + entry.stored_bytes - start <= _BATCH_BYTES
                and raw_bytes + entry.raw_bytes <= _BATCH_RAW_BYTES
            )
            if not fits:
                if batch:
                    yield batch
                batch, batch_home, start, raw_bytes = [], home, entry.offset, 0
            batch.append(ref)
            end = entry.offset + entry.stored_bytes
            raw_bytes += entry.raw_bytes
        if batch:
            yield batch

    def read_batch(self, refs: list[BlobRef]) -> Iterator[bytes | BlobDamaged]:
        """Fetch blobs that lie side by side; yield the content, or what is wrong, of each.

        One is unpacked at a time, which releases the interpreter lock: what a caller does with it
        in between, under the lock, keeps other threads waiting no longer than that.
        """
        return self._each(self._unpack, refs)

    def sealed_batch(self, refs: list[BlobRef]) -> Iterator[bytes | BlobDamaged]:
        """Fetch blobs that lie side by side, as they are stored; each is proven by its seal."""
        return self._each(self._proven, refs)

    def _each(
        self, step: Callable[[BlobRef, bytes | memoryview], bytes], refs: list[BlobRef]
    ) -> Iterator[bytes | BlobDamaged]:
        for ref, stored in zip(refs, self._side_by_side(refs), strict=True):
            yield stored if isinstance(stored, BlobDamaged) else self._caught(step, ref, stored)

    def _side_by_side(self, refs: list[BlobRef]) -> Sequence[bytes | memoryview | BlobDamaged]:
        try:
            places = [self.place(ref) for ref in refs]
            home, first = places[0]
            last = places[-1][1]
            length = last.offset + last.stored_bytes - first.offset
            fetched = memoryview(self._fetch(refs[0], home, first.offset, length))
        except BlobDamaged as error:
            if self._moved_meanwhile(error):
                return [self._caught(lambda ref, _: self._fetched(ref), ref, b"") for ref in refs]
            return [BlobDamaged(ref, error.problem) for ref in refs]
        starts = [entry.offset - first.offset for _home, entry in places]
        return [
            fetched[start : start + entry.stored_bytes]
            for start, (_home, entry) in zip(starts, places, strict=True)
        ]

    @staticmethod
    def _caught(
        step: Callable[[BlobRef, bytes | memoryview], bytes],
        ref: BlobRef,
        stored: bytes | memoryview,
    ) -> bytes | BlobDamaged:
        try:
            return step(ref, stored)
        except BlobDamaged as error:
            return error

    def _fetch(self, ref: BlobRef, home: bytes, offset: int, length: int) -> bytes:
        known = self._packs.get(home)
        if known is not None and offset + length <= len(known.whole):
            return known.whole[offset : offset + length]
        try:
            return self._store.get_range(pack_key(home), offset, length)
        except _UNREADABLE as error:
            raise BlobDamaged(ref, f"cannot be read: {error.message}") from error

    def _opened(self, ref: BlobRef, stored: bytes | memoryview) -> bytes:
        aad = blob_aad(self._repository, ref.pack, ref.ordinal)
        try:
            return self._pack(ref).sealer.open(blob_nonce(ref.ordinal), stored, aad)
        except SealBroken as error:
            raise BlobDamaged(ref, "is not what was written") from error

    def _proven(self, ref: BlobRef, stored: bytes | memoryview) -> bytes:
        self._opened(ref, stored)
        return bytes(stored)

    def _unpack(self, ref: BlobRef, stored: bytes | memoryview) -> bytes:
        raw_bytes = self.entry(ref).raw_bytes
        try:
            raw = decompressed(self._opened(ref, stored), raw_bytes)
        except FrameBroken as error:
            raise BlobDamaged(ref, "does not decompress to its size") from error
        if len(raw) != raw_bytes:
            raise BlobDamaged(ref, "has the wrong size")
        return raw

    def _pack(self, ref: BlobRef) -> _Pack:
        known = self._packs.get(ref.pack)
        if known is None or (known.find(ref.ordinal) is None and not known.entries):
            known = self._load(ref)
            if self._kept_entries >= self._KEPT_ENTRIES:
                self._packs.clear()
                self._kept_entries = 0
            self._packs[ref.pack] = known
            kept = len(known.entries) + len(known.moved) + 2
            self._kept_entries += kept + len(known.whole) // _ENTRY_BYTES
        return known

    def _load(self, ref: BlobRef) -> _Pack:
        moved = self._moved(ref)
        entries: list[DirectoryEntry] = []
        whole = b""
        if ref.ordinal not in moved:
            try:
                entries, whole = self._own(ref)
            except BlobDamaged as error:
                if not self._moved_meanwhile(error):
                    raise
                moved = self._moved(ref)
                if ref.ordinal not in moved:
                    raise
        return _Pack(self._master.sealer("pack", ref.pack), entries, moved, whole)

    def _moved(self, ref: BlobRef) -> Mapping[int, Moved]:
        moved = self.moves.rows(ref.pack)
        if all(_possible(found.entry) for found in moved.values()):
            return moved
        raise BlobDamaged(ref, "was moved to an impossible place")

    def _own(self, ref: BlobRef) -> tuple[list[DirectoryEntry], bytes]:
        """Return a pack's own directory, and all of the pack if it is small."""
        key = pack_key(ref.pack)
        try:
            head = tail = self._store.get_range(key, 0, _SMALL_PACK_BYTES)
            size = len(head)
            if size == _SMALL_PACK_BYTES:  # there may be more
                size = self._store.size(key)
                tail = self._store.get_range(key, max(0, size - _LONGEST_TAIL), _LONGEST_TAIL)
        except _UNREADABLE as error:
            raise BlobDamaged(ref, f"cannot be read: {error.message}") from error
        entries = self._parse(ref, head[: PACK_HEADER.size], tail, size)
        return entries, head if head is tail else b""

    def _parse(self, ref: BlobRef, head: bytes, tail: bytes, size: int) -> list[DirectoryEntry]:
        if len(tail) < PACK_TRAILER.size or len(head) < PACK_HEADER.size:
            raise BlobDamaged(ref, "lies in a pack that was cut short")
        sealed_size, count, magic = PACK_TRAILER.unpack(tail[-PACK_TRAILER.size :])
        sealed = tail[-PACK_TRAILER.size - sealed_size : -PACK_TRAILER.size]
        plausible = (
            count <= BLOBS_PER_PACK and sealed_size == TAG_BYTES + count * DIRECTORY_ENTRY.size
        )
        if (
            magic != PACK_END_MAGIC
            or PACK_HEADER.unpack(head) != (PACK_MAGIC, ref.pack)
            or not plausible
        ):
            raise BlobDamaged(ref, "lies in a pack whose header or trailer is damaged")
        sealer = self._master.sealer("pack", ref.pack)
        aad = blob_aad(self._repository, ref.pack, DIRECTORY_ORDINAL)
        try:
            rows = sealer.open(blob_nonce(DIRECTORY_ORDINAL), sealed, aad)
        except SealBroken as error:
            raise BlobDamaged(ref, "lies in a pack whose directory is damaged") from error
        entries = [DirectoryEntry(*row) for row in DIRECTORY_ENTRY.iter_unpack(rows)]
        for entry in entries:
            if not _possible(entry) or entry.offset + entry.stored_bytes > size:
                raise BlobDamaged(ref, "lies in a pack whose directory is impossible")
        return entries


def _possible(entry: DirectoryEntry) -> bool:
    """Say whether a blob may be like that: not too large, of whole pages of one size."""
    if max(entry.raw_bytes, entry.stored_bytes) > MAX_BLOB_BYTES:
        return False
    if entry.kind == BLOB_PAGES:
        return 0 < entry.pages <= entry.raw_bytes and entry.raw_bytes % entry.pages == 0
    return entry.kind == BLOB_MAP and entry.pages == 0
