"""Which rows of a table can have changed since they were indexed: told by the pages of its b-tree.

Every leaf page holds the rows of one range of rowids; the interior pages above name the ranges,
which cover all rowids without a gap. Of each leaf the index keeps a digest that was taken in the
same read transaction in which its rows were indexed. So long as a leaf of that number still has
that digest, its rows are as they were; a row that came, went or changed shows as a leaf with
another digest, or one that was not there or is no more. The ranges of those are looked into again,
and nothing else, whatever wrote them: UPDATE, REPLACE, VACUUM, a restore, another file.

    pages u32, lows i64, highs i64, digests u64    one of each leaf; a range is low..high, inclusive
    overflow                                        the pages that a leaf's long rows go on in

A digest covers the overflow pages too, as a value can be overwritten in them alone. Format:
https://sqlite.org/fileformat2.html#b_tree_pages
"""

from __future__ import annotations

import json
import struct
import sys
from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import Final, NamedTuple

from blake3 import blake3

from dbtool.errors import Damaged
from dbtool.pages.btree import TABLE_INTERIOR, TABLE_LEAF, parse_page, table_leaf_cells, varint
from dbtool.pages.overflow import chain, chain_length
from dbtool.pages.reader import PageReader
from dbtool.pages.source import PageInvalid, header_of
from dbtool.search.rows import HIGHEST, LOWEST

__all__ = [
    "ALL_ROWS",
    "Leaf",
    "Prints",
    "Range",
    "changed_ranges",
    "leaves_of",
    "page_digests",
    "print_leaf",
    "united",
]

_DEEPEST: Final = 20
_BLOCK_PAGES: Final = 256
_ORDER: Final = sys.byteorder
_HEAD: Final = struct.Struct("<II")
_CHILD: Final = struct.Struct(">I")

Range = tuple[int, int]
"""Rowids from .. to, both included."""

ALL_ROWS: Final[Range] = (LOWEST, HIGHEST)


class Leaf(NamedTuple):
    """A leaf of the present tree."""

    page: int
    low: int
    high: int


@dataclass(slots=True)
class Prints:
    """What the index knows of the leaves of one table."""

    pages: array[int] = field(default_factory=lambda: array("I"))
    lows: array[int] = field(default_factory=lambda: array("q"))
    highs: array[int] = field(default_factory=lambda: array("q"))
    digests: array[int] = field(default_factory=lambda: array("Q"))
    overflow: dict[int, tuple[int, ...]] = field(default_factory=dict)

    def add(self, leaf: Leaf, digest: int, overflow: tuple[int, ...]) -> None:
        """Note one leaf."""
        self.pages.append(leaf.page)
        self.lows.append(leaf.low)
        self.highs.append(leaf.high)
        self.digests.append(digest)
        if overflow:
            self.overflow[leaf.page] = overflow

    def only(self, chosen: Sequence[int]) -> Prints:
        """Return the leaves whose number in `chosen` is not 0."""
        found = Prints(
            array("I", compress(self.pages, chosen)),
            array("q", compress(self.lows, chosen)),
            array("q", compress(self.highs, chosen)),
            array("Q", compress(self.digests, chosen)),
        )
        if self.overflow:
            pages = set(found.pages)
            found.overflow = {page: ps for page, ps in self.overflow.items() if page in pages}
        return found

    def to_bytes(self) -> bytes:
        """Return the layout at the head of this module, in the byte order of the machine."""
        long = json.dumps(list(self.overflow.items())).encode()
        parts = (self.pages, self.lows, self.highs, self.digests)
        head = _HEAD.pack(len(self.pages), len(long))
        return head + b"".join(part.tobytes() for part in parts) + long

    @classmethod
    def from_bytes(cls, data: bytes) -> Prints:
        """Read what `to_bytes` gave."""
        found = cls()
        count, long = _HEAD.unpack_from(data)
        at = _HEAD.size
        for part in (found.pages, found.lows, found.highs, found.digests):
            end = at + count * part.itemsize
            part.frombytes(data[at:end])
            at = end
        found.overflow = {page: tuple(pages) for page, pages in json.loads(data[at : at + long])}
        return found


def page_digests(reader: PageReader, advance: Callable[[int], None]) -> array[int]:
    """Return 64 bits of the BLAKE3 hash of every page; page 1 comes first."""
    size = reader.page_size
    digests = bytearray()
    for _, data in reader.blocks(_BLOCK_PAGES):
        view = memoryview(data)
        digests += b"".join(
            blake3(view[at : at + size]).digest(8) for at in range(0, len(data), size)
        )
        advance(len(data))
    return array("Q", bytes(digests))


def leaves_of(reader: PageReader, root: int) -> list[Leaf]:
    """Return the leaves of a table's b-tree in the order of their rowids.

    Raises:
        Damaged: `database-damaged`.
    """
    try:
        return _Tree(reader).leaves(root)
    except PageInvalid as error:
        raise Damaged(
            "database-damaged",
            "the b-tree of a table is damaged",
            context=str(error),
            hint="dbtool verify DB      says how much",
        ) from error


class _Tree:
    def __init__(self, reader: PageReader) -> None:
        self.reader = reader
        self.usable = reader.page_size - header_of(reader).reserved_bytes
        self.seen: set[int] = set()

    def leaves(self, root: int) -> list[Leaf]:
        level = [Leaf(root, LOWEST, HIGHEST)]
        for _ in range(_DEEPEST):
            first = parse_page(self._page(level[0].page), level[0].page, usable=self.usable)
            if first.kind == TABLE_LEAF:
                return level
            level = [child for node in level for child in self._children(node)]
        message = f"the tree at page {root} is too deep"
        raise PageInvalid(message)

    def _page(self, number: int) -> bytes:
        if not 1 <= number <= self.reader.page_count:
            message = f"a tree leads to page {number} of {self.reader.page_count}"
            raise PageInvalid(message)
        return self.reader.page(number)

    def _children(self, node: Leaf) -> Iterable[Leaf]:
        page = parse_page(self._page(node.page), node.page, usable=self.usable)
        if page.kind != TABLE_INTERIOR or node.page in self.seen:
            message = f"page {node.page} is not where it belongs"
            raise PageInvalid(message)
        self.seen.add(node.page)
        low = node.low
        data, least, most = page.data, page.cells_from, self.usable - 5
        for at in page.pointers:
            if not least <= at <= most:
                message = f"page {node.page} points to a cell at {at}, where none can be"
                raise PageInvalid(message)
            key, _ = varint(data, at + 4, self.usable)
            high = key if key <= HIGHEST else key - (1 << 64)
            yield Leaf(_CHILD.unpack_from(data, at)[0], low, high)
            low = min(high + 1, HIGHEST)
        yield Leaf(page.right_child, low, node.high)


def print_leaf(
    reader: PageReader, usable: int, page: int, digests: Sequence[int] | None
) -> tuple[int, tuple[int, ...]]:
    """Return the digest of a leaf and its overflow pages.

    Args:
        reader: the read transaction in which its rows are indexed.
        usable: bytes of a page that SQLite uses.
        page: its number.
        digests: of `page_digests` in that transaction; None: pages are hashed here.
    """
    data = reader.page(page)
    parsed = parse_page(data, page, usable=usable)
    problems: list[str] = []
    pages: list[int] = []
    for _, size, start, end, first in table_leaf_cells(parsed, problems.append):
        if first:
            count = min(chain_length(size, end - start, usable), reader.page_count)
            pages += (number for number, _ in chain(reader, first, count, lambda _: True))
    if problems:
        raise PageInvalid(problems[0])

    def digest(number: int) -> int:
        if digests is not None:
            return digests[number - 1]
        return int.from_bytes(blake3(reader.page(number)).digest(8), _ORDER)

    own = digest(page)
    return _joined(own, [digest(number) for number in pages]), tuple(pages)


def changed_ranges(
    old: Prints, leaves: list[Leaf], *, digests: Sequence[int] | None, changed: set[int] | None
) -> tuple[list[Range], Prints]:
    """Return the ranges of rowids to look into again, and the prints that still hold.

    Args:
        old: what the index knows.
        leaves: of the present tree.
        digests: of every page now; None: `changed` tells.
        changed: every page that can have changed since the oldest of the prints.
    """
    known = {page: index for index, page in enumerate(old.pages)}
    same = _same_by_digest(old, digests) if digests is not None else _same_by_number(old, changed)
    holds = bytearray(len(old.pages))
    ranges: list[Range] = []
    for leaf in leaves:
        index = known.get(leaf.page)
        if index is not None and same[index]:
            holds[index] = 1
        else:
            ranges.append((leaf.low, leaf.high))
    if len(leaves) == len(holds) == sum(holds):
        return [], old
    ranges += [(old.lows[index], old.highs[index]) for index, held in enumerate(holds) if not held]
    return united(ranges), old.only(holds)


def united(ranges: Iterable[Range]) -> list[Range]:
    """Return the same rowids as ranges in order that neither overlap nor touch."""
    found: list[Range] = []
    for low, high in sorted(ranges):
        if found and low <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(high, found[-1][1]))
        else:
            found.append((low, high))
    return found


def _same_by_digest(old: Prints, digests: Sequence[int]) -> list[bool]:
    """Return for each print whether it is that of the same page now."""
    count = len(digests)
    same = [
        page <= count and digests[page - 1] == digest
        for page, digest in zip(old.pages, old.digests, strict=True)
    ]
    if old.overflow:
        for index, page in enumerate(old.pages):
            pages = old.overflow.get(page)
            if pages:
                same[index] = max(page, *pages) <= count and old.digests[index] == _joined(
                    digests[page - 1], [digests[number - 1] for number in pages]
                )
    return same


def _same_by_number(old: Prints, changed: set[int] | None) -> list[bool]:
    moved = changed or set()
    same = [page not in moved for page in old.pages]
    if old.overflow:
        for index, page in enumerate(old.pages):
            if not moved.isdisjoint(old.overflow.get(page, ())):
                same[index] = False
    return same


def _joined(own: int, others: list[int]) -> int:
    if not others:
        return own
    data = array("Q", [own, *others]).tobytes()
    return int.from_bytes(blake3(data).digest(8), _ORDER)
