"""The rows of one page: whole ones, and what is left of damaged ones.

A row whose record is damaged is rescued, that is kept with the values that can still be told,
if most of its page is sound: then a bit has flipped. On a page that is mostly nonsense only records
that are sound from end to end count, since anything else would be made up.
"""

from __future__ import annotations

from typing import Final

from dbtool.integrity.treerows import Bitmap
from dbtool.pages.btree import TABLE_LEAF, BtreePage, payload_cells, table_leaf_cells
from dbtool.pages.overflow import ChainBroken, payload
from dbtool.pages.records import RecordDecoder, RecordInvalid, Value
from dbtool.pages.source import PageSource

__all__ = ["PageRows", "RowReader"]

Row = tuple[int, list[Value]]
"""rowid (0 where the table has none) and the fields of the record."""

_SOUND_PART: Final = 0.5


class PageRows:
    """What was found on a page.

    Attributes:
        rows: rows in key order.
        rescued: how many of `rows` lost a part.
        lost: how many cells gave no row.
        has_raw_text: whether a value of `rows` is a `RawText`.
    """

    __slots__ = ("has_raw_text", "lost", "rescued", "rows")

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.rescued = 0
        self.lost = 0
        self.has_raw_text = False


class RowReader:
    """Reads rows, following chains of overflow pages.

    Args:
        source: the database.
        encoding: of its text.
        trees: pages of b-trees, of which no chain may take one.
        overflow: pages that chains have taken; added to.
    """

    def __init__(
        self, source: PageSource, encoding: str, *, trees: Bitmap, overflow: Bitmap
    ) -> None:
        self._source = source
        self._decoder = RecordDecoder(encoding)
        self._trees = trees
        self._overflow = overflow

    def read(self, page: BtreePage, *, limit: int | None = None) -> PageRows:
        """Read the rows of a page.

        Args:
            page: a page of any kind but table interior.
            limit: a look at the first so many rows only, without their overflow pages, which are
                not taken; None: all.
        """
        found = PageRows()
        raw_before = self._decoder.raw_texts
        damaged: list[tuple[int, int, bytes]] = []
        data, decode, append = page.data, self._decoder.decode, found.rows.append
        problems: list[str] = []
        for rowid, size, start, end, overflow in _cells(page, problems)[:limit]:
            if overflow:
                if limit is None:
                    self._read_long(page, (rowid, size, start, end, overflow), found, damaged)
                else:
                    append((rowid, self._decoder.rescue(data, start, end)))
                continue
            try:
                append((rowid, decode(data, start, end)))
            except RecordInvalid:
                damaged.append((len(found.rows), rowid, data[start:end]))
        found.lost = len(problems)
        if damaged:
            self._rescue(found, damaged)
        found.has_raw_text = self._decoder.raw_texts > raw_before
        return found

    def _read_long(
        self,
        page: BtreePage,
        cell: tuple[int, int, int, int, int],
        found: PageRows,
        damaged: list[tuple[int, int, bytes]],
    ) -> None:
        rowid, size, start, end, first = cell
        try:
            whole = payload(
                self._source,
                page.data[start:end],
                first,
                size=size,
                usable=page.usable,
                claim=self._claim,
            )
            found.rows.append((rowid, self._decoder.decode(whole, 0, len(whole))))
        except ChainBroken as error:
            damaged.append((len(found.rows), rowid, error.got))
        except RecordInvalid:
            damaged.append((len(found.rows), rowid, whole))

    def _rescue(self, found: PageRows, damaged: list[tuple[int, int, bytes]]) -> None:
        """Put what is left of damaged rows in their place among the whole ones."""
        total = len(found.rows) + len(damaged) + found.lost
        if len(found.rows) < total * _SOUND_PART and len(damaged) > 1:
            found.lost += len(damaged)
            return
        for at, rowid, data in reversed(damaged):
            values = self._decoder.rescue(data, 0, len(data))
            if values:
                found.rows.insert(at, (rowid, values))
                found.rescued += 1
            else:
                found.lost += 1

    def _claim(self, number: int) -> bool:
        return number not in self._trees and self._overflow.add(number)


def _cells(page: BtreePage, problems: list[str]) -> list[tuple[int, int, int, int, int]]:
    if page.kind == TABLE_LEAF:
        return table_leaf_cells(page, problems.append)
    return [(0, *cell[1:]) for cell in payload_cells(page, problems.append)]
