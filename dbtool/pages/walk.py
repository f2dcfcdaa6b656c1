"""The pages of one b-tree, from its root down, in key order.

A walk may leave the leaf pages unread: all leaves of a tree lie at one depth, which a single
descent learns, so the interior pages above name every leaf. That reads about 1 page in 100 to 400.

Damage and malice end a branch, not the walk: a page out of range, of another kind of tree, deeper
than SQLite allows, or already claimed is told to `problems` and not entered. So every page is
entered at most once and the walk ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from dbtool.pages.btree import (
    INTERIOR_KINDS,
    TABLE_INTERIOR,
    TABLE_LEAF,
    BtreePage,
    Problems,
    children,
    parse_page,
)
from dbtool.pages.source import PageInvalid, PageSource

__all__ = ["MOST_LEVELS", "Visit", "walk"]

MOST_LEVELS: Final = 20
"""Deeper trees SQLite itself calls corrupt (BTCURSOR_MAX_DEPTH)."""

ClaimPage = Callable[[int, bool], bool]
"""(page number, whether it is a leaf) -> whether the walk may enter this page."""


class Visit(NamedTuple):
    """One page of a tree."""

    number: int
    depth: int
    """0 for the root."""
    leaf: bool
    page: BtreePage | None
    """None: a leaf that was not read."""


def walk(
    source: PageSource,
    root: int,
    *,
    usable: int,
    claim: ClaimPage,
    problems: Problems,
    read_leaves: bool = True,
) -> Iterator[Visit]:
    """Yield the pages of the tree at `root`, parents before children, leaves in key order.

    Args:
        source: the database.
        root: page number; anything, it is checked.
        usable: bytes of a page that SQLite uses.
        claim: asked before each page is entered.
        problems: told of each branch that had to be left out.
        read_leaves: False: leaves come without their page, those at the root excepted.
    """
    leaf_depth = MOST_LEVELS if read_leaves else _leaf_depth(source, root, usable)
    waiting = [(root, 0, 0)]
    family: bool | None = None
    while waiting:
        number, depth, parent = waiting.pop()
        page: BtreePage | None = None
        try:
            _require_place(source, number, depth, parent)
            if depth < leaf_depth or depth == 0:
                page = parse_page(source.page(number), number, usable=usable)
                family = _family(page, family, parent)
        except PageInvalid as error:
            problems(str(error))
            continue
        leaf = page is None or page.kind not in INTERIOR_KINDS
        if page is not None and leaf and not read_leaves and depth:
            page = None  # alike, whether it had to be read to know that it is a leaf or not
        if not claim(number, leaf):
            problems(f"{_whence(parent)} leads to page {number}, which has another place already")
            continue
        yield Visit(number, depth, leaf, page)
        if page is not None and not leaf:
            below = children(page, problems)
            waiting.extend((child, depth + 1, number) for child in reversed(below))


def _leaf_depth(source: PageSource, root: int, usable: int) -> int:
    """Return the depth of the first leaf; MOST_LEVELS, read everything, where none can be met."""
    number = root
    for depth in range(MOST_LEVELS):
        try:
            _require_place(source, number, depth, 0)
            page = parse_page(source.page(number), number, usable=usable)
        except PageInvalid:
            return MOST_LEVELS
        if page.kind not in INTERIOR_KINDS:
            return depth
        number = children(page, lambda _: None)[0]
    return MOST_LEVELS


def _require_place(source: PageSource, number: int, depth: int, parent: int) -> None:
    if not 1 <= number <= source.page_count:
        message = f"{_whence(parent)} leads to page {number} of {source.page_count}"
        raise PageInvalid(message)
    if depth >= MOST_LEVELS:
        message = f"page {number} lies deeper in a tree than SQLite allows"
        raise PageInvalid(message)


def _family(page: BtreePage, expected: bool | None, parent: int) -> bool:  # noqa: FBT001 - see below
    """Return whether `page` is of a table tree (of an index else), as all pages of its tree are."""
    is_table = page.kind in {TABLE_INTERIOR, TABLE_LEAF}
    if expected is not None and is_table != expected:
        message = f"{_whence(parent)} leads to page {page.number}, of another kind of tree"
        raise PageInvalid(message)
    return is_table


def _whence(parent: int) -> str:
    return f"page {parent}" if parent else "the schema"
