"""Where blobs are that prune has moved into merged packs; the layout is in `format`.

A map names a blob by the pack and ordinal that it was born with, for ever. As long as its pack is
there, it lies there. The moves say where it lies after prune has copied it: nothing that names it
has to change. The object with the highest number counts, and it is complete, so reading takes one
list and one request. It can be lost: the merged packs say the same, and are asked then.
"""

from __future__ import annotations

import logging
from array import array
from collections.abc import Iterator, Mapping
from itertools import accumulate, pairwise
from typing import NamedTuple

from dbtool.backup.format import (
    BLOBS_PER_MERGED_PACK,
    DIRECTORY_ORDINAL,
    ID_BYTES,
    MERGED_ENTRY,
    MERGED_MAGIC,
    MOVES_HEADER,
    MOVES_PACK,
    MOVES_ROW,
    PACK_END_MAGIC,
    PACK_TRAILER,
    TAG_BYTES,
    BlobRef,
    DirectoryEntry,
    blob_aad,
    blob_nonce,
    moves_key,
    pack_id,
    pack_key,
)
from dbtool.backup.record import RecordBox
from dbtool.crypto.aead import MasterKey, SealBroken
from dbtool.errors import Damaged, NotFound
from dbtool.store.counted import Readable

__all__ = ["MoveTable", "Moved", "Moves", "NewMoves"]

logger = logging.getLogger(__name__)

_MOST_BYTES = 256 * 1024 * 1024
"""Of one moves object: ten million moved blobs, about 2.5 TB of pages."""
_ATTEMPTS = 5


class Moved(NamedTuple):
    """Where one blob lies now."""

    home: bytes
    """Id of the merged pack."""
    entry: DirectoryEntry


class MoveTable:
    """All moves of one moment; never changed."""

    def __init__(self, data: bytes = bytes(MOVES_HEADER.size), *, sequence: int = 0) -> None:
        """Parse the content of a moves object; ValueError where it cannot be one."""
        self.sequence = sequence
        """Its number; 0: there is none yet."""
        if len(data) < MOVES_HEADER.size:
            raise ValueError(f"{len(data)} bytes")
        homes, births = MOVES_HEADER.unpack_from(data)
        births_at = MOVES_HEADER.size + homes * ID_BYTES
        rows_at = births_at + births * MOVES_PACK.size
        if len(data) < rows_at or (len(data) - rows_at) % MOVES_ROW.size:
            raise ValueError(f"{len(data)} bytes")
        self.homes = [
            data[at : at + ID_BYTES] for at in range(MOVES_HEADER.size, births_at, ID_BYTES)
        ]
        named = list(MOVES_PACK.iter_unpack(data[births_at:rows_at]))
        self._births = b"".join(pack for pack, _count in named)
        self._ends = array("Q", accumulate((count for _pack, count in named), initial=0))
        self._rows = memoryview(data)[rows_at:]
        ascending = all(before < after for (before, _), (after, _) in pairwise(named))
        if not ascending or self._ends[-1] * MOVES_ROW.size != len(self._rows):
            raise ValueError("its packs are not in order, or rows are missing")

    def births(self) -> Iterator[bytes]:
        """Yield the packs of which blobs were moved."""
        for at in range(0, len(self._births), ID_BYTES):
            yield self._births[at : at + ID_BYTES]

    def rows(self, pack: bytes) -> dict[int, Moved]:
        """Return where the moved blobs of a pack lie, by ordinal; ValueError for nonsense."""
        found = {}
        for kind, pages, ordinal, home, offset, stored, raw in MOVES_ROW.iter_unpack(
            self._packed_rows(pack)
        ):
            if home >= len(self.homes):
                raise ValueError(f"home {home} of {len(self.homes)}")
            entry = DirectoryEntry(kind, pages, offset, stored, raw)
            found[ordinal] = Moved(self.homes[home], entry)
        return found

    def _packed_rows(self, pack: bytes) -> memoryview:
        low, high = 0, len(self._births) // ID_BYTES
        while low < high:
            middle = (low + high) // 2
            if self._births[middle * ID_BYTES : (middle + 1) * ID_BYTES] < pack:
                low = middle + 1
            else:
                high = middle
        if self._births[low * ID_BYTES : (low + 1) * ID_BYTES] != pack:
            return self._rows[:0]
        return self._rows[self._ends[low] * MOVES_ROW.size : self._ends[low + 1] * MOVES_ROW.size]


class NewMoves:
    """Moves being put together; 24 bytes for each blob."""

    def __init__(self) -> None:
        self._homes: dict[bytes, int] = {}
        self._rows: dict[bytes, bytearray] = {}
        self._moved: dict[bytes, int] = {}

    def leads_to(self, home: bytes) -> bool:
        """Say whether any blob lies in this merged pack."""
        return home in self._homes

    def moved(self, birth: bytes) -> int:
        """Return which blobs of a pack were moved: bit n for ordinal n."""
        return self._moved.get(birth, 0)

    def add(self, ref: BlobRef, moved: Moved) -> None:
        """Say where a blob lies."""
        home = self._homes.setdefault(moved.home, len(self._homes))
        entry = moved.entry
        self._moved[ref.pack] = self._moved.get(ref.pack, 0) | 1 << ref.ordinal
        self._rows.setdefault(ref.pack, bytearray()).extend(
            MOVES_ROW.pack(
                entry.kind,
                entry.pages,
                ref.ordinal,
                home,
                entry.offset,
                entry.stored_bytes,
                entry.raw_bytes,
            )
        )

    def encode(self) -> bytes:
        """Return the content of a moves object."""
        births = sorted(self._rows)
        return b"".join(
            [
                MOVES_HEADER.pack(len(self._homes), len(births)),
                *self._homes,
                *(
                    MOVES_PACK.pack(pack, len(self._rows[pack]) // MOVES_ROW.size)
                    for pack in births
                ),
                *(self._rows[birth] for birth in births),
            ]
        )

    def _count(self, birth: bytes) -> int:
        return len(self._rows[birth]) // MOVES_ROW.size


class Moves:
    """The moves of a repository, fetched when they are first asked for."""

    def __init__(self, store: Readable, master: MasterKey, repository: bytes) -> None:
        self._store = store
        self._master = master
        self._repository = repository
        self._box = RecordBox(master.sealer("records"), repository)
        self._table: MoveTable | None = None
        self.scanned = False
        """True: the merged packs were asked, because the moves were lost."""
        self.unreadable: set[bytes] = set()
        """Merged packs that then did not say what they hold."""

    @property
    def table(self) -> MoveTable:
        """The moves as they were when they were fetched."""
        if self._table is None:
            self._table = self._load()
        return self._table

    def rows(self, pack: bytes) -> Mapping[int, Moved]:
        """Return where the moved blobs of a pack lie now, by ordinal."""
        try:
            return self.table.rows(pack)
        except ValueError:
            self.scan()
            return self.table.rows(pack)

    def renew(self) -> bool:
        """Fetch them anew, because a pack is gone; say whether it is worth to look again."""
        before = self.table
        if self.scanned:
            return False
        after = self._load()
        self._table = after
        if after.sequence == before.sequence:
            self.scan()
        return True

    def scan(self) -> None:
        """Put the moves together from the merged packs: slow, and only after damage."""
        self._table = self._scan(self.table.sequence)

    def sequences(self) -> list[int]:
        """Return the numbers of the moves objects that are there, ascending."""
        names = (key.rpartition("/")[2] for key, _size in self._store.list("moves/"))
        return sorted(int(name, 16) for name in names if _is_sequence(name))

    def damaged(self) -> Iterator[tuple[str, str]]:
        """Yield (key, problem) where the moves that count cannot be read."""
        table = self._load()
        if self.scanned:
            key = moves_key(table.sequence)
            yield key, "does not open; the merged packs say the same, the next prune writes it anew"

    def encoded(self, moves: NewMoves, sequence: int) -> bytes:
        """Return the object that holds `moves`."""
        return self._box.seal_bytes(moves_key(sequence), moves.encode(), most_bytes=_MOST_BYTES)

    def _load(self) -> MoveTable:
        for _ in range(_ATTEMPTS):
            sequence = max(self.sequences(), default=0)
            if not sequence:
                return MoveTable()
            key = moves_key(sequence)
            try:
                data = self._store.get_range(key, 0, _MOST_BYTES)
                return MoveTable(
                    self._box.open_bytes(key, data, most_bytes=_MOST_BYTES), sequence=sequence
                )
            except NotFound:
                continue  # prune has just replaced it
            except (Damaged, ValueError) as error:
                logger.warning("%s is damaged, the merged packs are asked instead: %s", key, error)
                return self._scan(sequence)
        return self._scan()

    def _scan(self, sequence: int = 0) -> MoveTable:
        found = NewMoves()
        known: set[BlobRef] = set()
        for key, size in self._store.list("packs/"):
            home = pack_id(key)
            if home is None or self._store.get_range(key, 0, len(MERGED_MAGIC)) != MERGED_MAGIC:
                continue
            rows = self.directory(home, size)
            if rows is None:
                self.unreadable.add(home)
            for ref, entry in rows or ():
                if ref not in known:
                    known.add(ref)
                    found.add(ref, Moved(home, entry))
        self.scanned = True
        return MoveTable(found.encode(), sequence=sequence)

    def directory(
        self, home: bytes, size_bytes: int
    ) -> list[tuple[BlobRef, DirectoryEntry]] | None:
        """Return what a merged pack says of itself; None where it is damaged."""
        longest = PACK_TRAILER.size + TAG_BYTES + BLOBS_PER_MERGED_PACK * MERGED_ENTRY.size
        key = pack_key(home)
        tail = self._store.get_range(key, max(0, size_bytes - longest), longest)
        if len(tail) < PACK_TRAILER.size:
            return None
        sealed_size, count, magic = PACK_TRAILER.unpack(tail[-PACK_TRAILER.size :])
        sealed = tail[-PACK_TRAILER.size - sealed_size : -PACK_TRAILER.size]
        if magic != PACK_END_MAGIC or sealed_size != TAG_BYTES + count * MERGED_ENTRY.size:
            return None
        aad = blob_aad(self._repository, home, DIRECTORY_ORDINAL)
        try:
            rows = self._master.sealer("pack", home).open(
                blob_nonce(DIRECTORY_ORDINAL), sealed, aad
            )
        except SealBroken:
            return None
        return [
            (BlobRef(pack, ordinal), DirectoryEntry(*entry))
            for pack, ordinal, *entry in MERGED_ENTRY.iter_unpack(rows)
        ]


def _is_sequence(name: str) -> bool:
    return len(name) == len(moves_key(0)) - len("moves/") and set(name) <= set("0123456789abcdef")
