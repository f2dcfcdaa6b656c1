"""Every page belongs to exactly one object, the freelist or the file format: found by dbstat.

It finds what a check of one table cannot: pages that nobody has, and pages that two objects have.
SQLite walks the trees (https://sqlite.org/dbstat.html); memory is an eighth of a byte per page.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import apsw

from dbtool.core.progress import Progress
from dbtool.integrity.findings import Code, Finding, Kind, Level, Rung, Verdict, joined
from dbtool.integrity.objects import Catalogue
from dbtool.pages.freelist import freelist, pointer_maps
from dbtool.pages.source import PageInvalid, PageSource, header_of, lock_page_of

__all__ = ["PageBits", "account"]

_MOST_NAMED: Final = 100_000
"""Lost pages whose numbers are kept; more are counted."""
_ROWS_PER_STEP: Final = 2_000


class PageBits:
    """One bit per page."""

    def __init__(self, count: int) -> None:
        self.bits = bytearray(count // 8 + 1)

    def take(self, number: int) -> bool:
        """Set a bit; return whether it was not set before."""
        byte, bit = number >> 3, 1 << (number & 7)
        fresh = not self.bits[byte] & bit
        self.bits[byte] |= bit
        return fresh

    def absent(self, last: int) -> Iterator[int]:
        """Yield the numbers from 1 to `last` that were not taken."""
        for byte, bits in enumerate(self.bits):
            if bits == 0xFF:  # noqa: PLR2004 - all eight
                continue
            for bit in range(8):
                number = byte * 8 + bit
                if number and number <= last and not bits & (1 << bit):
                    yield number


def account(
    connection: apsw.Connection, pages: PageSource, catalogue: Catalogue, progress: Progress
) -> list[Finding]:
    """Return what is wrong with who has which page.

    Args:
        connection: reads the same state as `pages`.
        pages: the database.
        catalogue: the schema.
        progress: a safe point every so many pages.
    """
    seen = PageBits(pages.page_count)
    shared: dict[str, set[int]] = {}
    try:
        _take_trees(connection, pages, seen, shared, progress)
        _take_rest(pages, seen)
    except (apsw.Error, PageInvalid, UnicodeDecodeError):
        return []  # dbstat reads the schema and the trees: what stops it has its finding already
    found = [_shared(name, numbers, catalogue) for name, numbers in shared.items()]
    lost = list(_first(seen.absent(pages.page_count), _MOST_NAMED))
    return [*found, _lost(lost)] if lost else found


def _take_trees(
    connection: apsw.Connection,
    pages: PageSource,
    seen: PageBits,
    shared: dict[str, set[int]],
    progress: Progress,
) -> None:
    take, last = seen.take, pages.page_count
    rows = connection.execute("SELECT pageno, name FROM dbstat")
    for count, (number, name) in enumerate(rows):
        if not count % _ROWS_PER_STEP:
            progress.advance(0)
        if 1 <= number <= last and not take(number):
            shared.setdefault(str(name), set()).add(number)


def _take_rest(pages: PageSource, seen: PageBits) -> None:
    if not pages.page_count:
        return
    header = header_of(pages)
    usable = header.page_size - header.reserved_bytes
    lock = lock_page_of(pages)
    if lock:
        seen.take(lock)
    if header.auto_vacuum != "none":
        for number in pointer_maps(pages, usable=usable):
            seen.take(number)
    trunks = freelist(
        pages, header.freelist_head, usable=usable, claim=seen.take, problems=lambda _text: None
    )
    for _page in trunks:
        pass


def _first(numbers: Iterator[int], most: int) -> Iterator[int]:
    for count, number in enumerate(numbers):
        if count == most:
            return
        yield number


def _shared(name: str, numbers: set[int], catalogue: Catalogue) -> Finding:
    subject = catalogue.named(name)
    return Finding(
        Level.STRUCTURE,
        Code.PAGE_SHARED,
        Verdict.DATA_DAMAGE,
        subject.kind if subject else Kind.FILE,
        name if subject else "",
        f"page {min(numbers)} has another owner too"
        + (f", and so have {len(numbers) - 1:,} more" if len(numbers) > 1 else ""),
        table=subject.table if subject else "",
        pages=joined(numbers),
        rung=Rung.SALVAGE,
    )


def _lost(numbers: list[int]) -> Finding:
    count = f"{len(numbers):,}" + ("" if len(numbers) < _MOST_NAMED else " or more")
    return Finding(
        Level.STRUCTURE,
        Code.PAGE_LOST,
        Verdict.DERIVED_DAMAGE,
        Kind.FILE,
        "",
        f"{count} {'page belongs' if len(numbers) == 1 else 'pages belong'} to no object and not "
        "to the freelist",
        pages=joined(numbers),
        rows_at_risk=0,
        rung=Rung.DERIVED,
    )
