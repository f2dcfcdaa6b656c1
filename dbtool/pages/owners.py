"""To what each page of a database belongs, found by walking from the schema table.

`owners` looks at every page. `owners_of` answers for a few pages, such as those that changed, and
reads much less: the interior pages, which name all leaves. What is then unexplained can only be an
overflow page or lost, so cells are read, in the order of likelihood, until all is explained: the
leaves that were asked for themselves, the other leaves of their tables, the other trees.

Damage and malice give findings: a page claimed twice stays with the first who claimed it, trees
and chains enter no page twice. Findings are kept up to a limit, and counted beyond.

Memory: `owners` 4 bytes per page (100 MB for 100 GB of 4 KiB pages), `owners_of` an eighth of a
byte per page and what was asked for.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, MutableMapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from dbtool.pages.btree import (
    TABLE_INTERIOR,
    TABLE_LEAF,
    BtreePage,
    Problems,
    parse_page,
    payload_cells,
    table_leaf_cells,
)
from dbtool.pages.freelist import freelist, pointer_maps
from dbtool.pages.overflow import ChainBroken, chain, chain_length
from dbtool.pages.schematable import SchemaRow, read_schema
from dbtool.pages.source import PageInvalid, PageSource, header_of, lock_page_of
from dbtool.pages.walk import Visit, walk

__all__ = ["Owner", "OwnerFinding", "PageOwners", "Role", "owners", "owners_of"]

_KEPT_FINDINGS: Final = 1000
_ROLE_BITS: Final = 4


class Role(StrEnum):
    """What a page is to its owner."""

    UNKNOWN = "unknown"
    ROOT = "root"
    INTERIOR = "interior"
    LEAF = "leaf"
    OVERFLOW = "overflow"
    FREELIST_TRUNK = "freelist trunk"
    FREELIST_LEAF = "freelist leaf"
    POINTER_MAP = "pointer map"
    LOCK_PAGE = "lock page"


_ROLES: Final = tuple(Role)
_CODES: Final = {role: code for code, role in enumerate(_ROLES)}


@dataclass(frozen=True, slots=True)
class Owner:
    """To what a page belongs."""

    name: str
    """As in the schema; sqlite_schema for page 1 and its tree; empty for a page of no object."""
    kind: str
    """table, index, schema, freelist, pointer map, lock page or unknown."""
    table: str
    """The table that an index belongs to; the name for a table; empty for what is neither."""
    role: Role


@dataclass(frozen=True, slots=True)
class OwnerFinding:
    """Something that contradicts the file format."""

    name: str
    """The object whose pages were walked; empty for the freelist and the file as a whole."""
    message: str


_UNKNOWN: Final = SchemaRow("unknown", "", "", 0, "")
_SCHEMA: Final = SchemaRow("schema", "sqlite_schema", "sqlite_schema", 1, "")
_FREELIST: Final = SchemaRow("freelist", "", "", 0, "")
_POINTER_MAP: Final = SchemaRow("pointer map", "", "", 0, "")
_LOCK_PAGE: Final = SchemaRow("lock page", "", "", 0, "")
_FIXED: Final = (_UNKNOWN, _SCHEMA, _FREELIST, _POINTER_MAP, _LOCK_PAGE)


class PageOwners:
    """The answer of `owners` and `owners_of`.

    Attributes:
        findings: what contradicts the format, the first 1000.
        findings_dropped: how many more there were.
    """

    def __init__(
        self, objects: Sequence[SchemaRow], known: MutableMapping[int, int] | array[int]
    ) -> None:
        self.findings: list[OwnerFinding] = []
        self.findings_dropped = 0
        self._objects = [*_FIXED, *objects]
        self._known = known

    def __getitem__(self, number: int) -> Owner:
        """Return the owner of a page that was asked for; role UNKNOWN where there is none.

        Raises:
            LookupError: the page was not asked for, or does not exist.
        """
        code = self._known[number]
        row = self._objects[code >> _ROLE_BITS]
        return Owner(row.name, row.kind, row.table, _ROLES[code & (1 << _ROLE_BITS) - 1])

    def items(self) -> Iterator[tuple[int, Owner]]:
        """Yield (page number, owner) of every page asked for, ascending."""
        numbers = range(1, len(self._known)) if isinstance(self._known, array) else self._known
        for number in numbers:
            yield number, self[number]


def owners(source: PageSource, *, schema: Sequence[SchemaRow] | None = None) -> PageOwners:
    """Find the owner of every page.

    Args:
        source: the database.
        schema: the schema to go by, where that of page 1 is damaged; None: that of page 1.

    Raises:
        DbtoolError: the source cannot be read at all.
    """
    finder = _Finder(source, schema, None)
    for tree in finder.trees:
        for visit in finder.enter(tree):
            if visit.page is not None:
                finder.follow(tree, visit.page)
    finder.take_freelist()
    return finder.result


def owners_of(
    source: PageSource, numbers: Iterable[int], *, schema: Sequence[SchemaRow] | None = None
) -> PageOwners:
    """Find the owners of the pages `numbers`, reading as few others as that takes.

    Damage among pages that need not be read is not found.

    Args:
        source: the database.
        numbers: pages from 1 to the page count.
        schema: as of `owners`.

    Raises:
        ValueError: a number is out of range.
        DbtoolError: the source cannot be read at all.
    """
    finder = _Finder(source, schema, numbers)
    asked_leaves: dict[int, list[int]] = {}
    for tree in finder.trees:
        for visit in finder.enter(tree, read_leaves=False):
            if visit.page is not None:
                finder.follow(tree, visit.page)
            elif finder.asked(visit.number):
                asked_leaves.setdefault(tree, []).append(visit.number)
    finder.take_freelist()
    for tree, leaves in asked_leaves.items():
        for number in leaves:
            finder.follow_leaf(tree, number)
    for tree in sorted(finder.trees, key=lambda tree: tree not in asked_leaves):
        finder.search(tree)
    return finder.result


class _Finder:
    """The pages claimed so far, and the way to claim more. Trees are named by their object's code.

    Args:
        source: the database.
        schema: None: that of page 1.
        numbers: the pages asked for; None: all.
    """

    def __init__(
        self,
        source: PageSource,
        schema: Sequence[SchemaRow] | None,
        numbers: Iterable[int] | None,
    ) -> None:
        self._source = source
        self._claimed = bytearray(source.page_count // 8 + 1)
        self._missing: set[int] | None = None if numbers is None else set(numbers)
        known: MutableMapping[int, int] | array[int]
        if self._missing is None:
            known = array("I", bytes(4 * (source.page_count + 1)))
        else:
            known = dict.fromkeys(sorted(self._missing), 0)
            if any(not 1 <= number <= source.page_count for number in known):
                message = f"a page is not within 1 to {source.page_count}"
                raise ValueError(message)
        self._known = known
        findings: list[str] = []
        self._usable, self._freelist, auto_vacuum = self._header(findings)
        objects = self._schema(findings) if schema is None else schema
        self.result = PageOwners(objects, known)
        for message in findings:
            self._report("", message)
        self._objects = [*_FIXED, *objects]
        self._take_places(auto_vacuum)
        self.trees = [
            code for code, row in enumerate(self._objects) if row.root_page and source.page_count
        ]

    def enter(self, tree: int, *, read_leaves: bool = True) -> Iterator[Visit]:
        """Claim the pages of a tree, and yield them."""
        row = self._objects[tree]

        def claim(number: int, leaf: bool) -> bool:  # noqa: FBT001 - called by the walk alone
            if number == row.root_page:
                return self._claim(number, tree, Role.ROOT)
            return self._claim(number, tree, Role.LEAF if leaf else Role.INTERIOR)

        return walk(
            self._source,
            row.root_page,
            usable=self._usable,
            claim=claim,
            problems=self._reporter(tree),
            read_leaves=read_leaves,
        )

    def follow(self, tree: int, page: BtreePage) -> None:
        """Claim the overflow pages of the cells of `page`."""
        problems = self._reporter(tree)
        if page.kind == TABLE_INTERIOR:
            return
        found = table_leaf_cells if page.kind == TABLE_LEAF else payload_cells
        for _, size, start, end, overflow in found(page, problems):
            if overflow:
                count = chain_length(size, end - start, self._usable)
                self._follow_chain(tree, overflow, count)

    def follow_leaf(self, tree: int, number: int) -> None:
        """Claim the overflow pages of a leaf that was not read yet."""
        if self._missing:
            try:
                page = parse_page(self._source.page(number), number, usable=self._usable)
            except PageInvalid as error:
                self._report(self._objects[tree].name, str(error))
            else:
                self.follow(tree, page)

    def search(self, tree: int) -> None:
        """Follow the leaves of a tree that were not asked for, until no page asked for is missing.

        A page that has no owner at all costs a look at every leaf of the database.
        """
        if not self._missing:
            return
        seen = bytearray(len(self._claimed))
        leaves = walk(
            self._source,
            self._objects[tree].root_page,
            usable=self._usable,
            claim=lambda number, _: _mark(seen, number),
            problems=lambda _: None,
            read_leaves=False,
        )
        for visit in leaves:
            if visit.page is None and not self.asked(visit.number):
                self.follow_leaf(tree, visit.number)
            if not self._missing:
                return

    def asked(self, number: int) -> bool:
        """Say whether the page is one of those asked for."""
        return self._missing is None or number in self._known

    def take_freelist(self) -> None:
        """Claim the pages of the freelist that no tree has."""
        pages = freelist(
            self._source,
            self._freelist,
            usable=self._usable,
            claim=lambda number: _mark(self._claimed, number),
            problems=self._reporter(0),
        )
        for number, is_trunk in pages:
            self._record(number, 2, Role.FREELIST_TRUNK if is_trunk else Role.FREELIST_LEAF)

    def _take_places(self, auto_vacuum: bool) -> None:  # noqa: FBT001 - of the header
        """Claim the pages that are known by their number."""
        lock_page = lock_page_of(self._source)
        if lock_page:
            self._claim(lock_page, 4, Role.LOCK_PAGE)
        if auto_vacuum:
            for number in pointer_maps(self._source, usable=self._usable):
                self._claim(number, 3, Role.POINTER_MAP)

    def _follow_chain(self, tree: int, first: int, count: int) -> None:
        def claim(number: int) -> bool:
            return self._claim(number, tree, Role.OVERFLOW)

        try:
            for _ in chain(self._source, first, min(count, self._source.page_count), claim):
                pass
        except ChainBroken as error:
            self._report(self._objects[tree].name, str(error))

    def _claim(self, number: int, owner: int, role: Role) -> bool:
        fresh = _mark(self._claimed, number)
        if fresh:
            self._record(number, owner, role)
        return fresh

    def _record(self, number: int, owner: int, role: Role) -> None:
        if self._missing is None:
            self._known[number] = owner << _ROLE_BITS | _CODES[role]
        elif number in self._missing:
            self._missing.discard(number)
            self._known[number] = owner << _ROLE_BITS | _CODES[role]

    def _header(self, findings: list[str]) -> tuple[int, int, bool]:
        """Return usable bytes of a page, first freelist trunk, and whether there are pointer maps.

        Where page 1 does not tell, pages are taken to be used wholly.
        """
        if not self._source.page_count:
            return self._source.page_size, 0, False
        try:
            header = header_of(self._source)
        except PageInvalid as error:
            findings.append(f"page 1: {error}")
            return self._source.page_size, 0, False
        usable = header.page_size - header.reserved_bytes
        return usable, header.freelist_head, header.auto_vacuum != "none"

    def _schema(self, findings: list[str]) -> list[SchemaRow]:
        if not self._source.page_count:
            return []
        try:
            return read_schema(self._source, findings.append)
        except PageInvalid:
            return []

    def _reporter(self, tree: int) -> Problems:
        name = self._objects[tree].name
        return lambda message: self._report(name, message)

    def _report(self, name: str, message: str) -> None:
        if len(self.result.findings) < _KEPT_FINDINGS:
            self.result.findings.append(OwnerFinding(name, message))
        else:
            self.result.findings_dropped += 1


def _mark(bits: bytearray, number: int) -> bool:
    """Set the bit of `number`; return whether it was not set before."""
    byte, bit = number >> 3, 1 << (number & 7)
    if bits[byte] & bit:
        return False
    bits[byte] |= bit
    return True
