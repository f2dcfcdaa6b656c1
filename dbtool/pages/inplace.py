"""Some pages of an existing database rewritten as one atomic step, under SQLite's EXCLUSIVE lock.

    lock -> journal of the old pages, synced -> folder synced -> pages, size, synced
         -> journal deleted, folder synced: done

Invariant: at every moment, a crash included, whoever opens the target through SQLite finds the old
database or the new one; `dbtool.pages.journal` writes what SQLite needs to undo the rest.
"""

from __future__ import annotations

import logging
import os
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import apsw

from dbtool.core.atomicfile import SYSTEM_FILES, FileOps, failures_named, storage_failed
from dbtool.core.connection import classified, connect, locked, open_live, require_database
from dbtool.core.holders import holders, open_here
from dbtool.core.rawfile import RawFile
from dbtool.errors import Damaged, Locked, StorageFailed
from dbtool.pages.header import HEADER_BYTES, DatabaseHeader, HeaderInvalid, lock_page
from dbtool.pages.journal import OpenRaw, journal_path, write_journal
from dbtool.pages.sidecars import has_pending, remove_leftovers

__all__ = ["InPlaceTarget"]

logger = logging.getLogger(__name__)

_LOCK_PAUSE_S: Final = 0.01


class InPlaceTarget:
    """An existing database of which some pages are rewritten as one atomic step. Made by `open`.

    Attributes:
        page_size: bytes; 0 for an empty file.
        page_count: pages that the file holds.
    """

    def __init__(self, real: Path, file: RawFile, *, open_raw: OpenRaw, files: FileOps) -> None:
        self._real = real
        self._file = file
        self._open_raw = open_raw
        self._files = files
        self.page_size, self.page_count = _shape(real, file)

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        busy_timeout_s: float = 10.0,
        open_raw: OpenRaw = RawFile,
        files: FileOps = SYSTEM_FILES,
    ) -> Self:
        """Take SQLite's EXCLUSIVE lock on `path`, with its journal or WAL brought into the file.

        Raises:
            Locked: `restore-target-busy`, other processes (named) or this one have it open;
                `database-locked`.
            DbtoolError: as `dbtool.core.connection.open_readonly`.
        """
        real = require_database(path)
        deadline_s = time.monotonic() + busy_timeout_s
        _refuse_own_descriptors(path, real)  # only now are none of them ours
        while True:
            _refuse_holders(path, real)
            if real.stat().st_size:
                # Closing as the last connection checkpoints and removes the WAL; opening rolls a
                # hot journal back.
                open_live(real, busy_timeout_s=busy_timeout_s).close()
            with classified(real):
                file = open_raw(real, writable=True)
                try:
                    if file.try_lock_exclusive():
                        if not has_pending(real):
                            remove_leftovers(real)
                            return cls(real, file, open_raw=open_raw, files=files)
                        file.unlock()
                except BaseException:
                    file.close()
                    raise
                file.close()
            if time.monotonic() >= deadline_s:
                raise locked(real)
            time.sleep(_LOCK_PAUSE_S)

    def blocks(
        self, pages_per_block: int, *, first: int = 1, last: int | None = None
    ) -> Iterator[tuple[int, bytes]]:
        """Yield (first page number, content of whole pages) as `PageReader.blocks` does."""
        end = self.page_count if last is None else min(last, self.page_count)
        for start in range(first, end + 1, pages_per_block):
            count = min(pages_per_block, end + 1 - start)
            with classified(self._real):
                data = self._file.read((start - 1) * self.page_size, count * self.page_size)
            yield start, data

    def apply(
        self,
        page_count: int,
        numbers: Iterable[int],
        pages: Iterable[tuple[int, bytes | memoryview]],
        *,
        advance: Callable[[int], None] | None = None,
    ) -> None:
        """Rewrite the pages `numbers` and set the size to `page_count` pages, all or nothing.

        Args:
            page_count: of the database afterwards.
            numbers: every page that `pages` will give, with each page beyond the present end.
            pages: (first page number, whole pages) in any order; read only after the old content
                is durable.
            advance: called with the bytes written.

        Raises:
            ValueError: `pages` gave a page that was not announced, or not every one that was.
            StorageFailed: no space, or an I/O error; the target is as it was. Or its
                message says that the new content is there, but may not survive a power cut.
            Exception: whatever `pages` or `advance` raises; the target is as it was.
        """
        wanted = self._marked(numbers, page_count)
        try:
            self._write_journal(wanted, page_count)
        except BaseException:
            self._drop_journal()
            raise
        try:
            self._overwrite(wanted, pages, advance)
            self._resize(page_count)
        except BaseException:
            self._roll_back()
            raise
        self._commit(page_count)

    def close(self) -> None:
        """Give up the lock; again is allowed."""
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

    # -- the steps

    def _marked(self, numbers: Iterable[int], page_count: int) -> bytearray:
        """Return one byte per page, by its number: 1 where the page is to be rewritten."""
        wanted = bytearray(page_count + 1)
        for number in numbers:
            if not 1 <= number <= page_count:
                message = f"a page to rewrite is not within 1 to {page_count}"
                raise ValueError(message)
            wanted[number] = 1
        lock = lock_page(self.page_size)
        if lock <= page_count:
            wanted[lock] = 0
        return wanted

    def _write_journal(self, wanted: bytearray, page_count: int) -> None:
        with classified(self._real), failures_named("write the journal of", self._real):
            write_journal(
                self._real,
                self._contents(self._lost(wanted, page_count)),
                page_size=self.page_size,
                page_count=self.page_count,
                nonce=secrets.randbits(32),
                open_raw=self._open_raw,
            )
            self._files.fsync_folder(self._real.parent)

    def _lost(self, wanted: bytearray, page_count: int) -> Iterator[int]:
        """Yield the present pages that are overwritten or cut off, in ascending order."""
        end = min(page_count, self.page_count) + 1
        number = wanted.find(1, 1, end)
        while number > 0:
            yield number
            number = wanted.find(1, number + 1, end)
        lock = lock_page(self.page_size)
        for number in range(page_count + 1, self.page_count + 1):
            if number != lock:
                yield number

    def _contents(self, numbers: Iterable[int]) -> Iterator[tuple[int, bytes]]:
        for number in numbers:
            yield number, self._file.read((number - 1) * self.page_size, self.page_size)

    def _overwrite(
        self,
        missing: bytearray,
        pages: Iterable[tuple[int, bytes | memoryview]],
        advance: Callable[[int], None] | None,
    ) -> None:
        lock = lock_page(self.page_size)
        for first, data in pages:
            end = first + len(data) // self.page_size
            count = end - first - (first <= lock < end)
            whole = len(data) % self.page_size == 0 and first > 0
            if not whole or missing.count(1, first, end) != count:
                message = f"page {first} was not to be rewritten, or was given twice"
                raise ValueError(message)
            if count:
                missing[first:end] = bytes(len(missing[first:end]))
                with classified(self._real):
                    self._file.write((first - 1) * self.page_size, data)
            if advance:
                advance(len(data))
        if (left := missing.find(1)) > 0:
            message = f"page {left} was to be rewritten, but was not given"
            raise ValueError(message)

    def _resize(self, page_count: int) -> None:
        size_bytes = page_count * self.page_size
        with classified(self._real):
            if self._file.size() != size_bytes:
                self._file.truncate(size_bytes)
            self._file.sync()

    def _drop_journal(self) -> None:
        """Delete a journal that nothing depends on; never raises `StorageFailed`."""
        with suppress(OSError):
            self._files.unlink(journal_path(self._real))
            self._files.fsync_folder(self._real.parent)

    def _commit(self, page_count: int) -> None:
        """Delete the journal, which ends the transaction: from then on the new content counts."""
        try:
            with failures_named("delete the journal of", self._real):
                self._files.unlink(journal_path(self._real))
        except BaseException:
            self._roll_back()
            raise
        self.page_count = page_count
        try:
            self._files.fsync_folder(self._real.parent)
        except OSError as error:
            named = storage_failed(error, "sync the folder of", self._real)
            raise StorageFailed(
                named.code,
                f"{self._real} has the new content, but may lose it in a power cut",
                context=f"its folder could not be synced: {named.context}",
                hint=named.hint,
            ) from error

    def _roll_back(self) -> None:
        """Let SQLite undo what was written; if even that fails, the journal stays for the next."""
        self._file.close()
        try:
            connection = connect(self._real, apsw.SQLITE_OPEN_READWRITE, busy_timeout_s=0)
            try:
                connection.pragma("schema_version")
            finally:
                connection.close()
        except apsw.Error:
            logger.warning("the journal of %s waits to be rolled back", self._real, exc_info=True)


def _refuse_holders(path: Path, real: Path) -> None:
    busy = holders(real)
    if busy:
        named = ", ".join(f"process {holder}" for holder in busy)
        raise Locked(
            "restore-target-busy",
            f"cannot write into {path}: {named} has it open",
            context="a file that is rewritten under a process makes it read a mixture",
            hint="stop the process, or restore with --live",
        )


def _refuse_own_descriptors(path: Path, real: Path) -> None:
    """Refuse where this process has the target open: POSIX locks do not keep it from itself."""
    if open_here(real):
        raise Locked(
            "restore-target-busy",
            f"cannot write into {path}: this process ({os.getpid()}) has it open itself",
            context="a file that is rewritten under a connection makes it read a mixture",
            hint="close every connection of this program to it, or restore with --live",
        )


def _shape(real: Path, file: RawFile) -> tuple[int, int]:
    """Return page size and page count of a file that a journal of whole pages can restore."""
    size_bytes = file.size()
    if not size_bytes:
        return 0, 0
    try:
        header = DatabaseHeader.parse(file.read(0, HEADER_BYTES))
    except HeaderInvalid as error:
        raise Damaged("database-damaged", f"{real} is damaged", context=str(error)) from error
    if size_bytes % header.page_size:
        context = f"{size_bytes} bytes are not whole pages of {header.page_size}"
        raise Damaged("database-truncated", f"{real} is cut short", context=context)
    return header.page_size, size_bytes // header.page_size
