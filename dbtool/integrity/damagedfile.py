"""The pages of a damaged file, with a header that can be parsed whatever page 1 holds.

Nothing of SQLite's is asked but to read bytes, so no damage can make it refuse. What lies beyond
the end of the file, or on a bad sector, is a page that cannot be read; a last page that is cut off
is filled with zeros. Page 1 comes with a mended header: fields that are out of their bounds are
taken from the header of a snapshot, else guessed from the pages.

Committed frames of a WAL lie over the file if its checksums say that they are whole
(https://sqlite.org/fileformat2.html#the_write_ahead_log); frames behind the first wrong one do not
count, as in SQLite.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Final, Self

import apsw

from dbtool.core.connection import classified
from dbtool.core.rawfile import RawFile
from dbtool.integrity.headerguess import mended_header
from dbtool.pages.header import HEADER_BYTES, DatabaseHeader
from dbtool.pages.source import PageUnreadable
from dbtool.pages.wal import WAL_HEADER_BYTES, WalInvalid
from dbtool.pages.walscan import CommittedFrames, committed_frames

__all__ = ["DamagedFile"]

_MOST_PAGES: Final = 0xFFFFFFFE


class DamagedFile:
    """A damaged database file as a `PageSource`; a context manager. Reads only.

    Args:
        path: absolute path of the file, which nobody writes to meanwhile.
        like: the first 100 bytes of a snapshot of this database, where there is one.
        wal: the WAL that belongs to it; None: leave it aside.

    Attributes:
        page_size: bytes.
        page_count: whole and cut-off pages of the file, and those that the WAL adds.
        header: the mended header.
        raw_header: its 100 bytes.
        mended: what of the header had to be taken from elsewhere, for people.
        unreadable: pages that the system could not read, ascending.

    Raises:
        DbtoolError: the file cannot be opened.
    """

    def __init__(self, path: Path, *, like: bytes = b"", wal: Path | None = None) -> None:
        self._path = path
        self.unreadable: list[int] = []
        with classified(path):
            self._file = RawFile(path)
            self._size_bytes = self._file.size()
        self._wal: RawFile | None = None
        self._frames = CommittedFrames(0, 0, {})
        self.raw_header = b""
        self.mended: list[str] = []
        try:
            self._open_wal(wal)
            self._settle(like)
        except BaseException:
            self.close()
            raise

    def page(self, number: int) -> bytes:
        """Return a page, the last one filled up with zeros; see `PageSource`."""
        if not 1 <= number <= self.page_count:
            message = f"page {number} is not within 1 to {self.page_count}"
            raise ValueError(message)
        at = self._frames.offsets.get(number)
        try:
            if at is not None and self._wal is not None:
                data = self._wal.read(at, self.page_size)
            else:
                data = self._read((number - 1) * self.page_size, self.page_size)
        except apsw.Error as error:
            if number not in self.unreadable[-1:]:
                self.unreadable.append(number)
            message = f"page {number} cannot be read: {error}"
            raise PageUnreadable(message) from error
        if len(data) < self.page_size:
            if not data:
                message = f"page {number} lies beyond the end of the file"
                raise PageUnreadable(message)
            data = data.ljust(self.page_size, b"\0")
        return self.raw_header + data[HEADER_BYTES:] if number == 1 else data

    def close(self) -> None:
        """Close the files; again is allowed."""
        self._file.close()
        if self._wal is not None:
            self._wal.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _settle(self, like: bytes) -> None:
        """Learn page size, page count and header."""
        frames = self._frames
        at = frames.offsets.get(1)
        raw = self._sampled(0, HEADER_BYTES)
        if at is not None and self._wal is not None:
            raw = self._wal.read(at, HEADER_BYTES)
        self.raw_header, mended = mended_header(raw, like, self._sampled, self._size_bytes)
        self.mended += mended
        self.header = DatabaseHeader.parse(self.raw_header)
        self.page_size = self.header.page_size
        if frames.page_size != self.page_size:
            self._frames = frames = CommittedFrames(0, 0, {})
        in_file = -(-self._size_bytes // self.page_size)
        self.page_count = min(max(in_file, frames.page_count), _MOST_PAGES)

    def _open_wal(self, wal: Path | None) -> None:
        if wal is None:
            return
        with classified(wal):
            self._wal = RawFile(wal, "wal")
            size_bytes = self._wal.size()
        if size_bytes > WAL_HEADER_BYTES:
            try:
                self._frames = committed_frames(self._wal.read, size_bytes)
            except (WalInvalid, apsw.Error) as error:
                self.mended.append(f"the WAL is left aside: {error}")

    def _sampled(self, offset: int, length: int) -> bytes:
        """Read for a guess: nothing where the system cannot."""
        try:
            return self._read(offset, length)
        except apsw.Error:
            return b""

    def _read(self, offset: int, length: int) -> bytes:
        """Read up to the end of the file, as it was when it was opened."""
        return self._file.read(offset, min(length, self._size_bytes - offset))
