"""To which table or index a page belongs that cannot be read, told from the pages around it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dbtool.backup.pagecache import PageCache
from dbtool.errors import Damaged, DbtoolError
from dbtool.pages.owners import Role, owners_of
from dbtool.pages.source import PageUnreadable

if TYPE_CHECKING:
    from dbtool.backup.tree import PageDamaged, SnapshotTree

__all__ = ["with_owner"]

_MOST_PAGES: Final = 4096
"""Pages looked at; the owner is a help, and not worth reading a whole repository for."""


class _TooDear(Exception):  # noqa: N818  a way to stop, not an error
    pass


class _Pages:
    """The pages of a snapshot as those who parse them want them, up to a number."""

    def __init__(self, tree: SnapshotTree, cache: PageCache) -> None:
        self.page_size = tree.snapshot.page_size
        self.page_count = tree.snapshot.page_count
        self._cache = cache
        self._looked_at = 0

    def page(self, number: int) -> bytes:
        """Return a page, or say that this one cannot be had."""
        self._looked_at += 1
        if self._looked_at > _MOST_PAGES:
            raise _TooDear
        try:
            return bytes(self._cache.page(number))
        except Damaged as error:
            raise PageUnreadable(error.message) from error


def with_owner(tree: SnapshotTree, error: PageDamaged) -> Damaged:
    """Return an error that also says what lost the page; the same one where that is not known."""
    cache = PageCache(tree)
    try:
        owner = owners_of(_Pages(tree, cache), [error.page])[error.page]
    except (_TooDear, DbtoolError, LookupError, ValueError):
        return error
    finally:
        cache.close()
    if owner.role is Role.UNKNOWN:
        return error
    what = f"{owner.kind} {owner.name}".strip() if owner.name else owner.kind
    told = f"the page belongs to {what}; what does not need it can still be read"
    context = f"{told}\n{error.context}".rstrip("\n")
    return Damaged(error.code, error.message, context=context, hint=error.hint)
