"""The order in which pages are read into tables: trees first, then what no tree leads to.

All trees are walked twice. The first walk reads interior pages only and marks what belongs to a
tree, so that a damaged pointer to an overflow page cannot take a leaf of another table. The second
reads the rows. A leaf whose rowids are out of the range of its place, or whose rows have too many
fields, waits until every tree was walked: if no other tree leads to it, it stays where it was.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Final

from dbtool.core.progress import Progress
from dbtool.integrity.loading import Loader, LostAndFound
from dbtool.integrity.newdatabase import NewDatabase
from dbtool.integrity.orphans import Gaps, Group, alike, groups, match
from dbtool.integrity.rowreader import RowReader
from dbtool.integrity.shapes import shape_of
from dbtool.integrity.treerows import EVERYTHING, Bitmap, Gap, Leaf, tree_pages
from dbtool.pages.btree import TABLE_LEAF, BtreePage, parse_page, table_leaf_cells
from dbtool.pages.freelist import freelist, pointer_maps
from dbtool.pages.header import DatabaseHeader
from dbtool.pages.schematable import SchemaRow
from dbtool.pages.source import PageInvalid, PageSource, lock_page_of
from dbtool.pages.walk import walk

__all__ = ["Filling", "Table"]

_KEPT_GROUPS: Final = 200
_KEPT_REASONS: Final = 3
_SEQUENCE: Final = "sqlite_sequence"
_MOST_SEQUENCES: Final = 100_000
_UNIQUE: Final = re.compile(r"\s*CREATE\s+UNIQUE\s", re.IGNORECASE)


class Table:
    """A table of the new database and where its rows were in the old one."""

    def __init__(self, loader: Loader, root: int) -> None:
        self.loader = loader
        self.root = root
        self.gaps = Gaps()
        self.branches_lost = 0
        self.why: list[str] = []

    def lose(self, gap: Gap, why: str) -> None:
        """Remember a branch that cannot be entered, and for the first of them why."""
        self.gaps.add(gap)
        self.branches_lost += 1
        if len(self.why) < _KEPT_REASONS:
            self.why.append(why)


class Filling:
    """The work on one database; call its methods in the order of `salvage`.

    Attributes:
        tables: those that could be made.
        lost: rows without a table.
        lost_groups: (root page, pages, rows, guesses) of the first orphans in `lost`.
        sequences: rows of sqlite_sequence.
        notes: what could not be made or was left out, for people.
    """

    def __init__(
        self,
        source: PageSource,
        header: DatabaseHeader,
        database: NewDatabase,
        schema: Sequence[SchemaRow],
        progress: Progress,
    ) -> None:
        self.tables: list[Table] = []
        self.lost = LostAndFound(database)
        self.lost_groups: list[tuple[int, int, int, tuple[str, ...]]] = []
        self.sequences: dict[str, int] = {}
        self.notes: list[str] = []
        self._source = source
        self._header = header
        self._database = database
        self._schema = schema
        self._progress = progress
        self._usable = header.page_size - header.reserved_bytes
        # Pages of b-trees, as far as interior pages tell.
        self._trees = Bitmap(source.page_count)
        self._overflow = Bitmap(source.page_count)
        # Pages that are used up, or known to hold no rows of tables.
        self._taken = Bitmap(source.page_count)
        self._reader = RowReader(
            source, header.encoding, trees=self._trees, overflow=self._overflow
        )
        self._deferred: list[tuple[Table, int]] = []
        self._damaged_indexes = False
        self._tables_missing = False

    def make_tables(self) -> None:
        """Make the tables and their unique indexes, which tell duplicates while rows come in."""
        for row in self._schema:
            if row.kind == "table" and row.root_page and not _is_internal(row.name):
                self._make_table(row)
        for row in self._schema:
            if row.kind == "index" and _UNIQUE.match(row.sql):
                complaint = self._database.make(row.sql)
                if complaint:
                    self.notes.append(f"the index {row.name} cannot be made: {complaint}")

    def claim_trees(self, *, take_freelist: bool) -> None:
        """Mark what belongs to trees, the freelist and pointer maps, by interior pages alone.

        Args:
            take_freelist: leave free pages unmarked, so that rows on them count as orphans.
        """
        source, usable = self._source, self._usable
        places = [lock_page_of(source)] if lock_page_of(source) else []
        if self._header.auto_vacuum != "none":
            places += pointer_maps(source, usable=usable)
        for number in places:
            self._trees.add(number)
            self._taken.add(number)
        if source.page_count:
            self._claim(1, others=True)
        for table in self.tables:
            self._claim(table.root, others=False)
        for row in self._schema:
            if row.root_page and (row.kind == "index" or _is_internal(row.name)):
                whole = self._claim(row.root_page, others=True)
                self._damaged_indexes |= not whole
        if take_freelist:
            return
        pages = freelist(
            source,
            self._header.freelist_head,
            usable=usable,
            claim=lambda number: number not in self._trees and self._taken.add(number),
            problems=self.notes.append,
        )
        for number, _ in pages:
            self._trees.add(number)

    def fill_from_trees(self) -> None:
        """Read the rows that trees lead to."""
        self._progress.start("reading trees", self._source.page_count, "pages")
        for table in self.tables:
            self._fill(table)
            self.notes += [f"{table.loader.shape.name}: {why}" for why in table.why]
        for table, number in self._deferred:
            for page in self._pages([number]):
                if self._taken.add(number):
                    self._load(table, page, table.root, orphan=False)
        for row in self._schema:
            if row.name == _SEQUENCE and row.root_page:
                self._read_sequences(row.root_page)
        self._progress.finish()

    def fill_from_orphans(self) -> None:
        """Read the rows that no tree leads to, into their table where it can be told."""
        self._taken.update(self._overflow)
        self._progress.start("reading orphaned pages", None, "pages")
        damaged = [table for table in self.tables if table.gaps]
        shapes = [(table.loader.shape, table.gaps) for table in damaged]
        left_out = 0
        found = groups(
            self._source,
            self._reader,
            usable=self._usable,
            taken=self._taken,
            pulse=self._progress.advance,
        )
        for group in found:
            at = match(group, shapes, exact=self._damaged_indexes)
            if at is not None:
                for page in self._pages(group.pages):
                    self._load(damaged[at], page, group.root, orphan=True)
            elif group.is_table or self._may_be_rows(damaged):
                self._keep(group)
            else:
                left_out += len(group.pages)
        if left_out:
            self.notes.append(f"{left_out} orphaned pages of indexes were left out")
        self._progress.finish()

    def _make_table(self, row: SchemaRow) -> None:
        complaint = self._database.make(row.sql)
        if not complaint:
            try:
                shape = shape_of(self._database.connection, row.name)
            except ValueError:
                complaint = "its statement makes something else"
            else:
                self.tables.append(Table(Loader(self._database, shape, self.lost), row.root_page))
                return
        self._tables_missing = True
        self.notes.append(f"the table {row.name} cannot be made: {complaint}")

    def _claim(self, root: int, *, others: bool) -> bool:
        """Mark the pages of a tree (`others`: one without rows); return whether it is whole."""
        problems: list[str] = []

        def claim(number: int, _leaf: bool) -> bool:  # noqa: FBT001 - called by the walk alone
            fresh = self._trees.add(number)
            if fresh and others:
                self._taken.add(number)
            return fresh

        for _ in walk(
            self._source,
            root,
            usable=self._usable,
            claim=claim,
            problems=problems.append,
            read_leaves=False,
        ):
            pass
        return not problems

    def _fill(self, table: Table) -> None:
        leaves = tree_pages(
            self._source, table.root, usable=self._usable, taken=self._taken, gap=table.lose
        )
        first = True
        for leaf in leaves:
            if first and leaf.page.pointers:
                first = False
                if self._is_of_another_table(table, leaf):
                    table.lose(EVERYTHING, f"page {table.root} is the root of another table")
                    self._taken.discard(leaf.page.number)
                    return
            if not _in_place(leaf):
                self._taken.discard(leaf.page.number)
                self._deferred.append((table, leaf.page.number))
                table.lose(Gap(leaf.low, leaf.high), f"page {leaf.page.number} is out of order")
                continue
            self._load(table, leaf.page, table.root, orphan=False)

    def _is_of_another_table(self, table: Table, leaf: Leaf) -> bool:
        sample = self._reader.read(leaf.page, limit=20).rows
        fields = len(table.loader.shape.fields)
        wide = sum(len(values) > fields for _, values in sample)
        kind_differs = table.loader.shape.without_rowid == (leaf.page.kind == TABLE_LEAF)
        return kind_differs or wide * 2 > len(sample)

    def _load(self, table: Table, page: BtreePage, root: int, *, orphan: bool) -> None:
        found = self._reader.read(page)
        if found.rows or found.lost:
            table.loader.load(found, root=root, page=page.number, orphan=orphan)
        self._progress.advance(1)

    def _pages(self, numbers: Iterable[int]) -> Iterator[BtreePage]:
        for number in numbers:
            with suppress(PageInvalid):
                yield parse_page(self._source.page(number), number, usable=self._usable)

    def _keep(self, group: Group) -> None:
        """Put a group into lost_and_found."""
        before = self.lost.rows
        for page in self._pages(group.pages):
            rows = self._reader.read(page).rows
            self.lost.add(
                group.root,
                page.number,
                ((rowid if group.is_table else None, values) for rowid, values in rows),
            )
        if len(self.lost_groups) < _KEPT_GROUPS:
            guesses = alike(group, [table.loader.shape for table in self.tables])
            self.lost_groups.append(
                (group.root, len(group.pages), self.lost.rows - before, tuple(guesses))
            )

    def _may_be_rows(self, damaged: list[Table]) -> bool:
        """Say whether pages like those of indexes may hold rows that nothing else holds."""
        return (
            not self.tables
            or self._tables_missing
            or any(table.loader.shape.without_rowid for table in damaged)
        )

    def _read_sequences(self, root: int) -> None:
        pages = tree_pages(
            self._source,
            root,
            usable=self._usable,
            taken=Bitmap(self._source.page_count),
            gap=lambda *_: None,
        )
        for leaf in pages:
            for _, values in self._reader.read(leaf.page).rows:
                name, last = (*values, None, None)[:2]
                if isinstance(name, str) and isinstance(last, int):
                    self.sequences[name] = max(last, self.sequences.get(name, 0))
            if len(self.sequences) > _MOST_SEQUENCES:
                return


def _in_place(leaf: Leaf) -> bool:
    """Say whether most rowids of a leaf lie in the range of its place."""
    if leaf.page.kind != TABLE_LEAF or (leaf.low, leaf.high) == EVERYTHING:
        return True
    pointers = leaf.page.pointers
    edges = leaf.page._replace(pointers=(*pointers[:1], *pointers[-1:]))
    if all(leaf.low < cell[0] <= leaf.high for cell in table_leaf_cells(edges, _ignored)):
        return True
    rowids = [cell[0] for cell in table_leaf_cells(leaf.page, _ignored)]
    within = sum(leaf.low < rowid <= leaf.high for rowid in rowids)
    return within * 2 >= len(rowids)


def _ignored(*_: object) -> None:
    """Leave damage to whoever reads the page for its rows."""


def _is_internal(name: str) -> bool:
    return name.lower().startswith("sqlite_")
