"""A genuine SQLite rollback journal: whoever opens the database after a crash undoes the work.

    header, padded to a sector of 512 bytes    then one record per page
     0  8  d9 d5 05 f9 20 a1 63 d7              4          page number
     8  4  number of records that follow        page size  the page as it was
    12  4  nonce of the checksums               4          checksum: the nonce plus every 200th
    16  4  pages of the database before                    byte, counted back from the end
    20  4  sector size
    24  4  page size

Invariant: the header says "no records" until all records are durable. So a journal cut off by a
crash is rolled back to nothing, which is right, since the database is written only afterwards.
Source: https://sqlite.org/fileformat2.html#the_rollback_journal
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from dbtool.core.rawfile import Kind, RawFile

__all__ = ["OpenRaw", "journal_path", "write_journal"]

MAGIC: Final = bytes.fromhex("d9d505f920a163d7")
SECTOR_BYTES: Final = 512

_HEADER: Final = struct.Struct(">8s5I")
_NUMBER: Final = struct.Struct(">I")
_CHECKSUM_STEP: Final = 200
_BUFFER_BYTES: Final = 1 << 20

OpenRaw = Callable[..., RawFile]
"""`RawFile` or what stands for it in a test: (path, kind, *, writable, create)."""


def journal_path(real: Path) -> Path:
    """Return where SQLite looks for the rollback journal of `real`."""
    return real.with_name(real.name + "-journal")


def write_journal(
    real: Path,
    pages: Iterable[tuple[int, bytes]],
    *,
    page_size: int,
    page_count: int,
    nonce: int,
    open_raw: OpenRaw = RawFile,
) -> None:
    """Write a journal beside `real` that restores `pages` and `page_count`; durable on return.

    The caller holds SQLite's EXCLUSIVE lock, syncs the folder afterwards, and only then writes into
    the database.

    Args:
        real: the database, which is only named here.
        pages: (page number, present content), each page once, never the page of the lock bytes.
        page_size: of the database.
        page_count: of the database now.
        nonce: random, so that records of an older journal do not pass for ours.
        open_raw: opens the journal.

    Raises:
        apsw.Error: the journal exists, or cannot be written.
    """
    kind: Kind = "journal"
    with open_raw(journal_path(real), kind, writable=True, create=True) as file:
        file.write(0, _header(0, nonce, page_count, page_size))
        count, offset = 0, SECTOR_BYTES
        buffer = bytearray()
        for number, content in pages:
            buffer += _NUMBER.pack(number)
            buffer += content
            buffer += _NUMBER.pack(_checksum(nonce, content))
            count += 1
            if len(buffer) >= _BUFFER_BYTES:
                file.write(offset, bytes(buffer))
                offset += len(buffer)
                buffer.clear()
        file.write(offset, bytes(buffer))
        file.sync()
        file.write(0, _header(count, nonce, page_count, page_size))
        file.sync()


def _header(records: int, nonce: int, page_count: int, page_size: int) -> bytes:
    header = _HEADER.pack(MAGIC, records, nonce, page_count, SECTOR_BYTES, page_size)
    return header.ljust(SECTOR_BYTES, b"\0")


def _checksum(nonce: int, content: bytes) -> int:
    # From the first multiple of the step below the end, down to but without byte 0.
    return (nonce + sum(content[len(content) - _CHECKSUM_STEP : 0 : -_CHECKSUM_STEP])) & 0xFFFFFFFF
