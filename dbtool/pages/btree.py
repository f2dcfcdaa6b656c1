"""One page of a b-tree, parsed and bounded: what it is, and its cells.

    offset  size  field (after the 100 bytes of the database header on page 1)
         0     1  2 index interior, 5 table interior, 10 index leaf, 13 table leaf
         1     2  first freeblock                                     (not needed to read)
         3     2  number of cells
         5     2  start of the cell content                           (not needed to read)
         7     1  fragmented free bytes                               (not needed to read)
         8     4  right-most child, interior pages only
     8/12   2*n  cell pointers, in key order

    table leaf      payload size (varint), rowid (varint), payload, first overflow page (4)
    table interior  left child (4), rowid (varint)
    index leaf      payload size (varint), payload, first overflow page (4)
    index interior  left child (4), payload size (varint), payload, first overflow page (4)

A page may be damaged or hostile. What makes the whole page unreadable raises `PageInvalid`; what
spoils one cell is told to `problems` and the other cells are kept. Every position is checked
against the page before it is used; cells that overlap end the page, so that no page yields more
bytes than twice its size. Table leaves, which hold the rows, have a path of their own for speed.
Source: https://sqlite.org/fileformat2.html#b_tree_pages
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Final, NamedTuple

from dbtool.pages.header import HEADER_BYTES
from dbtool.pages.source import PageInvalid

__all__ = [
    "INDEX_INTERIOR",
    "INDEX_LEAF",
    "INTERIOR_KINDS",
    "KINDS",
    "LEAF_KINDS",
    "TABLE_INTERIOR",
    "TABLE_LEAF",
    "BtreePage",
    "Cell",
    "PageInvalid",
    "Problems",
    "cells",
    "children",
    "parse_page",
    "payload_cells",
    "table_leaf_cells",
    "varint",
]

INDEX_INTERIOR: Final = 2
TABLE_INTERIOR: Final = 5
INDEX_LEAF: Final = 10
TABLE_LEAF: Final = 13
INTERIOR_KINDS: Final = frozenset({INDEX_INTERIOR, TABLE_INTERIOR})
LEAF_KINDS: Final = frozenset({INDEX_LEAF, TABLE_LEAF})
KINDS: Final = INTERIOR_KINDS | LEAF_KINDS

_COUNT: Final = struct.Struct(">H")
_PAGE: Final = struct.Struct(">I")
_MORE: Final = 0x80
"""The bit of a byte of a varint that says that more follow."""
_LARGEST_PAYLOAD: Final = 0x7FFFFFFF
_ROWID_LIMIT: Final = 1 << 63

Problems = Callable[[str], object]
"""Called with what is wrong with a cell, for people; such as `list.append`."""


class BtreePage(NamedTuple):
    """The header of one page, and where its cells begin."""

    number: int
    kind: int
    """One of `KINDS`."""
    data: bytes
    """The whole page."""
    usable: int
    """Bytes of the page that SQLite uses: its size without the reserved ones."""
    cells_from: int
    """First offset behind the cell pointers, below which no cell can begin."""
    pointers: tuple[int, ...]
    """Offset of each cell, not checked yet."""
    right_child: int
    """Page number, not checked yet; 0 on a leaf."""


class Cell(NamedTuple):
    """One cell of any page; a part that its kind of page does not have is 0."""

    left_child: int
    """Page number, not checked yet."""
    rowid: int
    payload_size: int
    """Bytes, those on overflow pages included."""
    start: int
    """Where the payload begins in the page."""
    end: int
    """Where the part of the payload that lies in the page ends, exclusive."""
    overflow: int
    """First overflow page, not checked yet; 0 where the payload lies in the page wholly."""


def parse_page(data: bytes, number: int, *, usable: int) -> BtreePage:
    """Parse the header of page `number`.

    Args:
        data: the whole page.
        number: 1-based; page 1 has the database header in front.
        usable: page size without the reserved bytes, from 480 to the length of `data`.

    Raises:
        PageInvalid: no page of a b-tree, or more cells than fit.
    """
    at = HEADER_BYTES if number == 1 else 0
    kind = data[at]
    if kind not in KINDS:
        message = f"page {number} begins with {kind}, which is no kind of page"
        raise PageInvalid(message)
    count = _COUNT.unpack_from(data, at + 3)[0]
    pointers_at = at + (12 if kind in INTERIOR_KINDS else 8)
    cells_from = pointers_at + 2 * count
    if cells_from > usable:
        message = f"page {number} speaks of {count} cells, more than fit"
        raise PageInvalid(message)
    pointers = _pointers(count).unpack_from(data, pointers_at)
    right_child = _PAGE.unpack_from(data, at + 8)[0] if kind in INTERIOR_KINDS else 0
    return BtreePage(number, kind, data, usable, cells_from, pointers, right_child)


def varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    """Read a variable-length integer of 1 to 9 bytes; return it (unsigned) and the offset behind.

    Raises:
        PageInvalid: it does not end before `end`.
    """
    value = 0
    for offset in range(at, min(at + 8, end)):
        byte = data[offset]
        value = value << 7 | byte & 0x7F
        if byte < _MORE:
            return value, offset + 1
    if at + 8 >= end:
        message = f"a number at {at} runs over the end"
        raise PageInvalid(message)
    return value << 8 | data[at + 8], at + 9


def cells(page: BtreePage, problems: Problems) -> Iterator[Cell]:
    """Yield the good cells of any page in key order."""
    if page.kind == TABLE_LEAF:
        for rowid, size, start, end, overflow in table_leaf_cells(page, problems):
            yield Cell(0, rowid, size, start, end, overflow)
    elif page.kind == TABLE_INTERIOR:
        for left_child, key in _interior_cells(page, problems):
            yield Cell(left_child, key, 0, 0, 0, 0)
    else:
        for left_child, size, start, end, overflow in payload_cells(page, problems):
            yield Cell(left_child, 0, size, start, end, overflow)


def children(page: BtreePage, problems: Problems) -> list[int]:
    """Return the children of an interior page in key order, the right-most last; none of a leaf.

    The numbers are not checked against the database: only its source knows how many pages it has.
    """
    if page.kind not in INTERIOR_KINDS:
        return []
    data, lowest, last = page.data, page.cells_from, page.usable - 4
    found = []
    for at in page.pointers:
        if lowest <= at <= last:
            found.append(_PAGE.unpack_from(data, at)[0])
        else:
            problems(_misplaced(page, at))
    found.append(page.right_child)
    return found


def table_leaf_cells(page: BtreePage, problems: Problems) -> list[tuple[int, int, int, int, int]]:
    """Return the good cells of a table leaf as (rowid, payload size, start, end, overflow).

    The fields are those of `Cell`; plain tuples, since rows come by the million.
    """
    _, _, data, usable, lowest, pointers, _ = page
    largest_local = usable - 35
    room = 2 * usable
    found = []
    for at in pointers:
        if at < lowest:
            problems(_misplaced(page, at))
            continue
        try:
            size = data[at]
            if size < _MORE:
                start = at + 1
            else:
                size, start = varint(data, at, usable)
            rowid = data[start]
            second = data[start + 1] if rowid >= _MORE else 0
            third = data[start + 2] if second >= _MORE else 0
            if rowid < _MORE:
                start += 1
            elif second < _MORE:
                rowid, start = (rowid & 0x7F) << 7 | second, start + 2
            elif third < _MORE:
                rowid = (rowid & 0x7F) << 14 | (second & 0x7F) << 7 | third
                start += 3
            else:
                rowid, start = _rowid(data, start, usable)
            end, overflow = start + size, 0
            if size > largest_local:
                end, overflow = _spilled(data, start, size, usable, largest_local)
        except (PageInvalid, IndexError) as error:
            problems(_bad_cell(page, at, error))
            continue
        room -= end - start
        if end > usable or room < 0:
            problems(_bad_cell(page, at, "it does not fit"))
            continue
        found.append((rowid, size, start, end, overflow))
    return found


def payload_cells(page: BtreePage, problems: Problems) -> list[tuple[int, int, int, int, int]]:
    """Return the good cells of an index page as (left child, payload size, start, end, overflow).

    The pages of WITHOUT ROWID tables are such pages; on a leaf the left child is 0.
    """
    data, usable = page.data, page.usable
    skipped = 4 if page.kind == INDEX_INTERIOR else 0
    largest_local = (usable - 12) * 64 // 255 - 23
    room = 2 * usable
    found = []
    for at in page.pointers:
        if not page.cells_from <= at <= usable - 4:
            problems(_misplaced(page, at))
            continue
        left_child = _PAGE.unpack_from(data, at)[0] if skipped else 0
        try:
            size, start = varint(data, at + skipped, usable)
            end, overflow = start + size, 0
            if size > largest_local:
                end, overflow = _spilled(data, start, size, usable, largest_local)
        except PageInvalid as error:
            problems(_bad_cell(page, at, error))
            continue
        room -= end - start
        if end > usable or room < 0:
            problems(_bad_cell(page, at, "it does not fit"))
            continue
        found.append((left_child, size, start, end, overflow))
    return found


def _interior_cells(page: BtreePage, problems: Problems) -> Iterator[tuple[int, int]]:
    """Yield (left child, key) of the good cells of a table interior page."""
    data, usable = page.data, page.usable
    for at in page.pointers:
        if not page.cells_from <= at <= usable - 5:
            problems(_misplaced(page, at))
            continue
        try:
            key, _ = _rowid(data, at + 4, usable)
        except PageInvalid as error:
            problems(_bad_cell(page, at, error))
            continue
        yield _PAGE.unpack_from(data, at)[0], key


def _rowid(data: bytes, at: int, end: int) -> tuple[int, int]:
    rowid, at = varint(data, at, end)
    return (rowid if rowid < _ROWID_LIMIT else rowid - 2 * _ROWID_LIMIT), at


def _spilled(
    data: bytes, start: int, size: int, usable: int, largest_local: int
) -> tuple[int, int]:
    """Return where the local part of a payload too long for the page ends, and its next page.

    Raises:
        PageInvalid: longer than any payload can be, or not within the page.
    """
    if size > _LARGEST_PAYLOAD:
        message = f"a payload of {size} bytes"
        raise PageInvalid(message)
    smallest_local = (usable - 12) * 32 // 255 - 23
    local = smallest_local + (size - smallest_local) % (usable - 4)
    end = start + (local if local <= largest_local else smallest_local)
    if end + 4 > usable:
        message = "its payload does not fit"
        raise PageInvalid(message)
    return end, _PAGE.unpack_from(data, end)[0]


@lru_cache(maxsize=256)
def _pointers(count: int) -> struct.Struct:
    return struct.Struct(f">{count}H")


def _misplaced(page: BtreePage, at: int) -> str:
    return f"page {page.number} points to a cell at {at}, where none can be"


def _bad_cell(page: BtreePage, at: int, why: object) -> str:
    return f"the cell at {at} of page {page.number} is damaged: {why}"
