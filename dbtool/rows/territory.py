"""Which rows of a table can differ, from the pages that do: the ranges of rowids to compare.

A leaf whose page number is in the table's tree on both sides, with the same bytes on both, holds
the same rows on both. So whatever differs lies on a leaf that changed, came or went, on one side or
the other, and the interior pages say which rowids such a leaf can hold. Leaves are not read for
that, so a table without a changed page costs nothing but its interior pages.

Two things hide from it. A leaf that left the tree untouched (freed, or moved to another tree) has
equal bytes; its parent changed, so the children of changed parents are compared as sets. And a
value on overflow pages can change while its leaf does not: see `chains`.

Source: https://sqlite.org/fileformat2.html#b_tree_pages
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Container, Iterator, Sequence
from typing import NamedTuple

from dbtool.pages.btree import INTERIOR_KINDS, TABLE_INTERIOR, TABLE_LEAF, BtreePage, parse_page
from dbtool.pages.source import PageInvalid, PageSource
from dbtool.pages.walk import MOST_LEVELS
from dbtool.rows.sets import HIGHEST, LOWEST, Bits, Ranges

__all__ = ["Side", "Survey", "differing_ranges", "leaves", "parsed", "survey"]


class Side(NamedTuple):
    """One state of a database, as its trees are read."""

    source: PageSource
    usable: int
    """Bytes of a page that SQLite uses."""
    tick: Callable[[int], object]
    """Called with the number of pages read; may raise to stop."""


class Survey(NamedTuple):
    """What the interior pages of one tree say about the pages that changed."""

    touched: array[int]
    """Pages of the tree that are not equal on both sides, overflow pages left out."""
    beside: array[int]
    """The equal leaves right behind touched ones: SQLite looks there to see a range end."""
    seen: Bits
    """Pages that stand for the tree: an unchanged page above the leaves for all its children too,
    as they are the same wherever it is."""
    ranges: Ranges
    """Rowids that the touched leaves can hold; empty for the tree of an index."""


class _Node(NamedTuple):
    number: int
    depth: int
    first: int
    last: int


def survey(side: Side, root: int, changed: Bits) -> Survey:
    """Look through the interior pages of a tree.

    Args:
        side: where it is.
        root: its root page.
        changed: pages that are not equal on both sides.

    Raises:
        PageInvalid: a page of the tree is damaged.
    """
    found = Survey(array("I"), array("I"), Bits(side.source.page_count), Ranges())
    for node, page, above_leaves in _nodes(side, root):
        if node.number in changed:
            found.touched.append(node.number)
        if not above_leaves:
            continue
        found.seen.add(node.number)
        if page.kind == TABLE_LEAF and node.number in changed:
            found.ranges.add(node.first, node.last)
        children = _children(page)
        if node.number in changed:
            for child in children:
                found.seen.add(child)
        hit = changed.among(children)
        if hit:
            _take(found, page, node, children, hit)
    return found


def _take(
    found: Survey, page: BtreePage, node: _Node, children: Sequence[int], hit: Container[int]
) -> None:
    """Add the children of a page that changed, those in `hit`."""
    before = 0
    for index, child in enumerate(children):
        if child in hit:
            found.touched.append(child)
            if page.kind == TABLE_INTERIOR:
                found.ranges.add(*_bounds(page, node, index))
        elif before in hit:
            found.beside.append(child)
        before = child


def differing_ranges(
    a: tuple[Side, int, Survey], b: tuple[Side, int, Survey], changed: Bits
) -> Ranges:
    """Return the rowids on leaves that are not the same on both sides, of a table tree.

    Args:
        a: one side, the root there, and what `survey` said.
        b: the other.
        changed: pages that are not equal on both sides.
    """
    found = [b[2].ranges]
    for (side, root, here), there in ((a, b[2]), (b, a[2])):
        lost = here.seen.without(there.seen, changed)
        if lost:
            found.append(_of_pages(side, root, lost))
    return a[2].ranges.merged(*found)


def leaves(side: Side, root: int) -> Iterator[tuple[int, int, int]]:
    """Yield (page number, first rowid, last rowid that it can hold) of the leaves of a table."""
    for node, page, above_leaves in _nodes(side, root):
        if not above_leaves:
            continue
        if page.kind == TABLE_LEAF:
            yield node.number, node.first, node.last
            continue
        for index, child in enumerate(_children(page)):
            yield (child, *_bounds(page, node, index))


def parsed(side: Side, number: int) -> BtreePage:
    """Return a page of a tree, parsed.

    Raises:
        PageInvalid: there is no such page, or it is none of a tree.
    """
    if not 1 <= number <= side.source.page_count:
        message = f"a tree leads to page {number} of {side.source.page_count}"
        raise PageInvalid(message)
    side.tick(1)
    return parse_page(side.source.page(number), number, usable=side.usable)


def _of_pages(side: Side, root: int, wanted: Bits) -> Ranges:
    """Return the ranges of the leaves that are among `wanted`, or right below one that is."""
    ranges = Ranges()
    for node, page, above_leaves in _nodes(side, root):
        if not above_leaves:
            continue
        if node.number in wanted:
            ranges.add(node.first, node.last)
        elif page.kind == TABLE_INTERIOR:
            children = _children(page)
            hit = wanted.among(children)
            for index, child in enumerate(children if hit else ()):
                if child in hit:
                    ranges.add(*_bounds(page, node, index))
    return ranges


def _nodes(side: Side, root: int) -> Iterator[tuple[_Node, BtreePage, bool]]:
    """Yield the interior pages of a tree, and whether the leaves are right below.

    A root that is a leaf itself comes as such, with True.
    """
    leaf_depth = _leaf_depth(side, root)
    waiting = [_Node(root, 0, LOWEST, HIGHEST)]
    entered: set[int] = set()
    kind = 0
    while waiting:
        node = waiting.pop()
        page = parsed(side, node.number)
        kind = kind or page.kind
        if page.kind != kind or node.number in entered:
            message = f"page {node.number} has no place in the tree at page {root}"
            raise PageInvalid(message)
        entered.add(node.number)
        above_leaves = node.depth >= leaf_depth - 1
        yield node, page, above_leaves
        if not above_leaves:
            children = _children(page)
            waiting.extend(
                _Node(children[index], node.depth + 1, *_bounds(page, node, index))
                for index in range(len(children) - 1, -1, -1)
            )


def _leaf_depth(side: Side, root: int) -> int:
    number = root
    for depth in range(MOST_LEVELS):
        page = parsed(side, number)
        if page.kind not in INTERIOR_KINDS:
            return depth
        number = _children(page)[0]
    message = f"the tree at page {root} is deeper than SQLite allows"
    raise PageInvalid(message)


def _children(page: BtreePage) -> list[int]:
    if page.kind not in INTERIOR_KINDS:
        return []
    data, lowest, last = page.data, page.cells_from, page.usable - 5
    if page.pointers and not lowest <= min(page.pointers) <= max(page.pointers) <= last:
        message = f"page {page.number} points to a cell where none can be"
        raise PageInvalid(message)
    found = [int.from_bytes(data[at : at + 4], "big") for at in page.pointers]
    found.append(page.right_child)
    return found


def _bounds(page: BtreePage, node: _Node, index: int) -> tuple[int, int]:
    """Return the first and the last rowid that a child can hold; all of them in an index."""
    if page.kind != TABLE_INTERIOR:
        return node.first, node.last
    first = node.first if index == 0 else _key(page, index - 1) + 1
    last = node.last if index == len(page.pointers) else _key(page, index)
    return first, last


def _key(page: BtreePage, index: int) -> int:
    """Return the rowid of a cell of an interior page: a varint of up to 9 bytes behind a child."""
    data, at = page.data, page.pointers[index] + 4
    value = 0
    for byte in data[at : at + 8]:
        value = value << 7 | byte & 0x7F
        if byte < 0x80:  # noqa: PLR2004 - the bit that says "more follow"
            return value
    if at + 8 >= page.usable:
        message = f"a rowid runs over the end of page {page.number}"
        raise PageInvalid(message)
    value = value << 8 | data[at + 8]
    return value - (1 << 64) if value > HIGHEST else value
