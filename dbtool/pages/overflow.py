"""Payloads that do not fit into their page: the chain of pages that holds the rest.

    offset  size  field
         0     4  next page of the chain, 0 on the last
         4     *  content, to the end of the usable bytes

Whoever follows a chain hands in `claim`, which says whether a page may be taken: so no chain is
endless, and no page is read for two values.
Source: https://sqlite.org/fileformat2.html#cell_payload_overflow_pages
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from dbtool.pages.source import PageInvalid, PageSource

__all__ = ["ChainBroken", "Claim", "chain", "chain_length", "payload"]

_NEXT_BYTES: Final = 4

Claim = Callable[[int], bool]
"""Page number -> whether the chain may take this page; False where it belongs to something else."""


class ChainBroken(PageInvalid):
    """A chain of overflow pages does not lead to its end.

    Attributes:
        got: the content up to the break, the local part included (of `payload` only).
    """

    def __init__(self, message: str, got: bytes = b"") -> None:
        super().__init__(message)
        self.got = got


def chain_length(payload_size: int, local: int, usable: int) -> int:
    """Return how many overflow pages hold what a payload has beyond its `local` bytes."""
    return -(-(payload_size - local) // (usable - _NEXT_BYTES))


def chain(source: PageSource, first: int, count: int, claim: Claim) -> Iterator[tuple[int, bytes]]:
    """Yield (page number, whole page) for the `count` pages of a chain.

    Raises:
        ChainBroken: a page is out of range, taken, or unreadable, or the chain is too short.
    """
    number = first
    for done in range(count):
        if not 1 < number <= source.page_count:
            where = "ends" if number == 0 else f"leads to page {number}"
            message = f"a chain of {count} overflow pages {where} after {done}"
            raise ChainBroken(message)
        if not claim(number):
            message = f"a chain of overflow pages leads to page {number}, which is not its own"
            raise ChainBroken(message)
        try:
            data = source.page(number)
        except PageInvalid as error:
            message = f"overflow page {number} cannot be read: {error}"
            raise ChainBroken(message) from error
        yield number, data
        number = int.from_bytes(data[:_NEXT_BYTES], "big")


def payload(
    source: PageSource, local: bytes, first: int, *, size: int, usable: int, claim: Claim
) -> bytes:
    """Return the whole payload of `size` bytes that begins with `local` and goes on at `first`.

    Raises:
        ChainBroken: with what was read before the break.
    """
    count = chain_length(size, len(local), usable)
    # No memory for a size that the file cannot hold.
    if count > source.page_count:
        message = f"a payload of {size} bytes is longer than the database"
        raise ChainBroken(message, local)
    parts = [local]
    try:
        parts.extend(data[_NEXT_BYTES:usable] for _, data in chain(source, first, count, claim))
    except ChainBroken as error:
        raise ChainBroken(str(error), b"".join(parts)) from error
    return b"".join(parts)[:size]
