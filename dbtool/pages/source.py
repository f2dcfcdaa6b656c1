"""Pages by number, wherever they come from: a live database, a snapshot, a damaged file.

Whoever parses pages takes a `PageSource` and never asks where it reads. `PageReader` is one.
"""

from __future__ import annotations

from typing import Protocol

from dbtool.pages.header import HEADER_BYTES, LOCK_BYTE_OFFSET, DatabaseHeader, HeaderInvalid

__all__ = ["PageInvalid", "PageSource", "PageUnreadable", "header_of", "lock_page_of"]


class PageInvalid(ValueError):  # noqa: N818 - reads as a finding where it is caught
    """A page, or a part of one, is not what the file format allows."""


class PageUnreadable(PageInvalid):
    """The page lies beyond the end of the file, or the system cannot read it."""


class PageSource(Protocol):
    """Random access to the pages of one consistent state of a database."""

    page_size: int
    """Bytes, a power of two from 512 to 65536; 0 for an empty database."""
    page_count: int
    """Pages 1 to this number exist."""

    def page(self, number: int) -> bytes:
        """Return the whole content of a page.

        Raises:
            PageUnreadable: this page cannot be had; others may.
            ValueError: not within 1 to `page_count`.
            DbtoolError: no page can be had any more.
        """


def header_of(source: PageSource) -> DatabaseHeader:
    """Return the header on page 1.

    Raises:
        PageInvalid: it is none, or does not agree with the page size of `source`.
    """
    try:
        header = DatabaseHeader.parse(source.page(1)[:HEADER_BYTES])
    except HeaderInvalid as error:
        raise PageInvalid(str(error)) from error
    if header.page_size != source.page_size:
        message = f"the header speaks of pages of {header.page_size} bytes"
        raise PageInvalid(message)
    return header


def lock_page_of(source: PageSource) -> int:
    """Return the number of the page that holds the lock bytes; 0 where the file is too short."""
    number = LOCK_BYTE_OFFSET // source.page_size + 1 if source.page_size else 0
    return number if number <= source.page_count else 0
