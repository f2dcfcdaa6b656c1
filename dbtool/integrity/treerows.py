"""The leaves of a damaged tree with the keys they may hold, and the gaps where branches are lost.

The keys of interior pages bound the rowids of every leaf below. So a leaf that a flipped bit hung
into the wrong tree is noticed, and a branch that cannot be read leaves a range of rowids in which
orphaned leaves of this table must lie.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from dbtool.pages.btree import (
    INDEX_INTERIOR,
    INTERIOR_KINDS,
    KINDS,
    TABLE_INTERIOR,
    TABLE_LEAF,
    BtreePage,
    cells,
    parse_page,
)
from dbtool.pages.source import PageInvalid, PageSource
from dbtool.pages.walk import MOST_LEVELS

__all__ = ["EVERYTHING", "Bitmap", "Gap", "Leaf", "tree_pages"]

_TABLE_KINDS: Final = frozenset({TABLE_INTERIOR, TABLE_LEAF})
LOWEST: Final = -(1 << 63)
HIGHEST: Final = (1 << 63) - 1


class Gap(NamedTuple):
    """Rowids that a lost branch may have held: above `low`, up to `high`."""

    low: int
    high: int


EVERYTHING: Final = Gap(LOWEST - 1, HIGHEST)
"""All rowids; also what stands for an unknown range of a tree without rowids."""


class Leaf(NamedTuple):
    """A page of a tree that holds rows, and the range in which its rowids lie."""

    page: BtreePage
    low: int
    high: int


class Bitmap:
    """One bit for each page of a database."""

    def __init__(self, page_count: int) -> None:
        self._bits = bytearray(page_count // 8 + 1)

    def __contains__(self, number: int) -> bool:
        return bool(self._bits[number >> 3] & 1 << (number & 7))

    def add(self, number: int) -> bool:
        """Set the bit of a page; return whether it was not set before."""
        byte, bit = number >> 3, 1 << (number & 7)
        if self._bits[byte] & bit:
            return False
        self._bits[byte] |= bit
        return True

    def update(self, other: Bitmap) -> None:
        """Set every bit that `other`, of the same database, has."""
        ours, theirs = (int.from_bytes(bits, "little") for bits in (self._bits, other._bits))
        self._bits[:] = (ours | theirs).to_bytes(len(self._bits), "little")

    def discard(self, number: int) -> None:
        """Clear the bit of a page."""
        self._bits[number >> 3] &= ~(1 << (number & 7))


@dataclass(frozen=True, slots=True)
class _Branch:
    number: int
    depth: int
    low: int
    high: int


def tree_pages(
    source: PageSource,
    root: int,
    *,
    usable: int,
    taken: Bitmap,
    gap: Callable[[Gap, str], object],
) -> Iterator[Leaf]:
    """Yield the pages of the tree at `root` that hold rows, in key order, and mark what it enters.

    Of a table these are its leaves. Of an index, and so of a WITHOUT ROWID table, the interior
    pages hold rows too.

    Args:
        source: the database.
        root: page number; anything, it is checked.
        usable: bytes of a page that SQLite uses.
        taken: pages that no tree may enter; those entered are added.
        gap: told of each branch that cannot be entered: its range and why.
    """
    waiting = [_Branch(root, 0, *EVERYTHING)]
    kinds = KINDS
    while waiting:
        branch = waiting.pop()
        try:
            page = _enter(source, branch, usable, taken, kinds)
        except PageInvalid as error:
            gap(Gap(branch.low, branch.high), str(error))
            continue
        kinds = _TABLE_KINDS if page.kind in _TABLE_KINDS else KINDS - _TABLE_KINDS
        if page.kind != TABLE_INTERIOR:
            yield Leaf(page, branch.low, branch.high)
        if page.kind in INTERIOR_KINDS:
            waiting.extend(reversed(_below(page, branch, gap)))


def _enter(
    source: PageSource, branch: _Branch, usable: int, taken: Bitmap, kinds: frozenset[int]
) -> BtreePage:
    number = branch.number
    if not 1 <= number <= source.page_count:
        message = f"page {number} of {source.page_count}"
        raise PageInvalid(message)
    if branch.depth >= MOST_LEVELS:
        message = f"page {number} lies deeper in a tree than SQLite allows"
        raise PageInvalid(message)
    if number in taken:
        message = f"page {number} belongs to something else"
        raise PageInvalid(message)
    page = parse_page(source.page(number), number, usable=usable)
    if page.kind not in kinds:
        message = f"page {number} is of another kind of tree"
        raise PageInvalid(message)
    taken.add(number)
    return page


def _below(page: BtreePage, branch: _Branch, gap: Callable[[Gap, str], object]) -> list[_Branch]:
    """Return the branches below an interior page in key order, each with its range."""
    found: list[_Branch] = []
    low, depth = branch.low, branch.depth + 1
    lost: list[str] = []
    for cell in cells(page, lost.append):
        if page.kind == INDEX_INTERIOR:
            found.append(_Branch(cell.left_child, depth, low, branch.high))
            continue
        # A key out of order is damaged: it must not make good leaves look foreign.
        key = cell.rowid if low < cell.rowid <= branch.high else branch.high
        found.append(_Branch(cell.left_child, depth, low, key))
        low = key if key != branch.high else low
    for message in lost:
        gap(Gap(branch.low, branch.high), message)
    found.append(_Branch(page.right_child, depth, low, branch.high))
    return found
