"""What rotted in a write-ahead log before it was checkpointed, and which commits lie behind it.

SQLite reads a log up to the first frame whose checksum does not continue that of the frame before,
and ends it there, in silence: a single flipped bit hides every commit behind. So the frames behind
the break are looked at as well. They count if they carry the salts of this generation, and each
continues the checksum of the one before it.

Not every break is rot. A process that is killed in the middle of a commit, or a power failure,
leaves a transaction that is not whole; what lies behind it is of an older generation, or is the
rest of that one transaction. So a break is called *proven* where chance cannot explain it:

- one bit, changed, makes the checksum right: two sums of 32 bits, linear in every bit
  (https://sqlite.org/fileformat2.html#checksum_algorithm), so a bit was flipped. Which one is known
  for about four of five: the upper bits of words at certain distances weigh the same;
- a frame with other salts continues the checksum, which an older frame cannot;
- the header alone is wrong, and the salts of the frames are those it had;
- two or more commits lie behind: no interrupted transaction leaves those.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from dbtool.pages.wal import FRAME_HEADER_BYTES, WAL_FORMAT, WAL_HEADER_BYTES, frame_offset
from dbtool.pages.walscan import LITTLE_ENDIAN_MAGIC, PAGE_SIZES, checksum

__all__ = ["BrokenFrame", "LogCheck", "check_log"]

_HEADER: Final = struct.Struct(">4I8sII")
_FRAME: Final = struct.Struct(">II8sII")
_MAGICS: Final = (LITTLE_ENDIAN_MAGIC, LITTLE_ENDIAN_MAGIC + 1)
_CHUNK_BYTES: Final = 1 << 20
_MASK: Final = 0xFFFFFFFF
_MOST_BROKEN: Final = 100
_WORD_BITS: Final = 32
_SUMMED_BYTES: Final = 8
"""Of the header of a frame: page number and database size."""
_SALTS_AT: Final = 8
_SUMS_AT: Final = 16

Sums = tuple[int, int]


@dataclass(frozen=True, slots=True)
class BrokenFrame:
    """One frame that does not continue the checksum of the frame before."""

    frame: int
    """1-based; 0: the header of the log."""
    page: int
    """Which page it holds; 0: unknown."""
    bit: int | None
    """The flipped bit, counted from the first byte of the log; None: more than one, or unknown
    which."""
    rotted: bool
    """Whether chance cannot explain it."""


@dataclass(frozen=True, slots=True)
class LogCheck:
    """What a look at all frames of a log showed."""

    frames: int = 0
    """Frames whose checksums are right, from the first on."""
    committed: int = 0
    """The last of them that ends a transaction: where SQLite ends the log."""
    broken: tuple[BrokenFrame, ...] = ()
    """Ascending; empty: nothing of this generation lies behind the frames that are right."""
    commits_behind: int = 0
    """Transactions that SQLite does not see, because of the first broken frame."""
    last_commit: int = 0
    """The frame that ends the last of them."""
    places_behind: tuple[tuple[int, int], ...] = ()
    """(page, where its newest content begins in the log) of what they wrote, ascending."""

    @property
    def pages_behind(self) -> tuple[int, ...]:
        """Pages that they wrote, ascending."""
        return tuple(page for page, _ in self.places_behind)

    @property
    def proven(self) -> bool:
        """Whether commits were lost, by rot or a failure, rather than never completed."""
        rotted = any(broken.rotted for broken in self.broken)
        return self.commits_behind > 1 or (self.commits_behind > 0 and rotted)


@dataclass(frozen=True, slots=True)
class _Frame:
    number: int
    page: int
    database_pages: int
    salts: bytes
    stored: Sums
    data: bytes
    """Header and page."""

    def at(self, page_size: int) -> int:
        """Return where it begins in the log."""
        return frame_offset(self.number, page_size)

    def sums(self, before: Sums, order: str) -> Sums:
        """Return what its checksum should be after a frame with that of `before`."""
        return checksum(
            self.data[FRAME_HEADER_BYTES:], order, checksum(self.data[:8], order, before)
        )


@dataclass(frozen=True, slots=True)
class _Doubt:
    """A frame of which one bit rotted: in its sums, or in what they are made of."""

    sums: Sums
    """If in its sums: as they were."""
    bit_of_sums: int
    other_bits: tuple[int, ...]


@dataclass(slots=True)
class _Walk:
    """How far a log was walked, and what was found."""

    page_size: int
    salts: bytes
    order: str
    sums: Sums | None
    """Of the last frame; None: unknown, so that the next one is believed."""
    frames: int = 0
    committed: int = 0
    broken: list[BrokenFrame] = field(default_factory=list)
    waiting: dict[int, int] = field(default_factory=dict)
    commits: int = 0
    last_commit: int = 0
    pages: dict[int, int] = field(default_factory=dict)
    doubt: _Doubt | None = None
    """Of the last frame; the next one tells."""

    def take(self, frame: _Frame) -> bool:
        """Go on with a frame; False: what follows belongs to nothing that was found."""
        ours = frame.page and frame.salts == self.salts
        if self.doubt is not None:
            self._settle(frame, self.doubt)
        if self.sums is None:  # the one before was not of this generation
            if ours:
                self._right(frame, frame.database_pages)
            return True
        if ours and frame.sums(self.sums, self.order) == frame.stored:
            self._right(frame, frame.database_pages)
            return True
        return self._break(frame, self.sums)

    def result(self) -> LogCheck:
        """Return what was found; a break that no commit lies behind is none."""
        if not self.commits:
            return LogCheck(self.frames, self.committed)
        broken = tuple(found for found in self.broken if found.frame <= self.last_commit)
        return LogCheck(
            self.frames,
            self.committed,
            broken,
            self.commits,
            self.last_commit,
            tuple(sorted(self.pages.items())),
        )

    def _right(self, frame: _Frame, database_pages: int) -> None:
        self.sums = frame.stored
        if not self.broken:
            self.frames = frame.number
        self.waiting[frame.page] = frame.at(self.page_size) + FRAME_HEADER_BYTES
        if not database_pages:
            return
        if self.broken:
            self.commits += 1
            self.last_commit = frame.number
            self.pages |= self.waiting
        else:
            self.committed = frame.number
        self.waiting.clear()

    def _break(self, frame: _Frame, before: Sums) -> bool:
        """Look at a frame that does not continue the one before."""
        if len(self.broken) >= _MOST_BROKEN:
            return False  # looking for the bit takes time
        bits = list(_flipped_bits(frame, self, before))
        if not bits and (frame.salts != self.salts or not frame.page):
            return self._gap(frame)
        if not bits and self.broken and not self.broken[-1].rotted:
            return False  # the rest of yet another transaction
        if len(bits) == 1:
            frame = _frame(frame.number, _flipped(frame.data, bits[0]))
        places = [frame.at(self.page_size) * 8 + bit for bit in bits]
        bit = places[0] if len(places) == 1 else None
        self.broken.append(BrokenFrame(frame.number, frame.page, bit, rotted=bool(bits)))
        self._right(frame, frame.database_pages)
        if bit is None and bits and _SUMS_AT * 8 <= bits[0] < FRAME_HEADER_BYTES * 8:
            found = frame.sums(before, self.order)
            self.doubt = _Doubt(found, places[0], tuple(places[1:]))
        return True

    def _settle(self, frame: _Frame, doubt: _Doubt) -> None:
        """Let a frame tell by its checksum which of the one before are right."""
        bits: tuple[int, ...] = ()
        if frame.sums(doubt.sums, self.order) == frame.stored:
            self.sums, bits = doubt.sums, (doubt.bit_of_sums,)
        elif self.sums is not None and frame.sums(self.sums, self.order) == frame.stored:
            bits = doubt.other_bits
        if len(bits) == 1:
            self.broken[-1] = replace(self.broken[-1], bit=bits[0])
        self.doubt = None

    def _gap(self, frame: _Frame) -> bool:
        """Go past a frame of an older generation, or one that was never written."""
        if self.broken:
            return False
        self.broken.append(BrokenFrame(frame.number, 0, None, rotted=False))
        self.sums = None
        return True


def check_log(
    read: Callable[[int, int], bytes],
    size_bytes: int,
    on_bytes: Callable[[int], None] = lambda _count: None,
) -> LogCheck | None:
    """Walk all frames of a log; None where it has no header that ever was one.

    Nobody may begin the log anew meanwhile: compare its header before and after.

    Args:
        read: takes offset and length.
        size_bytes: of the log.
        on_bytes: told how many bytes were looked at since the last time.
    """
    raw = read(0, WAL_HEADER_BYTES)
    if len(raw) < WAL_HEADER_BYTES:
        return None
    walk = _begin(raw, read)
    if walk is None:
        return None
    for frame in _frames(read, size_bytes, FRAME_HEADER_BYTES + walk.page_size, on_bytes):
        if not walk.take(frame):
            break
    return walk.result()


def _begin(raw: bytes, read: Callable[[int, int], bytes]) -> _Walk | None:
    """Judge the header by itself, and where it is wrong by the first frame."""
    walk = _walk_from(raw)
    if walk is not None:
        return walk
    likely: list[tuple[int, _Walk]] = []
    for bit in range(WAL_HEADER_BYTES * 8):
        walk = _walk_from(_flipped(raw, bit))
        if walk is not None and walk.sums is not None:
            data = read(WAL_HEADER_BYTES, FRAME_HEADER_BYTES + walk.page_size)
            if len(data) < FRAME_HEADER_BYTES + walk.page_size:
                continue
            first = _frame(1, data)
            if first.salts == walk.salts and first.sums(walk.sums, walk.order) == first.stored:
                likely.append((bit, walk))
    if not likely:
        return None
    bit, walk = likely[0]
    walk.broken.append(BrokenFrame(0, 0, bit if len(likely) == 1 else None, rotted=True))
    return walk


def _walk_from(header: bytes) -> _Walk | None:
    magic, version, page_size, _, salts, one, two = _HEADER.unpack(header)
    order = "<" if magic == LITTLE_ENDIAN_MAGIC else ">"
    if magic not in _MAGICS or version != WAL_FORMAT or page_size not in PAGE_SIZES:
        return None
    if checksum(header[:24], order, (0, 0)) != (one, two):
        return None
    return _Walk(page_size, salts, order, (one, two))


def _frames(
    read: Callable[[int, int], bytes],
    size_bytes: int,
    stride: int,
    on_bytes: Callable[[int], None],
) -> Iterator[_Frame]:
    per_chunk = max(1, _CHUNK_BYTES // stride)
    count = (size_bytes - WAL_HEADER_BYTES) // stride
    for first in range(0, count, per_chunk):
        wanted = min(per_chunk, count - first)
        data = read(WAL_HEADER_BYTES + first * stride, wanted * stride)
        got = len(data) // stride
        for at in range(got):
            yield _frame(first + at + 1, data[at * stride : (at + 1) * stride])
        on_bytes(got * stride)
        if got < wanted:
            return


def _frame(number: int, data: bytes) -> _Frame:
    page, database_pages, salts, first, second = _FRAME.unpack_from(data)
    return _Frame(number, page, database_pages, salts, (first, second), data)


def _flipped_bits(frame: _Frame, walk: _Walk, before: Sums) -> Iterator[int]:
    """Yield the places in a frame of each single bit whose flip explains everything."""
    found = frame.sums(before, walk.order)
    in_salts = _bits_between(frame.salts, walk.salts)
    if in_salts:
        if found == frame.stored:
            yield from (_SALTS_AT * 8 + bit for bit in in_salts)
        return
    in_sums = _bits_between(frame.data[_SUMS_AT:FRAME_HEADER_BYTES], struct.pack(">II", *found))
    if len(in_sums) == 1:
        yield _SUMS_AT * 8 + in_sums[0]
    covered = frame.data[:_SUMMED_BYTES] + frame.data[FRAME_HEADER_BYTES:]
    words = struct.unpack(f"{walk.order}{len(covered) // 4}I", covered)
    wanted = ((frame.stored[0] - found[0]) & _MASK, (frame.stored[1] - found[1]) & _MASK)
    for word, bit in _bits_with_effect(words, wanted):
        byte = word * 4 + (bit // 8 if walk.order == "<" else 3 - bit // 8)
        byte += FRAME_HEADER_BYTES - _SUMMED_BYTES if byte >= _SUMMED_BYTES else 0
        yield byte * 8 + bit % 8


def _bits_with_effect(words: tuple[int, ...], wanted: Sums) -> Iterator[Sums]:
    """Yield (word, bit) of each bit whose flip changes the sums at the end by `wanted`."""
    for word, (one, two) in zip(reversed(range(len(words))), _weights(), strict=False):
        for bit in range(_WORD_BITS):
            change = -(1 << bit) if words[word] >> bit & 1 else 1 << bit
            if (change * one) & _MASK == wanted[0] and (change * two) & _MASK == wanted[1]:
                yield word, bit


def _weights() -> Iterator[Sums]:
    """Yield what 1 more in each word adds to both sums, from the last word to the first."""
    even, odd = (1, 1), (0, 1)
    while True:
        yield odd
        yield even
        even, odd = _later(even), _later(odd)


def _later(sums: Sums) -> Sums:
    """Return what becomes of a difference of both sums by one more pair of words."""
    first = (sums[0] + sums[1]) & _MASK
    return first, (sums[1] + first) & _MASK


def _bits_between(one: bytes, other: bytes) -> list[int]:
    """Return the places of the bits that differ: those of a byte from its lowest on."""
    return [
        at * 8 + bit
        for at, (a, b) in enumerate(zip(one, other, strict=True))
        for bit in range(8)
        if (a ^ b) >> bit & 1
    ]


def _flipped(data: bytes, bit: int) -> bytes:
    at = bit // 8
    return data[:at] + bytes([data[at] ^ 1 << bit % 8]) + data[at + 1 :]
