"""One consistent stream of a live database's pages, straight from its file and its WAL.

Rollback journal: the read transaction holds SHARED, which keeps writers out of the file; its pages
are the snapshot.
WAL: the snapshot is the main file overlaid with the frames 1 to mxFrame. SQLite
does not tell a connection its own mxFrame, so a second connection asks for the newest one before
and after the read transaction begins; if both answers and the WAL's header agree, no commit came
between, and that was the transaction's. The header is read before the count on both sides: a reset
of the log shows either as a new header or as a smaller count.

A read mark above 0 keeps the log from being reset and checkpoints from writing anything newer into
the main file. A mark of 0 is taken only if the log was checkpointed wholly; then the log may be
reset under us, but nothing is written into the main file. So the overlay is used exactly if some
frame was not checkpointed yet, and either way no byte of the snapshot can change while it is read
(https://sqlite.org/walformat.html#wal_locks).

Invariants: the database, its -wal and the list of files beside it are after `close` what they were
before `open`; no file is opened other than through SQLite, so no lock of this process is lost.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import apsw

from dbtool.core.clock import Clock, SystemClock
from dbtool.core.connection import classified, classify
from dbtool.core.progress import Progress, Silent
from dbtool.errors import Damaged, DbtoolError
from dbtool.pages.header import HEADER_BYTES, DatabaseHeader, HeaderInvalid
from dbtool.pages.session import ReadSession
from dbtool.pages.state import SourceState, state_of
from dbtool.pages.wal import (
    WalInvalid,
    commit_size,
    frame_checksum,
    frame_index,
    pages_of_frames,
)

__all__ = ["PageReader", "SourceState"]

_DATABASE: Final = 0
_WAL: Final = 1


class PageReader:
    """A read transaction and the pages it sees; a context manager. Made by `open`.

    Attributes:
        page_size: bytes; 0 for an empty file.
        page_count: 0 for an empty file.
        journal_mode: "wal" or "delete" (any kind of rollback journal).
        state: how the files looked before the transaction began, with the committed frames of the
        WAL that the transaction sees.
        began: when the transaction began, aware, in UTC.
    """

    def __init__(self, session: ReadSession, began: datetime, real: Path) -> None:
        self.state = session.state
        self.began = began
        self.journal_mode = session.journal_mode
        self.page_size = 0
        self.page_count = 0
        self._real = real
        self._session = session
        self._overlay: dict[int, int] = {}
        if session.connection is not None:
            self._load(session)
        self._overlaid = sorted(self._overlay)

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        busy_timeout_s: float = 10.0,
        progress: Progress | None = None,
        clock: Clock | None = None,
    ) -> Self:
        """Begin a read transaction on `path`.

        Args:
            path: the database file.
            busy_timeout_s: how long to wait for a lock.
            progress: hears a warning where a private copy had to be made.
            clock: gives `began`.

        Raises:
            DbtoolError: as `dbtool.core.connection.open_readonly`, and Damaged `foreign-journal`
            where a hot
                journal does not fit, Locked `database-busy` where writers left no gap.
        """
        clock = clock or SystemClock()
        state = state_of(path)
        real = path.resolve()
        with classified(real):
            session = ReadSession(
                real, state, busy_timeout_s=busy_timeout_s, progress=progress or Silent()
            )
            try:
                return cls(session, clock.now(), real)
            except BaseException:
                session.close()
                raise

    @staticmethod
    def state_now(path: Path) -> SourceState:
        """Look at the files of `path` without a transaction, to compare with an older state.

        Where there is a WAL, this proves nothing: its committed frames are not counted.
        """
        return state_of(path)

    def still_reads(self, before: SourceState) -> bool:
        """Say whether nobody can have written between a state and this transaction.

        `state` was looked at before the transaction began, and perhaps long before, as a lock may
        have been waited for. With a WAL it counts the frames that the transaction sees. With a
        rollback journal it cannot tell a commit in between; a look now can, as none can follow.
        """
        if not before.proves_unchanged(self.state):
            return False
        return self.journal_mode == "wal" or before.proves_unchanged(state_of(self._real))

    @property
    def connection(self) -> apsw.Connection | None:
        """The connection that holds the read transaction, for statements that read.

        None for an empty file. It ends with the reader, and only its owner may end the transaction.
        """
        return self._session.connection

    def blocks(
        self, pages_per_block: int, *, first: int = 1, last: int | None = None
    ) -> Iterator[tuple[int, bytes]]:
        """Yield (first page number, content of whole pages) in ascending order, every page once.

        Args:
            pages_per_block: the last block may be shorter.
            first: first page, 1-based.
            last: last page, inclusive; None: the last of the database.

        Raises:
            Damaged: `database-truncated`.
            Locked: `database-busy`, a file on a medium without locks was written to.
            StorageFailed: the system cannot read the file.
        """
        end = self.page_count if last is None else min(last, self.page_count)
        if first > end:
            return
        connection = self._session.connected()
        page_size = self.page_size
        overlaid = self._overlaid
        at = bisect_left(overlaid, first)
        for start in range(first, end + 1, pages_per_block):
            count = min(pages_per_block, end + 1 - start)
            try:
                whole, data = connection.read(
                    "main", _DATABASE, (start - 1) * page_size, count * page_size
                )
                until = bisect_left(overlaid, start + count, at)
                if until > at or not whole:
                    data = self._patched(data, start, overlaid[at:until], whole=whole)
                    at = until
            except (apsw.Error, WalInvalid) as error:
                raise self._named(error) from error
            yield start, data
        self._session.confirm()

    def pages(self, numbers: Iterable[int]) -> Iterator[tuple[int, bytes]]:
        """Yield (page number, content) of each of `numbers`, in the order given.

        Raises:
            ValueError: a number is not within 1 to `page_count`.
            DbtoolError: as `blocks`.
        """
        for number in numbers:
            if not 1 <= number <= self.page_count:
                message = f"page {number} is not within 1 to {self.page_count}"
                raise ValueError(message)
            yield number, self._page(number)
        self._session.confirm()

    def page(self, number: int) -> bytes:
        """Return one page, for random access; many such reads end with `confirm`.

        Raises:
            ValueError: not within 1 to `page_count`.
            DbtoolError: as `blocks`.
        """
        return next(self.pages((number,)))[1]

    def confirm(self) -> None:
        """Prove that the pages read so far are of one state of the database, after `page` only.

        Raises:
            Locked: `database-busy`.
        """
        self._session.confirm()

    # -- the log

    @property
    def holds_log(self) -> bool:
        """Whether the open transaction keeps what is committed from now on in the WAL."""
        return self._session.holds_log

    @property
    def log_in_place(self) -> bool:
        """Whether that is so, and the WAL is the file beside the database still."""
        return self._session.log_in_place

    @property
    def reads_log(self) -> bool:
        """Whether some frame of the WAL was not checkpointed when the transaction began."""
        return self._session.mx_frame > 0

    def log_position(self) -> tuple[str | None, int, int] | None:
        """Return the WAL's salts, committed and checkpointed frames now; None: unknown."""
        with classified(self._real):
            return self._session.log_position()

    def goes_on_from(self, before: SourceState) -> bool:
        """Say whether the last committed frame of an older state is where it was."""
        last = before.wal_committed
        if not last or before.wal_salts != self.state.wal_salts:
            return False
        salts = bytes.fromhex(self.state.wal_salts or "")
        try:
            found = frame_checksum(self._read_wal, last, salts, self.page_size)
        except WalInvalid:
            return False
        except apsw.Error as error:
            raise self._named(error) from error
        return found is not None and found.hex() == before.wal_checksum

    def frame_pages(self, frames: range) -> set[int] | None:
        """Return the pages in `frames` (1-based) of the WAL; None where it was reset since."""
        if not frames:
            return set()
        salts = bytes.fromhex(self.state.wal_salts or "")
        try:
            return pages_of_frames(self._read_wal, salts, frames, self.page_size)
        except WalInvalid:
            return None
        except apsw.Error as error:
            raise self._named(error) from error

    def close(self) -> None:
        """End the transaction and leave no trace; again is allowed."""
        self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # -- the snapshot

    def _load(self, session: ReadSession) -> None:
        """Learn the overlay, page size and page count of the transaction that has just begun."""
        try:
            header = DatabaseHeader.parse(self._read(_DATABASE, 0, HEADER_BYTES))
            self.page_size = header.page_size
            if session.mx_frame:
                self._overlay = frame_index(self._read_wal, session.mx_frame, self.page_size)
                header = DatabaseHeader.parse(self._page(1)[:HEADER_BYTES])
            self.page_count = (
                header.page_count if header.page_count_valid else self._counted(session)
            )
        except (HeaderInvalid, WalInvalid) as error:
            raise self._named(error) from error
        if session.mx_frame:
            self._overlay = {
                page: at for page, at in self._overlay.items() if page <= self.page_count
            }
        self._require_all_pages(session.size_bytes())

    def _counted(self, session: ReadSession) -> int:
        """Count the pages where the header does not, as SQLite does: by the WAL or by the file."""
        if session.mx_frame:
            return commit_size(self._read_wal, session.mx_frame, self.page_size)
        return -(-session.size_bytes() // self.page_size)

    def _require_all_pages(self, size_bytes: int) -> None:
        """Raise unless every page is either within the file or in the overlay."""
        within = size_bytes // self.page_size
        for page in range(within + 1, self.page_count + 1):
            if page not in self._overlay:
                context = f"page {page} of {self.page_count} lies beyond its {size_bytes} bytes"
                hint = f"dbtool restore latest --over {self._real}"
                message = f"{self._real} is cut short"
                raise Damaged("database-truncated", message, context=context, hint=hint)

    # -- single reads

    def _patched(self, data: bytes, start: int, overlaid: list[int], *, whole: bool) -> bytes:
        """Put the frames of `overlaid` pages into a block read from the main file."""
        if not whole:
            # `open` proved that every page is somewhere; what is missing now was cut off since.
            self._require_all_pages(self._session.size_bytes())
        page_size = self.page_size
        patched = bytearray(data)
        for page in overlaid:
            at = (page - start) * page_size
            patched[at : at + page_size] = self._read_wal(self._overlay[page], page_size)
        return bytes(patched)

    def _page(self, number: int) -> bytes:
        offset = self._overlay.get(number)
        try:
            if offset is not None:
                return self._read_wal(offset, self.page_size)
            return self._read(_DATABASE, (number - 1) * self.page_size, self.page_size)
        except (apsw.Error, WalInvalid) as error:
            raise self._named(error) from error

    def _read_wal(self, offset: int, length: int) -> bytes:
        return self._read(_WAL, offset, length)

    def _read(self, which: int, offset: int, length: int) -> bytes:
        whole, data = self._session.connected().read("main", which, offset, length)
        if not whole and which == _WAL:
            message = f"the WAL ends before {offset + length}"
            raise WalInvalid(message)
        return data

    def _named(self, error: apsw.Error | WalInvalid | HeaderInvalid) -> DbtoolError:
        if isinstance(error, apsw.Error):
            return classify(self._real, error)
        return Damaged("database-damaged", f"{self._real} is damaged", context=str(error))
