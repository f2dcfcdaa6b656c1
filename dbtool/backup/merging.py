"""Writing merged packs: blobs copied as they are sealed, many small packs into few large ones.

A blob keeps the key, nonce and additional data of its birth, so nothing is encrypted again and
nothing that names it changes. Each is proven by its seal on the way: damage is never copied.
"""

from __future__ import annotations

from contextlib import suppress

from dbtool.backup.format import (
    BLOBS_PER_MERGED_PACK,
    DIRECTORY_ORDINAL,
    MERGED_ENTRY,
    MERGED_MAGIC,
    MERGED_PACK_BYTES,
    PACK_END_MAGIC,
    PACK_HEADER,
    PACK_TRAILER,
    BlobRef,
    DirectoryEntry,
    blob_aad,
    blob_nonce,
    new_id,
    pack_key,
)
from dbtool.backup.moves import Moved
from dbtool.crypto.aead import MasterKey
from dbtool.store.base import ObjectWriter, Store

__all__ = ["MergedPacks"]


class MergedPacks:
    """Takes blobs in the order in which they shall lie; a context manager."""

    def __init__(self, store: Store, master: MasterKey, repository: bytes) -> None:
        self._store = store
        self._master = master
        self._repository = repository
        self._writer: ObjectWriter | None = None
        self._id = b""
        self._offset = 0
        self._rows: list[bytes] = []
        self.bytes_written = 0
        self.finished: list[bytes] = []
        """Ids of the packs that are whole."""

    def __enter__(self) -> MergedPacks:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Forget the pack that is open; after an error also those that are whole."""
        if self._writer is not None:
            self._writer.abort()
            self._writer = None
        if kind is not None:
            for home in self.finished:
                with suppress(Exception):  # garbage: the next prune removes it
                    self._store.delete(pack_key(home))

    def add(self, ref: BlobRef, entry: DirectoryEntry, stored: bytes) -> Moved:
        """Append a sealed blob; return where it lies now, once its pack is finished."""
        if self._writer is None:
            self._id = new_id()
            self._writer = self._store.create(pack_key(self._id))
            self._writer.write(PACK_HEADER.pack(MERGED_MAGIC, self._id))
            self._offset, self._rows = PACK_HEADER.size, []
        self._writer.write(stored)
        moved = entry._replace(offset=self._offset)
        self._rows.append(
            MERGED_ENTRY.pack(
                ref.pack,
                ref.ordinal,
                moved.kind,
                moved.pages,
                moved.offset,
                moved.stored_bytes,
                moved.raw_bytes,
            )
        )
        self._offset += len(stored)
        home = self._id
        if self._offset >= MERGED_PACK_BYTES or len(self._rows) == BLOBS_PER_MERGED_PACK:
            self.finish()
        return Moved(home, moved)

    def finish(self) -> None:
        """Close the open pack; its name is durable after the store's `sync`."""
        writer = self._writer
        if writer is None:
            return
        sealed = self._master.sealer("pack", self._id).seal(
            blob_nonce(DIRECTORY_ORDINAL),
            b"".join(self._rows),
            blob_aad(self._repository, self._id, DIRECTORY_ORDINAL),
        )
        tail = sealed + PACK_TRAILER.pack(len(sealed), len(self._rows), PACK_END_MAGIC)
        writer.write(tail)
        self._writer = None
        writer.commit()
        self.finished.append(self._id)
        self.bytes_written += self._offset + len(tail)
