"""To which table or index a page belongs that cannot be read, told from the pages around it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from dbtool.backup.pagecache import PageCache
from dbtool.errors import Damaged, DbtoolError
from dbtool.pages.btree import INDEX_LEAF, TABLE_LEAF
from dbtool.pages.owners import Owner, Role, owners_of
from dbtool.pages.source import PageUnreadable

if TYPE_CHECKING:
    from dbtool.backup.tree import PageDamaged, SnapshotTree

__all__ = ["with_owner"]

_MOST_PAGES: Final = 4096
"""Pages looked at; the owner is a help, and not worth reading a whole repository for."""


class _TooDear(Exception):  # noqa: N818  a way to stop, not an error
    pass


class _Pages:
    """The pages of a snapshot as those who parse them want them, up to a number.

    The lost page is an empty leaf: an interior page that cannot be read has no place in a tree, a
    leaf has, and both belong to what names them.
    """

    def __init__(self, tree: SnapshotTree, cache: PageCache, lost: int, stand_in: int) -> None:
        self.page_size = tree.snapshot.page_size
        self.page_count = tree.snapshot.page_count
        self._cache = cache
        self._lost = lost
        self._stand_in = bytes([stand_in]) + bytes(self.page_size - 1)
        self._looked_at = 0

    def page(self, number: int) -> bytes:
        """Return a page, or say that this one cannot be had."""
        self._looked_at += 1
        if self._looked_at > _MOST_PAGES:
            raise _TooDear
        if number == self._lost:
            return self._stand_in
        try:
            return bytes(self._cache.page(number))
        except Damaged as error:
            raise PageUnreadable(error.message) from error


def with_owner(tree: SnapshotTree, error: PageDamaged) -> Damaged:
    """Return an error that also says what lost the page; the same one where that is not known."""
    owner = _owner(tree, error.page)
    if owner is None:
        return error
    what = f"{owner.kind} {owner.name}".strip() if owner.name else owner.kind
    told = f"the page belongs to {what}; what does not need it can still be read"
    context = f"{told}\n{error.context}".rstrip("\n")
    return Damaged(error.code, error.message, context=context, hint=error.hint)


def _owner(tree: SnapshotTree, page: int) -> Owner | None:
    cache = PageCache(tree)
    try:
        for stand_in in (TABLE_LEAF, INDEX_LEAF):
            with suppress(_TooDear, DbtoolError, LookupError, ValueError):
                owner = owners_of(_Pages(tree, cache, page, stand_in), [page])[page]
                if owner.role is not Role.UNKNOWN:
                    return owner
    finally:
        cache.close()
    return None
