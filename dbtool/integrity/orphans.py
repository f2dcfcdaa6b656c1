"""Pages with rows that no tree leads to: grouped by what still leads to them, matched to tables.

Where an interior page is orphaned, its leaves are one group, since they are of one table. A group
belongs to a table if the table has a gap (a branch that could not be entered) in which the rowids
of the group lie, and its rows look like those of the table. Where two tables would do equally well,
neither is chosen: a row in the wrong table is worse than one in lost_and_found.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from dbtool.integrity.rowreader import PageRows, Row, RowReader
from dbtool.integrity.shapes import TableShape
from dbtool.integrity.treerows import Bitmap, Gap, tree_pages
from dbtool.pages.btree import (
    INTERIOR_KINDS,
    KINDS,
    TABLE_INTERIOR,
    TABLE_LEAF,
    BtreePage,
    children,
    parse_page,
)
from dbtool.pages.source import PageInvalid, PageSource

__all__ = ["Gaps", "Group", "alike", "groups", "match"]

_SAMPLED_LEAVES: Final = 3
_SAMPLED_ROWS: Final = 12
_MOST_CELLS: Final = 32768
_LEAST_LIKENESS: Final = 0.4
_NARROW_GAP_BONUS: Final = 0.3
"""What it counts that the rowids lie in the range of a certain lost branch."""
_TIE: Final = 0.02


class Gaps:
    """Where rows of one table are missing. Gaps are added first, then asked about."""

    def __init__(self) -> None:
        self._gaps: list[Gap] = []
        self._sorted = True

    def __bool__(self) -> bool:
        return bool(self._gaps)

    def add(self, gap: Gap) -> None:
        """Remember a gap."""
        self._gaps.append(gap)
        self._sorted = False

    def holding(self, low: int, high: int) -> Gap | None:
        """Return the narrowest known gap with all rowids from `low` to `high`, inclusive."""
        if not self._sorted:
            self._gaps = sorted(set(self._gaps))
            self._sorted = True
        at = bisect_right(self._gaps, (low - 1, 1 << 64))
        # Gaps of one tree hardly ever overlap: the few that begin before the next are enough.
        near = self._gaps[max(0, at - 4) : at] + self._gaps[:1]
        fitting = [gap for gap in near if gap.low < low and high <= gap.high]
        return min(fitting, key=lambda gap: gap.high - gap.low, default=None)


@dataclass(frozen=True, slots=True)
class Group:
    """Orphaned pages that belong together."""

    root: int
    """The highest page that leads to them."""
    pages: array[int]
    """Pages with rows, in key order."""
    is_table: bool
    """Whether they are leaves with rowids; else of an index or a WITHOUT ROWID table."""
    sample: list[Row]
    """Some rows, for `match`."""
    low: int
    """Smallest rowid of the sample."""
    high: int


def groups(
    source: PageSource,
    reader: RowReader,
    *,
    usable: int,
    taken: Bitmap,
    pulse: Callable[[int], None],
) -> Iterator[Group]:
    """Yield the orphaned pages of a database in groups, and mark them as taken.

    Args:
        source: the database.
        reader: reads the rows of a page.
        usable: bytes of a page that SQLite uses.
        taken: pages that belong to something; each page yielded is added.
        pulse: called with the number of pages looked at; may raise to stop.
    """
    has_parent = _children_of_orphans(source, usable, taken, pulse)
    # The second time for pages that only lead to each other, in a circle.
    for roots_only in (True, False):
        for number in range(1, source.page_count + 1):
            if number in taken or (roots_only and number in has_parent):
                continue
            page = _parsed(source, number, usable)
            if page is None:
                continue
            group = _group(source, page, reader, usable=usable, taken=taken)
            if group is not None:
                yield group
        pulse(source.page_count)


def match(group: Group, tables: Sequence[tuple[TableShape, Gaps]], *, exact: bool) -> int | None:
    """Return which of `tables` a group belongs to; None where none or more than one would do.

    Args:
        group: with a sample of its rows.
        tables: those with gaps.
        exact: whether rows of a WITHOUT ROWID table must have all fields, since the group might be
            a part of an index.
    """
    values = [row[1] for row in group.sample]
    ranked: list[tuple[float, int]] = []
    for at, (shape, gaps) in enumerate(tables):
        gap = gaps.holding(group.low, group.high)
        if gap is None or shape.without_rowid == group.is_table:
            continue
        if exact and shape.without_rowid and any(len(v) != len(shape.fields) for v in values):
            continue
        likeness = shape.likeness(values)
        if likeness:
            narrow = gap.high - gap.low < 1 << 62
            ranked.append((likeness + _NARROW_GAP_BONUS * narrow, at))
    ranked = [found for found in ranked if found[0] >= _LEAST_LIKENESS]
    ranked.sort(reverse=True)
    if not ranked or (len(ranked) > 1 and ranked[0][0] - ranked[1][0] < _TIE):
        return None
    return ranked[0][1]


def alike(group: Group, shapes: Sequence[TableShape]) -> list[str]:
    """Return the names of up to three tables whose rows look like those of a group, best first."""
    values = [row[1] for row in group.sample]
    scores = (
        (shape.likeness(values), shape.name)
        for shape in shapes
        if shape.without_rowid != group.is_table
    )
    likely = sorted((s for s in scores if s[0] >= _LEAST_LIKENESS), key=lambda s: -s[0])
    return [name for _, name in likely[:3]]


def _children_of_orphans(
    source: PageSource, usable: int, taken: Bitmap, pulse: Callable[[int], None]
) -> Bitmap:
    """Mark the pages that orphaned interior pages lead to."""
    found = Bitmap(source.page_count)
    for number in range(1, source.page_count + 1):
        if number in taken:
            continue
        page = _parsed(source, number, usable)
        if page is not None and page.kind in INTERIOR_KINDS:
            for child in children(page, _ignored):
                if 1 <= child <= source.page_count and child != number:
                    found.add(child)
        if number % 4096 == 0:
            pulse(0)
    return found


def _group(
    source: PageSource, page: BtreePage, reader: RowReader, *, usable: int, taken: Bitmap
) -> Group | None:
    """Collect the pages below `page`, if rows can be read on them."""
    before = array("I")
    pages = array("I")
    for leaf in tree_pages(source, page.number, usable=usable, taken=taken, gap=_ignored):
        before.append(leaf.page.number)
        if leaf.page.pointers:
            pages.append(leaf.page.number)
    sample: list[Row] = []
    for number in _spread(pages):
        sampled = _parsed(source, number, usable)
        if sampled is not None:
            sample += _edges(reader.read(sampled, limit=_MOST_CELLS))
    if not sample:
        for number in before:
            taken.discard(number)
        return None
    rowids = [row[0] for row in sample]
    is_table = page.kind in {TABLE_INTERIOR, TABLE_LEAF}
    return Group(page.number, pages, is_table, sample, min(rowids), max(rowids))


def _spread(pages: array[int]) -> list[int]:
    """Return first, middle and last page."""
    if len(pages) <= _SAMPLED_LEAVES:
        return list(pages)
    return [pages[0], pages[len(pages) // 2], pages[-1]]


def _edges(found: PageRows) -> list[Row]:
    """Return the first and last rows of a page, which bound its rowids."""
    rows = found.rows
    half = _SAMPLED_ROWS // 2
    return rows if len(rows) <= _SAMPLED_ROWS else rows[:half] + rows[-half:]


def _parsed(source: PageSource, number: int, usable: int) -> BtreePage | None:
    try:
        data = source.page(number)
        if data[100 if number == 1 else 0] not in KINDS:
            return None
        return parse_page(data, number, usable=usable)
    except PageInvalid:
        return None


def _ignored(*_: object) -> None:
    return None
