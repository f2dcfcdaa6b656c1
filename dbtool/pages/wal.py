"""The write-ahead log: its header, and which of its frames holds the newest content of each page.

    header, 32 bytes                              frame header, 24 bytes, then one page
     0  4  magic 0x377f0682 or 0x377f0683          0  4  page number
     4  4  format 3007000                          4  4  database size in pages if a commit, else 0
     8  4  page size                               8  8  salts, those of the header
    12  4  checkpoint sequence                    16  8  checksum
    16  8  salts, new at each reset
    24  8  checksum of the first 24 bytes

Whoever reads frames knows from SQLite how many are valid (mxFrame), so checksums are not computed
again; salts are compared, since a frame of an older generation would mean that the log was reset
while it was read.
Source: https://sqlite.org/fileformat2.html#the_write_ahead_log
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

__all__ = [
    "FRAME_HEADER_BYTES",
    "WAL_FORMAT",
    "WAL_HEADER_BYTES",
    "WalHeader",
    "WalInvalid",
    "commit_size",
    "frame_checksum",
    "frame_index",
    "frame_offset",
    "pages_of_frames",
]

WAL_HEADER_BYTES: Final = 32
FRAME_HEADER_BYTES: Final = 24

_HEADER: Final = struct.Struct(">4I8s8x")
_MAGICS: Final = frozenset({0x377F0682, 0x377F0683})
WAL_FORMAT: Final = 3007000
_FRAME_START: Final = struct.Struct(">II8s")
_CHUNK_BYTES: Final = 1 << 20

Read = Callable[[int, int], bytes]
"""(offset, length) -> bytes of the WAL file."""


class WalInvalid(ValueError):  # noqa: N818 - reads as a finding where it is caught
    """The bytes are not the write-ahead log that SQLite says is there."""


@dataclass(frozen=True, slots=True)
class WalHeader:
    """The fields of the first 32 bytes that dbtool needs."""

    page_size: int
    checkpoint_sequence: int
    salts: bytes
    """8 bytes that every frame of this generation repeats."""

    @classmethod
    def parse(cls, data: bytes) -> WalHeader:
        """Parse the first 32 bytes.

        Raises:
            WalInvalid: too short, another magic or another format.
        """
        if len(data) < WAL_HEADER_BYTES:
            message = f"the header of the WAL has {len(data)} bytes instead of {WAL_HEADER_BYTES}"
            raise WalInvalid(message)
        magic, version, page_size, sequence, salts = _HEADER.unpack(data[:WAL_HEADER_BYTES])
        if magic not in _MAGICS or version != WAL_FORMAT:
            message = f"the WAL begins with {magic:#x}, format {version}"
            raise WalInvalid(message)
        return cls(page_size=page_size, checkpoint_sequence=sequence, salts=salts)


def frame_offset(frame: int, page_size: int) -> int:
    """Return where the header of `frame` (1-based) begins in the file."""
    return WAL_HEADER_BYTES + (frame - 1) * (FRAME_HEADER_BYTES + page_size)


def frame_index(read: Read, mx_frame: int, page_size: int) -> dict[int, int]:
    """Map each page of frames 1 to `mx_frame` to the file offset of its newest content.

    Pages beyond the last commit's database size are included: the caller knows how many pages there
    are.

    Raises:
        WalInvalid: a frame is not of the generation that the header names.
    """
    salts = WalHeader.parse(read(0, WAL_HEADER_BYTES)).salts
    stride = FRAME_HEADER_BYTES + page_size
    frames = struct.Struct(f">II8s{stride - _FRAME_START.size}x")
    per_chunk = max(1, _CHUNK_BYTES // stride)
    index: dict[int, int] = {}
    for first in range(1, mx_frame + 1, per_chunk):
        count = min(per_chunk, mx_frame + 1 - first)
        offset = frame_offset(first, page_size)
        content = offset + FRAME_HEADER_BYTES
        for page, _, frame_salts in frames.iter_unpack(read(offset, count * stride)):
            if frame_salts != salts or not page:
                at = content - FRAME_HEADER_BYTES
                message = f"the frame at {at} of the WAL is not of its generation"
                raise WalInvalid(message)
            index[page] = content
            content += stride
    return index


def pages_of_frames(read: Read, salts: bytes, frames: range, page_size: int) -> set[int]:
    """Return the numbers of the pages that `frames` (1-based) of one generation hold.

    Raises:
        WalInvalid: a frame is not of the generation with these salts.
    """
    pages: set[int] = set()
    for frame in frames:
        start = read(frame_offset(frame, page_size), _FRAME_START.size)
        page, _, frame_salts = _FRAME_START.unpack(start)
        if frame_salts != salts or not page:
            message = f"frame {frame} of the WAL is not of its generation"
            raise WalInvalid(message)
        pages.add(page)
    return pages


def commit_size(read: Read, mx_frame: int, page_size: int) -> int:
    """Return the database size in pages after `mx_frame`, the last frame of a commit."""
    return int(_FRAME_START.unpack(read(frame_offset(mx_frame, page_size), _FRAME_START.size))[1])


def frame_checksum(read: Read, frame: int, salts: bytes, page_size: int) -> bytes | None:
    """Return the 8 bytes checksum of `frame` (1-based), which covers all frames before it too.

    None where the frame is not of the generation with these salts, as after a reset.
    """
    start = read(frame_offset(frame, page_size), FRAME_HEADER_BYTES)
    if len(start) < FRAME_HEADER_BYTES or start[8:16] != salts:
        return None
    return start[16:24]
