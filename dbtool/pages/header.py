"""The first 100 bytes of a database file, parsed and bounded.

    offset  size  field                                  (all integers big-endian)
         0    16  "SQLite format 3" and a zero byte
        16     2  page size, a power of two 512-32768; 1 means 65536
        18     2  write and read version: 1 rollback journal, 2 WAL
        20     1  bytes reserved at the end of each page
        24     4  file change counter (does not move in WAL mode)
        28     4  database size in pages, valid only if the next-to-last field says so
        32     8  first freelist trunk page, number of freelist pages
        40     4  schema cookie
        52     4  largest root page: not 0 means auto_vacuum
        56     4  text encoding: 1 UTF-8, 2 UTF-16le, 3 UTF-16be; 0 before the first table
        64     4  not 0 means incremental vacuum
        92     4  change counter for which the size in the header is valid
        96     4  SQLite version that wrote it

Source: https://sqlite.org/fileformat2.html#the_database_header
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

__all__ = [
    "HEADER_BYTES",
    "LOCK_BYTE_OFFSET",
    "MAGIC",
    "DatabaseHeader",
    "HeaderInvalid",
    "lock_page",
]

HEADER_BYTES: Final = 100
MAGIC: Final = b"SQLite format 3\0"
LOCK_BYTE_OFFSET: Final = 1 << 30
"""Where SQLite's lock bytes lie; the page that holds them is never written."""

_LAYOUT: Final = struct.Struct(">16sH6B12I20x2I")
_LARGEST_PAGE: Final = 65536
_SMALLEST_PAGE: Final = 512
_SMALLEST_USABLE: Final = 480
_NEWEST_VERSION: Final = 2
_ENCODINGS: Final = {0: "UTF-8", 1: "UTF-8", 2: "UTF-16le", 3: "UTF-16be"}


class HeaderInvalid(ValueError):  # noqa: N818 - reads as a finding where it is caught
    """The bytes are not the header of a database that can be read."""


@dataclass(frozen=True, slots=True)
class DatabaseHeader:
    """The fields that dbtool needs, each within its bounds."""

    page_size: int
    write_version: int
    """1 rollback journal, 2 WAL."""
    read_version: int
    reserved_bytes: int
    """At the end of each page, for extensions."""
    change_counter: int
    page_count: int
    """As written; trust it only if `page_count_valid`."""
    freelist_head: int
    freelist_count: int
    schema_cookie: int
    encoding: str
    auto_vacuum: str
    """none, full or incremental."""
    version_valid_for: int
    sqlite_version: int

    @classmethod
    def parse(cls, data: bytes | memoryview) -> DatabaseHeader:
        """Parse the first 100 bytes of a file.

        Raises:
            HeaderInvalid: saying which field is out of its bounds.
        """
        if len(data) < HEADER_BYTES:
            message = f"the header has {len(data)} bytes instead of {HEADER_BYTES}"
            raise HeaderInvalid(message)
        magic, raw_size, *rest = _LAYOUT.unpack(data[:HEADER_BYTES])
        write_version, read_version, reserved, *fields = rest
        page_size = _LARGEST_PAGE if raw_size == 1 else raw_size
        # fields: payload fractions (3), then the twelve integers from offset 24, then 92 and 96.
        integers = fields[3:]
        _require(magic == MAGIC, "it does not begin with the name of the format")
        _require(
            _is_page_size(page_size),
            f"the page size {raw_size} is no power of two from 512 to 65536",
        )
        _require(
            1 <= read_version <= _NEWEST_VERSION, f"the read version {read_version} is not 1 or 2"
        )
        _require(
            page_size - reserved >= _SMALLEST_USABLE,
            f"{reserved} bytes reserved in each page are too many",
        )
        _require(integers[8] in _ENCODINGS, f"the text encoding {integers[8]} is unknown")
        return cls(
            page_size=page_size,
            write_version=write_version,
            read_version=read_version,
            reserved_bytes=reserved,
            change_counter=integers[0],
            page_count=integers[1],
            freelist_head=integers[2],
            freelist_count=integers[3],
            schema_cookie=integers[4],
            encoding=_ENCODINGS[integers[8]],
            auto_vacuum=_auto_vacuum(integers[7], integers[10]),
            version_valid_for=integers[12],
            sqlite_version=integers[13],
        )

    @property
    def page_count_valid(self) -> bool:
        """Whether the writer kept `page_count`; SQLite before 3.7.0 did not."""
        return self.page_count > 0 and self.change_counter == self.version_valid_for

    @property
    def uses_wal(self) -> bool:
        """Whether the header asks for a write-ahead log."""
        return self.read_version == _NEWEST_VERSION


def lock_page(page_size: int) -> int:
    """Return the number of the page that holds the lock bytes, be the file that long or not."""
    return LOCK_BYTE_OFFSET // page_size + 1


def _is_page_size(size: int) -> bool:
    return _SMALLEST_PAGE <= size <= _LARGEST_PAGE and size & (size - 1) == 0


def _auto_vacuum(largest_root: int, incremental: int) -> str:
    if not largest_root:
        return "none"
    return "incremental" if incremental else "full"


def _require(condition: bool, message: str) -> None:  # noqa: FBT001 - the condition is the point
    if not condition:
        raise HeaderInvalid(message)
