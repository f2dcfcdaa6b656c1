"""The header of a database whose first bytes are damaged: as much as is sound, the rest guessed.

The page size is the one at whose multiples most pages look like pages of a b-tree; the encoding is
told by where zero bytes stand in the text of the rows. Both guesses look at a sample of the file.

A header that parses may be wrong all the same, and then every row would be misread: its encoding is
compared with the words in the schema, its reserved bytes with where the cells of the pages end.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final

from dbtool.pages.btree import (
    LEAF_KINDS,
    TABLE_LEAF,
    BtreePage,
    children,
    parse_page,
    payload_cells,
    table_leaf_cells,
)
from dbtool.pages.header import HEADER_BYTES, MAGIC, DatabaseHeader, HeaderInvalid
from dbtool.pages.records import RecordDecoder
from dbtool.pages.source import PageInvalid

__all__ = ["guess_page_size", "mended_header"]

Read = Callable[[int, int], bytes]

_SIZES: Final = tuple(1 << power for power in range(9, 17))
_FRACTIONS: Final = bytes((64, 32, 32))
_SAMPLED_PAGES: Final = 64
_ENCODINGS: Final = (1, 2, 3)
_SMALLEST_USABLE: Final = 480
_DEFAULT_PAGE_SIZE: Final = 4096
_ENCODING_AT: Final = 56
_RESERVED_AT: Final = 20
_DEEPEST_SCHEMA: Final = 20
_SCHEMA_KINDS: Final = frozenset({"table", "index", "view", "trigger"})


def mended_header(raw: bytes, like: bytes, read: Read, size_bytes: int) -> tuple[bytes, list[str]]:
    """Return 100 bytes that parse as a header, and what had to be mended, for people.

    Args:
        raw: the first bytes of the file, perhaps fewer than 100.
        like: the header of a snapshot of this database; empty: none.
        read: (offset, length) -> bytes of the file.
        size_bytes: of the file.
    """
    raw = raw.ljust(HEADER_BYTES, b"\0")
    with suppress(HeaderInvalid):
        DatabaseHeader.parse(raw)
        return _contradicted(raw, read, size_bytes)
    with suppress(HeaderInvalid):
        DatabaseHeader.parse(like)
        kept = like[:24] + raw[24:40] + like[40:HEADER_BYTES]
        return _without_freelist(kept), ["the header was taken from a snapshot"]
    if raw[21:24] == _FRACTIONS:
        with suppress(HeaderInvalid):
            mended = MAGIC + raw[16:18] + b"\1\1" + raw[20:]
            DatabaseHeader.parse(mended)
            return mended, ["the name of the format or its version was mended"]
    return _guessed(read, size_bytes), ["the header was guessed from the pages"]


def guess_page_size(read: Read, size_bytes: int) -> int:
    """Return the likeliest page size in bytes; 4096 where nothing tells."""
    scores = {size: _score(read, size_bytes, size) for size in _SIZES}
    best = max(_SIZES, key=lambda size: (scores[size], -size))
    return best if scores[best] else _DEFAULT_PAGE_SIZE


def _contradicted(raw: bytes, read: Read, size_bytes: int) -> tuple[bytes, list[str]]:
    """Return a header that parses, without what the pages prove to be wrong."""
    header, mended = bytearray(raw), list[str]()
    parsed = DatabaseHeader.parse(raw)
    reached = _ends(read, size_bytes, parsed.page_size)
    limit = parsed.page_size - parsed.reserved_bytes
    if 2 * sum(end > limit for end in reached) > len(reached):
        header[_RESERVED_AT] = 0
        mended.append(f"the pages have no {parsed.reserved_bytes} reserved bytes")
    told = _encoding_of_schema(read, parsed)
    if told is not None:
        header[_ENCODING_AT : _ENCODING_AT + 4] = told.to_bytes(4, "big")
        encoding = DatabaseHeader.parse(bytes(header)).encoding
        mended.append(f"the text is {encoding}, not {parsed.encoding}")
    return bytes(header), mended


def _ends(read: Read, size_bytes: int, page_size: int) -> list[int]:
    """Return where the last cell of each sampled leaf ends; it is at the end of the usable part."""
    found = []
    for page in _sample(read, size_bytes, page_size):
        if page is None or page.kind not in LEAF_KINDS:
            continue
        parse = table_leaf_cells if page.kind == TABLE_LEAF else payload_cells
        last = max((cell[3] + 4 * bool(cell[4]) for cell in parse(page, lambda _: None)), default=0)
        if last:
            found.append(last)
    return found


def _encoding_of_schema(read: Read, header: DatabaseHeader) -> int | None:
    """Return the number of the encoding that the schema is in where it is not the header's."""
    page = _schema_leaf(read, header.page_size)
    if page is None:
        return None
    rows = table_leaf_cells(page, lambda _: None)
    found = {}
    for number, encoding in zip(_ENCODINGS, ("UTF-8", "UTF-16le", "UTF-16be"), strict=True):
        decoder = RecordDecoder(encoding)
        found[encoding] = (
            number,
            sum(
                _SCHEMA_KINDS.issuperset(decoder.rescue(page.data, start, end)[:1] or [None])
                for _, _, start, end, _ in rows
            ),
        )
    likeliest = max(found, key=lambda encoding: found[encoding][1])
    if found[header.encoding][1] or not found[likeliest][1]:
        return None
    return found[likeliest][0]


def _schema_leaf(read: Read, page_size: int) -> BtreePage | None:
    """Return a leaf of the schema table: page 1, or the first one below it."""
    number = 1
    for _ in range(_DEEPEST_SCHEMA):
        try:
            page = parse_page(read((number - 1) * page_size, page_size), number, usable=page_size)
        except (PageInvalid, IndexError, struct.error):
            return None
        if page.kind == TABLE_LEAF:
            return page
        below = children(page, lambda _: None) if page.kind not in LEAF_KINDS else []
        if not below or below[0] < 1:
            return None
        number = below[0]
    return None


def _guessed(read: Read, size_bytes: int) -> bytes:
    page_size = guess_page_size(read, size_bytes)
    header = bytearray(HEADER_BYTES)
    header[:16] = MAGIC
    struct.pack_into(">H", header, 16, 1 if page_size == _SIZES[-1] else page_size)
    header[18:20] = b"\1\1"
    header[21:24] = _FRACTIONS
    header[44:48] = (4).to_bytes(4, "big")
    header[56:60] = _guess_encoding(read, size_bytes, page_size).to_bytes(4, "big")
    return bytes(header)


def _without_freelist(header: bytes) -> bytes:
    """Leave the freelist of a damaged header out: it may lead anywhere."""
    return header[:32] + bytes(8) + header[40:]


def _score(read: Read, size_bytes: int, page_size: int) -> float:
    """Return which part of the sampled pages look like leaves of exactly this size."""
    sampled = sound = 0
    for page in _sample(read, size_bytes, page_size):
        sampled += 1
        sound += page is not None and _fills(page)
    return sound / sampled if sampled else 0.0


def _fills(page: BtreePage) -> bool:
    """Say whether the cells of a page use its second half and none lies outside.

    A page looks like one of twice its size otherwise: SQLite fills pages from their end.
    """
    return (
        page.kind in LEAF_KINDS
        and len(page.pointers) > 0
        and page.usable // 2 < max(page.pointers) < page.usable
        and min(page.pointers) >= page.cells_from
    )


def _sample(read: Read, size_bytes: int, page_size: int) -> Iterator[BtreePage | None]:
    count = size_bytes // page_size
    step = max(1, count // _SAMPLED_PAGES)
    # An odd step, so that sizes twice too small do not meet the beginnings of pages only.
    for number in range(2, count + 1, step | 1):
        try:
            yield parse_page(read((number - 1) * page_size, page_size), number, usable=page_size)
        except (PageInvalid, IndexError, struct.error):
            yield None


def _guess_encoding(read: Read, size_bytes: int, page_size: int) -> int:
    """Return 1, 2 or 3, as the header says UTF-8, UTF-16le, UTF-16be."""
    zeros = [0, 0]
    total = 0
    decoder = RecordDecoder("UTF-8")
    for page in _sample(read, size_bytes, page_size):
        if page is None or page.kind != TABLE_LEAF:
            continue
        for _, _, start, end, overflow in table_leaf_cells(page, lambda _: None):
            if overflow:
                continue
            for value in decoder.rescue(page.data, start, end):
                if isinstance(value, str):
                    raw = value.encode()
                    zeros[0] += raw[::2].count(0)
                    zeros[1] += raw[1::2].count(0)
                    total += len(raw)
    if sum(zeros) * 4 < total or not total:
        return _ENCODINGS[0]
    return _ENCODINGS[1] if zeros[1] > zeros[0] else _ENCODINGS[2]
