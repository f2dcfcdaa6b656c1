"""The index of a write-ahead log (the -shm file), read from outside.

    native byte order; the first 48 bytes stand there twice, and a reader that finds both alike has
    not met a writer in the middle
     0  4  version 3007000                 24  8  checksum of the last frame
     8  4  iChange: one more each commit   32  8  salts of the log (as they lie in the log)
    12  1  1: initialised                  40  8  checksum of this
    14  2  page size (1: 65536)            96  4  nBackfill: frames that were checkpointed
    16  4  mxFrame: last committed frame  100 20  read marks of the 5 reader locks
    20  4  pages of the database          120  8  where locks are taken, nothing is stored

iChange begins at 0 where the file is made anew, and where a crashed log is recovered. For processes
that never open SQLite, see `dbtool.monitor.helper`.
Source: https://sqlite.org/walformat.html#the_wal_index_file_format, and measurement.
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

__all__ = ["INDEX_BYTES", "NO_MARK", "WalIndex", "parse_index"]

INDEX_BYTES: Final = 120
NO_MARK: Final = 0xFFFFFFFF
"""A read mark that nobody uses."""

_HEADER: Final = struct.Struct("=I4xIBxHII8x8s8x")
_CHECKPOINT: Final = struct.Struct("=I5I")
_VERSION: Final = 3007000


class WalIndex(NamedTuple):
    """What the index says."""

    commits: int
    """Since the index was made; 32 bits, then from 0 again."""
    frames: int
    """Committed frames in the log."""
    checkpointed: int
    """How many of them are in the database."""
    page_size: int
    page_count: int
    salts: bytes
    read_marks: tuple[int, ...]
    """Up to which frame each of the 5 reader locks reads; `NO_MARK`: unused."""


def parse_index(data: bytes) -> WalIndex | None:
    """Return what the first `INDEX_BYTES` say; None: none, or a writer was in the middle of it."""
    if len(data) < INDEX_BYTES or data[:48] != data[48:96]:
        return None
    version, commits, ready, raw_size, frames, pages, salts = _HEADER.unpack_from(data)
    if version != _VERSION or not ready:
        return None
    checkpointed, *marks = _CHECKPOINT.unpack_from(data, 96)
    size = 65536 if raw_size == 1 else raw_size
    return WalIndex(commits, frames, checkpointed, size, pages, salts, tuple(marks))
