"""Writing packs: groups of pages and map pieces, compressed, sealed, put into write-once objects.

The layout is in `format`, the way back in `pack`.

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
from concurrent.futures import Future, ThreadPoolExecutor
from threading import local

import zstandard

from dbtool.backup.format import (
    BLOBS_PER_PACK,
    DIRECTORY_ENTRY,
    DIRECTORY_ORDINAL,
    PACK_END_MAGIC,
    PACK_HEADER,
    PACK_MAGIC,
    PACK_TRAILER,
    BlobRef,
    DirectoryEntry,
    blob_aad,
    blob_nonce,
    new_id,
    pack_key,
)
from dbtool.core.allocator import keep_freed_blocks
from dbtool.crypto.aead import MasterKey, Sealer
from dbtool.store.base import ObjectWriter, Store

__all__ = ["PackSession"]

_WORKERS = 2
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
_WRITE_BYTES = 1024 * 1024
_UNSENT_PACKS = 2


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
        keep_freed_blocks()
        self.store = store
        self.master = master
        self.repository = repository
        self.dry_run = dry_run
        self.bytes_written = 0
        self._compression = compression
        # Three packs may be in memory where objects are: one being filled, two on their way.
        self._blobs_per_pack = BLOBS_PER_PACK // 2 if store.is_remote else BLOBS_PER_PACK
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
        ordinal = self._reserved % self._blobs_per_pack
        if ordinal == 0:
            self._pack_id = new_id()
        self._reserved += 1
        return BlobRef(self._pack_id, ordinal)

    def submit(self, ref: BlobRef, kind: int, data: bytes, *, pages: int = 0) -> None:
        """Compress, seal and append `data`; blobs are submitted in the order of reservation."""
        if self._workers is None:
            self._workers = ThreadPoolExecutor(_WORKERS, "dbtool-compress")
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
