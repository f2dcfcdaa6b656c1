"""How many rows damaged pages hold: from the snapshot's copy of them, else a guess.

A leaf page says how many cells it has; an interior page of a table how many leaves lie below it,
each taken for an average one. A page of an index, of a full-text index or of the freelist puts no
row at risk. All numbers are estimates, for a person who has to decide.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

import apsw

from dbtool.backup.format import SEGMENT_PAGES
from dbtool.backup.pagemap import SegmentEntries
from dbtool.backup.tree import SnapshotTree
from dbtool.errors import DbtoolError
from dbtool.integrity.findings import Finding, Kind
from dbtool.pages.header import HEADER_BYTES
from dbtool.pages.source import PageInvalid, PageSource

__all__ = ["with_rows_at_risk"]

_MOST_PAGES: Final = 5_000
"""Damaged pages that are looked at for a finding; the others are taken to be like them."""
_TABLE_LEAF, _TABLE_INTERIOR = 13, 5
_INDEX_LEAF, _INDEX_INTERIOR = 10, 2
_TREE_PAGES: Final = frozenset({_TABLE_LEAF, _TABLE_INTERIOR, _INDEX_LEAF, _INDEX_INTERIOR})


def with_rows_at_risk(
    findings: Iterable[Finding],
    *,
    pages: PageSource,
    tree: SnapshotTree | None,
    connection: apsw.Connection | None,
) -> list[Finding]:
    """Return the findings with their number of rows at risk, where it was unknown and can be told.

    Args:
        findings: of any level.
        pages: the damaged database.
        tree: the newest snapshot; None: there is none.
        connection: reads the damaged database; None: it cannot be read through SQLite.
    """
    return [
        replace(finding, rows_at_risk=_rows(finding, pages, tree, connection))
        if finding.rows_at_risk is None and finding.pages and finding.kind in _WITH_ROWS
        else finding
        for finding in findings
    ]


_WITH_ROWS: Final = frozenset({Kind.TABLE, Kind.FTS, Kind.RTREE})


def _rows(
    finding: Finding,
    pages: PageSource,
    tree: SnapshotTree | None,
    connection: apsw.Connection | None,
) -> int | None:
    numbers = [
        number for _, number in zip(range(_MOST_PAGES), finding.page_numbers(), strict=False)
    ]
    copies = _copies(tree, numbers)
    average = _average(connection, finding.object, copies.values())
    total = 0.0
    for number in numbers:
        copy = copies.get(number)
        rows = _rows_on(copy or _content(pages, number), number, average)
        if copy and copy[HEADER_BYTES if number == 1 else 0] not in _TREE_PAGES:
            rows = 1.0  # an overflow page holds a part of one row
        if rows is None:
            return None
        total += rows
    return round(total * finding.page_count / max(1, len(numbers)))


def _copies(tree: SnapshotTree | None, numbers: Sequence[int]) -> dict[int, bytes]:
    """Return the first bytes of those pages as the snapshot has them."""
    if tree is None:
        return {}

    def wanted(entries: SegmentEntries) -> list[int]:
        start = entries.segment * SEGMENT_PAGES + 1
        return [n - start for n in numbers if start <= n < start + len(entries)]

    found: dict[int, bytes] = {}
    page_size = tree.snapshot.page_size
    try:
        for first, content in tree.pages(wanted):
            for index in range(len(content) // page_size):
                at = index * page_size
                found[first + index] = bytes(content[at : at + HEADER_BYTES + 8])
    except DbtoolError:
        return found  # an estimate is not worth failing for
    return found


def _content(pages: PageSource, number: int) -> bytes:
    try:
        return pages.page(number)
    except (PageInvalid, ValueError, DbtoolError):
        return b""


def _rows_on(content: bytes, number: int, average: float | None) -> float | None:
    """Return how many rows a page holds, or holds the way to; None where nothing tells."""
    at = HEADER_BYTES if number == 1 else 0
    if len(content) < at + 5:
        return average
    kind, cells = content[at], int.from_bytes(content[at + 3 : at + 5], "big")
    if kind in (_TABLE_LEAF, _INDEX_LEAF):
        return float(cells)
    if kind in (_TABLE_INTERIOR, _INDEX_INTERIOR):
        return None if average is None else (cells + 1) * average
    return average


def _average(
    connection: apsw.Connection | None, table: str, copies: Iterable[bytes]
) -> float | None:
    """Return the average number of cells on a leaf of `table`."""
    counts = [int.from_bytes(c[3:5], "big") for c in copies if c[0] in (_TABLE_LEAF, _INDEX_LEAF)]
    if counts:
        return sum(counts) / len(counts)
    if connection is None or not table:
        return None
    sql = "SELECT avg(ncell) FROM dbstat WHERE name = ? AND pagetype = 'leaf'"
    try:
        value = connection.execute(sql, (table,)).get
    except apsw.Error:
        return None
    return None if value is None else float(value)
