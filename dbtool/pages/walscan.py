"""The committed frames of a write-ahead log, found by their checksums, without SQLite.

For logs that SQLite cannot be asked about, since it refuses their database. A frame counts if its
salts are those of the header and its checksum continues that of the frame before; the last of them
that ends a transaction is the last committed one.
Source: https://sqlite.org/fileformat2.html#wal_file_format
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from dbtool.pages.wal import FRAME_HEADER_BYTES, WAL_HEADER_BYTES, WalHeader, WalInvalid

__all__ = ["LITTLE_ENDIAN_MAGIC", "PAGE_SIZES", "CommittedFrames", "checksum", "committed_frames"]

_FRAME: Final = struct.Struct(">II8sII")
LITTLE_ENDIAN_MAGIC: Final = 0x377F0682
PAGE_SIZES: Final = frozenset(1 << power for power in range(9, 17))
_MASK: Final = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class CommittedFrames:
    """What a log holds."""

    page_size: int
    page_count: int
    """Pages of the database after the last commit; 0 where nothing was committed."""
    offsets: dict[int, int]
    """Page number -> where its newest committed content begins in the log."""
    frames: int = 0
    """How many frames are committed."""


def committed_frames(read: Callable[[int, int], bytes], size_bytes: int) -> CommittedFrames:
    """Find the committed frames of a log of `size_bytes`; `read` takes offset and length.

    Raises:
        WalInvalid: the header is no header, or its checksum is wrong.
    """
    raw = read(0, WAL_HEADER_BYTES)
    header = WalHeader.parse(raw)
    order = "<" if int.from_bytes(raw[:4], "big") == LITTLE_ENDIAN_MAGIC else ">"
    sums = checksum(raw[:24], order, (0, 0))
    if sums != struct.unpack(">II", raw[24:32]) or header.page_size not in PAGE_SIZES:
        raise WalInvalid("the checksum of its header is wrong")
    stride = FRAME_HEADER_BYTES + header.page_size
    committed: dict[int, int] = {}
    waiting: dict[int, int] = {}
    page_count = frames = 0
    for at in range(WAL_HEADER_BYTES, size_bytes - stride + 1, stride):
        frame = read(at, stride)
        if len(frame) < stride:
            break
        page, after_commit, salts, first, second = _FRAME.unpack_from(frame)
        if salts != header.salts or not page:
            break
        sums = checksum(frame[:8], order, sums)
        sums = checksum(frame[FRAME_HEADER_BYTES:], order, sums)
        if sums != (first, second):
            break
        waiting[page] = at + FRAME_HEADER_BYTES
        if after_commit:
            committed.update(waiting)
            waiting.clear()
            page_count = after_commit
            frames = (at - WAL_HEADER_BYTES) // stride + 1
    offsets = {page: at for page, at in committed.items() if page <= page_count}
    return CommittedFrames(header.page_size, page_count, offsets, frames)


def checksum(data: bytes, order: str, start: tuple[int, int]) -> tuple[int, int]:
    """Return the two sums of a log after `data`, a multiple of 8 bytes, went into those of `start`.

    Args:
        data: the bytes.
        order: of the bytes in a word, "<" or ">", as the magic number of the log says.
        start: the sums before.
    """
    first, second = start
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    for one, two in zip(words[::2], words[1::2], strict=True):
        first = (first + one + second) & _MASK
        second = (second + two + first) & _MASK
    return first, second
