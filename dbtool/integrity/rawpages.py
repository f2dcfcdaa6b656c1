"""Pages of a file that SQLite will not open, by their place in it; and whether it is a database.

No transaction and no WAL: whoever needs a consistent state takes `dbtool.pages.reader.PageReader`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import apsw

from dbtool.core.connection import classified
from dbtool.core.rawfile import RawFile
from dbtool.pages.header import HEADER_BYTES, DatabaseHeader, HeaderInvalid
from dbtool.pages.source import PageUnreadable

__all__ = ["RawPages", "guess_page_size"]

_PAGE_KINDS: Final = frozenset({2, 5, 10, 13})
_LIKELY_SIZES: Final = (4096, 1024, 2048, 8192, 16384, 32768, 65536, 512)
_SAMPLES: Final = 200
_FEWEST: Final = 2
_ENOUGH: Final = 0.3
"""Share of the sampled pages that must look like those of a b-tree; the rest may be overflow pages,
free or damaged. Of random bytes one page in 10,000 does."""
_TREE_HEADER_BYTES: Final = 8
_CHUNK_BYTES: Final = 1 << 20


class RawPages:
    """The whole pages of one file; a context manager.

    Args:
        path: the database file.
        page_size: bytes.

    Attributes:
        page_size: bytes.
        page_count: whole pages that the file has.
        size_bytes: length of the file.
    """

    def __init__(self, path: Path, page_size: int) -> None:
        self._path = path
        with classified(path):
            self._file = RawFile(path)
            self.size_bytes = self._file.size()
        self.page_size = page_size
        self.page_count = self.size_bytes // page_size

    def page(self, number: int) -> bytes:
        """Return the content of one page.

        Raises:
            PageUnreadable: it lies beyond the end, or the system cannot read it.
        """
        if not 1 <= number <= self.page_count:
            message = f"page {number} lies beyond the end of the file"
            raise PageUnreadable(message)
        try:
            data = self._file.read((number - 1) * self.page_size, self.page_size)
        except apsw.Error as error:
            message = f"page {number} cannot be read: {error}"
            raise PageUnreadable(message) from error
        if len(data) < self.page_size:
            message = f"the file was cut off before page {number}"
            raise PageUnreadable(message)
        return data

    def blocks(
        self, pages_per_block: int, *, first: int = 1, last: int | None = None
    ) -> Iterator[tuple[int, bytes]]:
        """Yield (first page number, whole pages) ascending, as `PageReader.blocks`."""
        end = self.page_count if last is None else min(last, self.page_count)
        for start in range(first, end + 1, pages_per_block):
            count = min(pages_per_block, end + 1 - start)
            with classified(self._path):
                yield (
                    start,
                    self._file.read((start - 1) * self.page_size, count * self.page_size),
                )

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def guess_page_size(path: Path, known: int = 0) -> int:
    """Return the page size of a file that may be a damaged database; 0 where nothing speaks for it.

    Args:
        path: any file.
        known: the page size in its newest snapshot; 0: there is none.
    """
    with classified(path), RawFile(path) as file:
        size_bytes = file.size()
        try:
            header = DatabaseHeader.parse(file.read(0, HEADER_BYTES))
        except HeaderInvalid:
            sizes = tuple(dict.fromkeys(filter(None, (known, *_LIKELY_SIZES))))
        else:
            return header.page_size
        for page_size in sizes:
            if _looks_like_pages(file, size_bytes, page_size):
                return page_size
        # A crash of the system can leave a file of zeros; only a snapshot tells what it was.
        return known if known and size_bytes >= known and _is_blank(file, size_bytes) else 0


def _is_blank(file: RawFile, size_bytes: int) -> bool:
    starts = range(0, size_bytes, _CHUNK_BYTES)
    return not any(file.read(at, _CHUNK_BYTES).strip(b"\0") for at in starts)


def _looks_like_pages(file: RawFile, size_bytes: int, page_size: int) -> bool:
    """Say whether enough pages behind the first begin like those of a b-tree."""
    count = size_bytes // page_size
    step = max(1, (count - 1) // _SAMPLES)
    numbers = range(1, count, step)
    found = sum(_is_tree_page(file.read(n * page_size, page_size), page_size) for n in numbers)
    return found >= max(_FEWEST, len(numbers) * _ENOUGH)


def _is_tree_page(data: bytes, page_size: int) -> bool:
    if len(data) < page_size or data[0] not in _PAGE_KINDS:
        return False
    cells = int.from_bytes(data[3:5], "big")
    content = int.from_bytes(data[5:7], "big") or 65536
    begins = _TREE_HEADER_BYTES + 2 * cells
    return begins <= content <= page_size and data[7] <= 60  # noqa: PLR2004 - SQLite defragments above
