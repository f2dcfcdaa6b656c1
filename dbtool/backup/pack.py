"""Packs: write-once objects that hold compressed, sealed groups of pages and map pieces.

`PackSession` writes, `PackReader` reads; the layout is in `format`.

Compression. A group is 256 KiB, so the tables that zstd level 3 chooses for long inputs do not pay.
Measured on 500 MB of mixed text, numbers and blobs (one core, stock level 3 = 1.0): strategy `fast`
with a hash table of 2^15 entries and matches from 6 bytes takes 0.60 of the time for 0.2 % more
bytes. Level 3, the default, means these parameters; every other level is zstd's own.

Threads. Two workers compress and seal (both release the interpreter lock for the whole group), the
caller reads and hashes, a third thread waits for the disk. Blobs are reserved in order, so a map
can name them before they are compressed, and no more than `_DEPTH` groups are in memory.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import local

import zstandard

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
    new_id,
    pack_key,
)
from dbtool.backup.frame import FrameBroken, decompressed
from dbtool.crypto.aead import MasterKey, SealBroken, Sealer
from dbtool.errors import Damaged, NotFound, StorageFailed
from dbtool.store.base import ObjectWriter, Store
from dbtool.store.counted import Readable

__all__ = ["WORKERS", "BlobDamaged", "PackReader", "PackSession"]

WORKERS = 2
_DEPTH = 12
_TUNED = zstandard.ZstdCompressionParameters(
    window_log=18,
    hash_log=15,
    chain_log=14,
    search_log=1,
    min_match=6,
    strategy=zstandard.STRATEGY_FAST,
)
_TUNED_LEVEL = 3
_ZSTD = local()
_BATCH_BYTES = 1024 * 1024
"""Stored bytes fetched with one request: about eight groups share the cost of a request."""
_BATCH_RAW_BYTES = 4 * 1024 * 1024
"""What a batch may hold decompressed: stored bytes alone say nothing about that."""
_LARGEST_GAP_BYTES = 64 * 1024
_WRITE_BYTES = 1024 * 1024
_UNSENT_PACKS = 2
_SMALL_PACK_BYTES = 32 * 1024
"""A pack that ends before this is opened with one request instead of three."""
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


class _OpenPack:
    """One pack being written."""

    def __init__(self, session: PackSession, pack: bytes) -> None:
        self.id = pack
        self.sealer = session.master.sealer("pack", pack)
        self.entries: dict[int, DirectoryEntry] = {}
        self.offset = PACK_HEADER.size
        self.store = None if session.dry_run else session.store
        self.writer: ObjectWriter | None = None
        self.unwritten: list[bytes] = []
        self.unwritten_bytes = 0

    def append(self, ordinal: int, entry: tuple[int, int, int], stored: bytes) -> None:
        kind, pages, raw_bytes = entry
        if self.writer is None and self.store is not None:
            self.writer = self.store.create(pack_key(self.id))
            self.writer.write(PACK_HEADER.pack(PACK_MAGIC, self.id))
        self.entries[ordinal] = DirectoryEntry(kind, pages, self.offset, len(stored), raw_bytes)
        self.offset += len(stored)
        self.unwritten.append(stored)
        self.unwritten_bytes += len(stored)
        if self.unwritten_bytes >= _WRITE_BYTES:
            self._flush()

    def _flush(self) -> None:
        if self.writer:
            self.writer.write(b"".join(self.unwritten))
        self.unwritten, self.unwritten_bytes = [], 0

    def close(self, repository: bytes) -> int:
        """Write directory and trailer, make the pack durable, return its size in bytes."""
        rows = b"".join(
            DIRECTORY_ENTRY.pack(*self.entries[ordinal]) for ordinal in sorted(self.entries)
        )
        aad = blob_aad(repository, self.id, DIRECTORY_ORDINAL)
        sealed = self.sealer.seal(blob_nonce(DIRECTORY_ORDINAL), rows, aad)
        tail = sealed + PACK_TRAILER.pack(len(sealed), len(self.entries), PACK_END_MAGIC)
        self.unwritten.append(tail)
        self._flush()
        if self.writer:
            self.writer.commit()
        return self.offset + len(tail)


class PackSession:
    """Writes blobs into new packs; nothing counts until `finish` has returned.

    Use as a context manager: leaving it without `finish` removes the open pack, and packs that were
    already committed stay behind as garbage that no snapshot names.
    """

    def __init__(
        self,
        store: Store,
        master: MasterKey,
        repository: bytes,
        *,
        compression: int,
        dry_run: bool = False,
    ) -> None:
        self.store = store
        self.master = master
        self.repository = repository
        self.dry_run = dry_run
        self.bytes_written = 0
        self._compression = compression
        self._reserved = 0
        self._pack_id = b""
        self._newest: _OpenPack | None = None
        """The pack that blobs are being sealed for."""
        self._current: _OpenPack | None = None
        """The pack that sealed blobs are being written to; the newest one, or one before it."""
        self._pending: deque[tuple[_OpenPack, int, tuple[int, int, int], Future[bytes]]] = deque()
        self._closing: deque[Future[int]] = deque()
        self._workers: ThreadPoolExecutor | None = None
        self._syncer: ThreadPoolExecutor | None = None

    def __enter__(self) -> PackSession:
        """Return self."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Stop the threads and forget the pack that is still open."""
        self._shut_down()
        if self._current and self._current.writer:
            self._current.writer.abort()
        self._current = None

    def reserve(self) -> BlobRef:
        """Return the place that the next blob submitted for it will have."""
        ordinal = self._reserved % BLOBS_PER_PACK
        if ordinal == 0:
            self._pack_id = new_id()
        self._reserved += 1
        return BlobRef(self._pack_id, ordinal)

    def submit(self, ref: BlobRef, kind: int, data: bytes, *, pages: int = 0) -> None:
        """Compress, seal and append `data`; blobs are submitted in the order of reservation."""
        if self._workers is None:
            self._workers = ThreadPoolExecutor(WORKERS, "dbtool-compress")
            self._syncer = ThreadPoolExecutor(1, "dbtool-sync")
        if self._newest is None or self._newest.id != ref.pack:
            self._newest = _OpenPack(self, ref.pack)
        future = self._workers.submit(self._work, self._newest.sealer, ref, data)
        self._pending.append((self._newest, ref.ordinal, (kind, pages, len(data)), future))
        while len(self._pending) > _DEPTH:
            self._write_one()

    def _work(self, sealer: Sealer, ref: BlobRef, data: bytes) -> bytes:
        compressor = getattr(_ZSTD, "compressor", None)
        if compressor is None or _ZSTD.level != self._compression:
            compressor = _ZSTD.compressor = _compressor(self._compression)
            _ZSTD.level = self._compression
        aad = blob_aad(self.repository, ref.pack, ref.ordinal)
        return sealer.seal(blob_nonce(ref.ordinal), compressor.compress(data), aad)

    def _write_one(self) -> None:
        pack, ordinal, entry, future = self._pending.popleft()
        stored = future.result()
        if pack is not self._current:
            self._close_current()
            self._current = pack
        pack.append(ordinal, entry, stored)

    def _close_current(self) -> None:
        # A slow store may keep them in memory until they are sent: no more than a few at a time.
        while self._closing and (self._closing[0].done() or len(self._closing) >= _UNSENT_PACKS):
            self.bytes_written += self._closing.popleft().result()
        if self._current is not None:
            assert self._syncer is not None
            self._closing.append(self._syncer.submit(self._current.close, self.repository))
            self._current = None

    def finish(self) -> int:
        """Make every pack durable; return what they take in the store, in bytes."""
        while self._pending:
            self._write_one()
        self._close_current()
        while self._closing:
            self.bytes_written += self._closing.popleft().result()
        self._shut_down()
        return self.bytes_written

    def _shut_down(self) -> None:
        for executor in (self._workers, self._syncer):
            if executor:
                executor.shutdown(wait=True, cancel_futures=True)
        self._workers = self._syncer = None


def _compressor(level: int) -> zstandard.ZstdCompressor:
    if level == _TUNED_LEVEL:
        return zstandard.ZstdCompressor(compression_params=_TUNED)
    return zstandard.ZstdCompressor(level=level)


class PackReader:
    """Finds and opens blobs; keeps directories of packs it has met, within a bound. Thread-safe."""

    _KEPT_DIRECTORIES = 4096

    def __init__(self, store: Readable, master: MasterKey, repository: bytes) -> None:
        self._store = store
        self._master = master
        self._repository = repository
        self._packs: dict[bytes, tuple[Sealer, list[DirectoryEntry]]] = {}

    def entry(self, ref: BlobRef) -> DirectoryEntry:
        """Return the directory entry of a blob."""
        entries = self._pack(ref)[1]
        if ref.ordinal >= len(entries):
            raise BlobDamaged(ref, "is not in the pack's directory")
        return entries[ref.ordinal]

    def directory(self, pack: bytes) -> list[DirectoryEntry]:
        """Return the directory of a pack, by ordinal."""
        return self._pack(BlobRef(pack, 0))[1]

    def read(self, ref: BlobRef) -> bytes:
        """Fetch, open and decompress a blob.

        Raises:
            BlobDamaged: it is missing or not what was written.
        """
        entry = self.entry(ref)
        return self._unseal(ref, self._fetch(ref, entry.offset, entry.stored_bytes))

    def batches(self, refs: Iterable[BlobRef]) -> Iterator[list[BlobRef]]:
        """Cut blobs, in the order given, into lists for `read_batch`, one request each."""
        batch: list[BlobRef] = []
        start = end = raw_bytes = 0
        for ref in refs:
            try:
                entry = self.entry(ref)
            except BlobDamaged:
                entry = _NOWHERE  # reading it says what is wrong
            fits = (
                batch
                and ref.pack == batch[0].pack
                and 0 <= entry.offset - end <= _LARGEST_GAP_BYTES
                and entry.offset + entry.stored_bytes - start <= _BATCH_BYTES
                and raw_bytes + entry.raw_bytes <= _BATCH_RAW_BYTES
            )
            if not fits:
                if batch:
                    yield batch
                batch, start, raw_bytes = [], entry.offset, 0
            batch.append(ref)
            end = entry.offset + entry.stored_bytes
            raw_bytes += entry.raw_bytes
        if batch:
            yield batch

    def read_batch(self, refs: list[BlobRef]) -> list[bytes | BlobDamaged]:
        """Fetch blobs that lie side by side; return the content, or what is wrong, of each."""
        results: list[bytes | BlobDamaged] = []
        try:
            entries = [self.entry(ref) for ref in refs]
            start = entries[0].offset
            length = entries[-1].offset + entries[-1].stored_bytes - start
            stored = memoryview(self._fetch(refs[0], start, length))
        except BlobDamaged as error:
            return [BlobDamaged(ref, error.problem) for ref in refs]
        for ref, entry in zip(refs, entries, strict=True):
            at = entry.offset - start
            try:
                results.append(self._unseal(ref, stored[at : at + entry.stored_bytes]))
            except BlobDamaged as error:
                results.append(error)
        return results

    def _fetch(self, ref: BlobRef, offset: int, length: int) -> bytes:
        try:
            return self._store.get_range(pack_key(ref.pack), offset, length)
        except _UNREADABLE as error:
            raise BlobDamaged(ref, f"cannot be read: {error.message}") from error

    def _unseal(self, ref: BlobRef, stored: bytes | memoryview) -> bytes:
        sealer, entries = self._pack(ref)
        aad = blob_aad(self._repository, ref.pack, ref.ordinal)
        try:
            frame = sealer.open(blob_nonce(ref.ordinal), stored, aad)
            raw = decompressed(frame, entries[ref.ordinal].raw_bytes)
        except SealBroken as error:
            raise BlobDamaged(ref, "is not what was written") from error
        except FrameBroken as error:
            raise BlobDamaged(ref, "does not decompress to its size") from error
        if len(raw) != entries[ref.ordinal].raw_bytes:
            raise BlobDamaged(ref, "has the wrong size")
        return raw

    def _pack(self, ref: BlobRef) -> tuple[Sealer, list[DirectoryEntry]]:
        known = self._packs.get(ref.pack)
        if known is None:
            known = self._load(ref)
            if len(self._packs) >= self._KEPT_DIRECTORIES:
                self._packs.clear()
            self._packs[ref.pack] = known
        return known

    def _load(self, ref: BlobRef) -> tuple[Sealer, list[DirectoryEntry]]:
        key = pack_key(ref.pack)
        try:
            head = tail = self._store.get_range(key, 0, _SMALL_PACK_BYTES)
            size = len(head)
            if size == _SMALL_PACK_BYTES:  # there may be more
                size = self._store.size(key)
                tail = self._store.get_range(key, max(0, size - _LONGEST_TAIL), _LONGEST_TAIL)
        except _UNREADABLE as error:
            raise BlobDamaged(ref, f"cannot be read: {error.message}") from error
        return self._parse(ref, head[: PACK_HEADER.size], tail, size)

    def _parse(
        self, ref: BlobRef, head: bytes, tail: bytes, size: int
    ) -> tuple[Sealer, list[DirectoryEntry]]:
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
            if not _possible(entry, size):
                raise BlobDamaged(ref, "lies in a pack whose directory is impossible")
        return sealer, entries


def _possible(entry: DirectoryEntry, pack_bytes: int) -> bool:
    """Say whether a blob may be like that: within its pack, of whole pages of one size."""
    if entry.raw_bytes > MAX_BLOB_BYTES or entry.offset + entry.stored_bytes > pack_bytes:
        return False
    if entry.kind == BLOB_PAGES:
        return 0 < entry.pages <= entry.raw_bytes and entry.raw_bytes % entry.pages == 0
    return entry.kind == BLOB_MAP and entry.pages == 0
