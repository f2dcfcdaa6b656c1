"""Changed overflow pages: whose they are, and which rows change without their leaf changing.

SQLite rewrites a value of the same size in place, so a long BLOB can differ while the leaf that
begins it does not. The first changed page of such a chain is then part of it on both sides, and
belongs to no row on a changed leaf on either. Only pages like that are looked for, through the
unchanged leaves, until all are found; where every changed overflow page is explained by a changed
leaf, as after inserts and most updates, no other leaf is read.

Source: https://sqlite.org/fileformat2.html#cell_payload_overflow_pages
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator

from dbtool.pages.btree import TABLE_INTERIOR, TABLE_LEAF, payload_cells, table_leaf_cells
from dbtool.pages.overflow import chain, chain_length
from dbtool.pages.source import PageInvalid
from dbtool.rows.sets import Bits, Ranges
from dbtool.rows.territory import Side, leaves, parsed

__all__ = ["hidden_changes", "pages_of_chains"]


def pages_of_chains(side: Side, numbers: Iterable[int], wanted: Bits) -> array[int]:
    """Return the pages of values that begin on the tree pages `numbers`, taken out of `wanted`."""
    found = array("I")
    for number in numbers:
        if not wanted:
            break
        for _, pages in _chains(side, number):
            found.extend(page for page in pages if wanted.discard(page))
    return found


def hidden_changes(side: Side, root: int, ranges: Ranges, changed: Bits, wanted: Bits) -> Ranges:
    """Return the rowids outside `ranges` whose overflow chains have pages of `wanted`.

    Args:
        side: one side; what is looked for is the same on both.
        root: the root of the table there.
        ranges: rowids that are compared anyway, merged.
        changed: leaves among them are not read, as they are explained.
        wanted: changed pages without an owner; those found are taken out.
    """
    found = Ranges()
    if not wanted:
        return found
    for number, first, last in leaves(side, root):
        if number in changed or ranges.covers(first, last):
            continue
        for rowid, pages in _chains(side, number):
            if [page for page in pages if wanted.discard(page)]:
                found.add(rowid, rowid)
        if not wanted:
            break
    return found.merged()


def _chains(side: Side, number: int) -> Iterator[tuple[int, list[int]]]:
    """Yield (rowid, overflow pages) of the long values of a page; rowid 0 in an index."""
    page = parsed(side, number)
    if page.kind == TABLE_INTERIOR:
        return
    problems: list[str] = []
    cells = table_leaf_cells if page.kind == TABLE_LEAF else payload_cells
    for rowid, size, start, end, overflow in cells(page, problems.append):
        if overflow:
            yield rowid, _chain(side, overflow, chain_length(size, end - start, side.usable))
    if problems:
        raise PageInvalid(problems[0])


def _chain(side: Side, first: int, count: int) -> list[int]:
    if count > side.source.page_count:
        raise PageInvalid("a value is longer than the database")
    taken: set[int] = set()

    def claim(number: int) -> bool:
        fresh = number not in taken
        taken.add(number)
        return fresh

    pages = [first]
    # The last page of a chain need not be read to know its number.
    for _, data in chain(side.source, first, count - 1, claim):
        pages.append(int.from_bytes(data[:4], "big"))
    side.tick(count - 1)
    return pages
