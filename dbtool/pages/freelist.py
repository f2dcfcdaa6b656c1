"""Pages that hold no content: the freelist and the pointer maps of auto_vacuum.

    freelist trunk  0 4 next trunk, 0 on the last; 4 4 number of leaves; 8 4*n their page numbers

A pointer map is page 2 and then every (usable/5 + 1)th page; one that would be the page of the lock
bytes is the page behind it.
Source: https://sqlite.org/fileformat2.html#the_freelist and #pointer_map_or_ptrmap_pages
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from dbtool.pages.btree import Problems
from dbtool.pages.overflow import Claim
from dbtool.pages.source import PageInvalid, PageSource, lock_page_of

__all__ = ["freelist", "pointer_maps"]

_TRUNK = struct.Struct(">II")


def freelist(
    source: PageSource, head: int, *, usable: int, claim: Claim, problems: Problems
) -> Iterator[tuple[int, bool]]:
    """Yield (page number, whether it is a trunk) of the freelist that begins at `head`.

    Args:
        source: the database.
        head: first trunk; 0 for an empty list; not checked yet.
        usable: bytes of a page that SQLite uses.
        claim: asked before each page; what it refuses is told to `problems` and not yielded.
        problems: told what is wrong.
    """
    trunk = head
    while trunk:
        if not _may(source, trunk, claim, problems):
            return
        yield trunk, True
        try:
            data = source.page(trunk)
        except PageInvalid as error:
            problems(f"freelist trunk {trunk} cannot be read: {error}")
            return
        following, count = _TRUNK.unpack_from(data)
        if count > usable // 4 - 2:
            problems(f"freelist trunk {trunk} speaks of {count} leaves, more than fit")
            count = 0
        for leaf in struct.unpack_from(f">{count}I", data, _TRUNK.size):
            if _may(source, leaf, claim, problems):
                yield leaf, False
        trunk = following


def pointer_maps(source: PageSource, *, usable: int) -> Iterator[int]:
    """Yield the numbers of the pointer maps of a database with auto_vacuum."""
    lock_page = lock_page_of(source)
    for number in range(2, source.page_count + 1, usable // 5 + 1):
        shifted = number + 1 if number == lock_page else number
        if shifted <= source.page_count:
            yield shifted


def _may(source: PageSource, number: int, claim: Claim, problems: Problems) -> bool:
    if not 1 < number <= source.page_count:
        problems(f"the freelist leads to page {number} of {source.page_count}")
        return False
    if not claim(number):
        problems(f"the freelist leads to page {number}, which has another place already")
        return False
    return True
