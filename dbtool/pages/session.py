"""The read transaction under a `PageReader`: its connections, its place in the WAL, its end.

How a file is opened, so that closing changes nothing:

    -wal there                    read-only; a -shm that only we needed is removed under EXCLUSIVE
    WAL in the header, no -wal    read-write, so that SQLite removes the -wal and -shm it makes
      ... in a folder not ours    `immutable=1`, and a check afterwards that nobody wrote
      ... in a file not ours      a private copy: our -shm would stay and lock the owner out
    otherwise                     read-only
    hot journal, no shm possible  a private copy (`dbtool.pages.staging`)
"""

from __future__ import annotations

import os
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final
from urllib.parse import quote

import apsw

from dbtool.core.connection import connect, is_hot_journal, locked
from dbtool.core.journals import journal_is_pending
from dbtool.core.pragmas import keep_wal_on_close
from dbtool.core.progress import Progress
from dbtool.core.rawfile import RawFile
from dbtool.errors import Locked
from dbtool.pages.header import HEADER_BYTES, DatabaseHeader, HeaderInvalid
from dbtool.pages.staging import StagedCopy
from dbtool.pages.state import SourceState, settling_ns, state_of
from dbtool.pages.wal import WAL_HEADER_BYTES, WalHeader, WalInvalid, frame_checksum

__all__ = ["ReadSession"]

_QUICK_ATTEMPTS: Final = 300
_SLOW_ATTEMPTS: Final = 40
_PAUSE_S: Final = 0.005
_RESTARTS: Final = 10
_NEEDS_COPY: Final = frozenset({apsw.SQLITE_CANTOPEN, apsw.SQLITE_READONLY, apsw.SQLITE_PERM})


class _CopyNeeded(Exception):  # noqa: N818 - a way to go, not an error
    """The file can only be read through a private copy."""


class ReadSession:
    """One open read transaction.

    Attributes:
        connection: holds the transaction; None for an empty file, which SQLite must not even open:
        it would
            delete a -wal beside it.
        mx_frame: last frame of the WAL that belongs to the snapshot; 0: the main file is the
        snapshot.
        journal_mode: "wal" or "delete".
        state: how the files looked before, with the committed frames of the WAL that the snapshot
        sees.
    """

    def __init__(
        self, real: Path, state: SourceState, *, busy_timeout_s: float, progress: Progress
    ) -> None:
        self.connection: apsw.Connection | None = None
        self.state = state
        self.mx_frame = 0
        self.journal_mode = "delete"
        self._real = real
        self._path = real
        self._busy_timeout_s = busy_timeout_s
        self._observer: apsw.Connection | None = None
        self._unlocked_state: SourceState | None = None
        self._stamp: tuple[int, int] | None = None
        self._log_files: list[tuple[int, int] | None] = []
        self._cleanup = ExitStack()
        if not state.size_bytes:
            return
        try:
            self._begin(progress)
        except BaseException:
            self.close()
            raise

    def connected(self) -> apsw.Connection:
        """Return the connection of a file that is not empty."""
        if self.connection is None:
            message = "the reader is closed"
            raise ValueError(message)
        return self.connection

    def log_position(self) -> tuple[str | None, int, int] | None:
        """Return the salts of the WAL now, its committed frames, and how many are checkpointed.

        None where the transaction holds no WAL in place: it reads a rollback-journal database, a
        private copy, or without locks. None too where a writer is at it just now.
        """
        if self._observer is None or self._path != self._real:
            return None
        try:
            header, last_frame, checkpointed = _wal_position(self._observer)
        except apsw.BusyError:
            return None
        return self.state.with_wal(header, last_frame).wal_salts, last_frame, checkpointed

    @property
    def holds_log(self) -> bool:
        """Whether the transaction keeps the WAL of the database itself from being lost."""
        return self._observer is not None and self._path == self._real

    @property
    def log_in_place(self) -> bool:
        """Whether the WAL and its index are still the files beside the database.

        SQLite leaves them there while anybody uses them. Somebody who removes them by hand, as when
        a copy is put back, leaves this transaction with files that nobody else will write to.
        """
        return self.holds_log and _log_files(self._real) == self._log_files

    def size_bytes(self) -> int:
        """Return the present length of the main file."""
        return self._path.stat().st_size

    def confirm(self) -> None:
        """Prove that the file did not change since the transaction began, where it must not.

        That is, where it was read without locks, and in rollback mode, where only a writer that
        ignores our SHARED lock can change it. Called after every stream of pages.

        Raises:
            Locked: `database-busy`, it did.
        """
        if self._stamp is not None and _stamp(self._path) != self._stamp:
            raise Locked(
                "database-busy",
                f"{self._real} was written to while its read lock was held",
                context="the application does not use SQLite's normal locks, but perhaps those of "
                "the VFS unix-dotfile or unix-none",
                hint="stop the application while it is backed up, or let it use the normal locks",
            )
        if self._unlocked_state is not None and not self._unlocked_state.proves_unchanged(
            state_of(self._real)
        ):
            message = f"{self._real} was written to while it was read without locks"
            hint = "run it again, or as a user who may write into its folder"
            raise Locked("database-busy", message, hint=hint)

    def close(self) -> None:
        """End the transaction, close the connections, remove what was only there for us."""
        self.connection = self._observer = None
        self._cleanup.close()

    # -- opening

    def _begin(self, progress: Progress) -> None:
        try:
            self._begin_here()
            return
        except _CopyNeeded:
            self._cleanup.close()
        except apsw.Error as error:
            self._cleanup.close()
            if not is_hot_journal(error) and getattr(error, "result", 0) & 0xFF not in _NEEDS_COPY:
                raise
        self._begin_on_copy(progress)

    def _begin_on_copy(self, progress: Progress) -> None:
        copy = StagedCopy(self._real, progress)
        self._cleanup.callback(copy.close)
        self._path = copy.path
        state = self.state
        self._begin_here()
        self.state = state  # the WAL of a copy was checkpointed: its frames are not the original's

    def _begin_here(self) -> None:
        for _ in range(_RESTARTS):
            if self._try_begin():
                return
            self._cleanup.close()
        raise locked(self._real, context="its journal mode changed again and again")

    def _try_begin(self) -> bool:
        """Begin the transaction; False where the journal mode changed at that moment."""
        target, flags = self._way_to_open()
        connection = self._connect(target, flags)
        connection.pragma("schema_version")  # the first real read: opens the WAL if there is one
        # `PRAGMA journal_mode` would parse the schema, which may be broken.
        if _uses_wal_now(connection):
            self.journal_mode = "wal"
            self._observer = self._connect(self._path, apsw.SQLITE_OPEN_READONLY)
            self._log_files = _log_files(self._path)
            self._pin(connection, self._observer)
        else:
            _begin_reading(connection)
            asks_for_wal = _uses_wal(connection.read("main", 0, 0, HEADER_BYTES)[1])
            if asks_for_wal and self._unlocked_state is None:
                return False
            self.journal_mode = "wal" if asks_for_wal else "delete"
            self._stamp = None if asks_for_wal else _stamp(self._path)
        self.connection = connection
        return True

    def _connect(self, target: Path | str, flags: int) -> apsw.Connection:
        connection = connect(target, flags, busy_timeout_s=self._busy_timeout_s)
        self._cleanup.callback(connection.close)
        return connection

    def _way_to_open(self) -> tuple[Path | str, int]:
        """Choose by the table at the head of this module."""
        wal, shm = (self._path.with_name(self._path.name + suffix) for suffix in ("-wal", "-shm"))
        self._unlocked_state = None
        if wal.exists():
            if not shm.exists():
                self._cleanup.callback(_remove_unused_shm, self._path, shm)
            return self._path, apsw.SQLITE_OPEN_READONLY
        if journal_is_pending(self._path) or not self._header_asks_for_wal():
            return self._path, apsw.SQLITE_OPEN_READONLY
        if not os.access(self._path.parent, os.W_OK):
            self._unlocked_state = _settled_state(self._path)
            return f"file:{quote(str(self._path))}?immutable=1", apsw.SQLITE_OPEN_READONLY
        if not os.access(self._path, os.W_OK):
            raise _CopyNeeded
        return self._path, apsw.SQLITE_OPEN_READWRITE

    def _header_asks_for_wal(self) -> bool:
        with RawFile(self._path) as file:
            return _uses_wal(file.read(0, HEADER_BYTES))

    # -- pinning

    def _pin(self, reader: apsw.Connection, observer: apsw.Connection) -> None:
        """Begin the transaction at a WAL position that is known."""
        began_s = time.monotonic()
        observer.pragma("schema_version")  # opens the WAL on this connection too
        # Half of the time for waiting beside writers, the rest for waiting until they let us in.
        deadline_s = began_s + self._busy_timeout_s / 2
        for attempt in range(_QUICK_ATTEMPTS + _SLOW_ATTEMPTS):
            _wait_until(deadline_s, reader)
            if self._try_pin(reader, observer):
                return
            if time.monotonic() > deadline_s:
                break
            if attempt >= _QUICK_ATTEMPTS:
                time.sleep(_PAUSE_S)
        if self._pin_between_writers(reader, observer, began_s + self._busy_timeout_s):
            return
        message = f"{self._real} is written to without a pause"
        hint = "try again when there is less to do, or as a user who may write to it"
        raise Locked("database-busy", message, hint=hint)

    def _try_pin(self, reader: apsw.Connection, observer: apsw.Connection) -> bool:
        """Begin between two equal answers; False where a commit or a reset came between."""
        try:
            header, last_frame, _ = _wal_position(observer)
            _begin_reading(reader)
            header_after, last_frame_after, checkpointed = _wal_position(observer)
            # The two counts of one answer are not read in one step. Had the log been reset between
            # them, a whole checkpoint would look like none; but then a third answer is smaller.
            header_last, last_frame_last, _ = _wal_position(observer)
        except apsw.BusyError:
            # A writer was changing the index of the WAL; this question does not wait for it.
            pinned = False
        else:
            same_log = header == header_after == header_last
            pinned = same_log and last_frame == last_frame_after <= last_frame_last
        if pinned:
            self.mx_frame = last_frame if checkpointed < last_frame else 0
            checksum = _last_checksum(observer, header, last_frame)
            self.state = self.state.with_wal(header, last_frame, checksum)
        elif reader.in_transaction:
            reader.execute("ROLLBACK")
        return pinned

    def _pin_between_writers(
        self, reader: apsw.Connection, observer: apsw.Connection, deadline_s: float
    ) -> bool:
        """Keep writers out for the moment that pinning takes, where we may."""
        try:
            gate = connect(self._path, apsw.SQLITE_OPEN_READWRITE, busy_timeout_s=0)
        except apsw.CantOpenError:
            return False
        try:
            keep_wal_on_close(gate)
            _wait_until(deadline_s, gate)
            gate.execute("BEGIN IMMEDIATE")
            _wait_until(deadline_s, reader)
            pinned = self._try_pin(reader, observer)
            gate.execute("ROLLBACK")
        except apsw.ReadOnlyError:
            return False
        finally:
            gate.close()
        return pinned


def _log_files(path: Path) -> list[tuple[int, int] | None]:
    """Return device and inode of the WAL and of its index; None for one that is not there."""
    found: list[tuple[int, int] | None] = []
    for suffix in ("-wal", "-shm"):
        try:
            status = path.with_name(path.name + suffix).stat()
        except OSError:
            found.append(None)
        else:
            found.append((status.st_dev, status.st_ino))
    return found


def _stamp(path: Path) -> tuple[int, int]:
    """Return what every write moves, and nothing else: the ctime also moves with a new link."""
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def _uses_wal(header: bytes) -> bool:
    try:
        return DatabaseHeader.parse(header).uses_wal
    except HeaderInvalid:  # SQLite says it better
        return False


def _begin_reading(connection: apsw.Connection) -> None:
    """Begin a transaction and take its read lock now, without parsing the schema."""
    connection.execute("BEGIN")
    connection.pragma("schema_version")


def _wait_until(deadline_s: float, connection: apsw.Connection) -> None:
    """Let the statements of `connection` wait for locks no longer than to that moment."""
    left_s = max(0.0, deadline_s - time.monotonic())
    connection.set_busy_timeout(round(left_s * 1000))


def _wal_position(observer: apsw.Connection) -> tuple[bytes, int, int]:
    """Return the WAL's header, its last committed frame, and how many frames were checkpointed.

    Raises:
        apsw.BusyError: a writer is at it; ask again.
    """
    _, header = observer.read("main", 1, 0, WAL_HEADER_BYTES)
    last_frame, checkpointed = observer.wal_checkpoint("main", apsw.SQLITE_CHECKPOINT_NOOP)
    return header, last_frame, checkpointed


def _last_checksum(observer: apsw.Connection, header: bytes, last_frame: int) -> bytes | None:
    """Return the checksum of the last committed frame; None: there is none of this header."""
    try:
        log = WalHeader.parse(header)
    except WalInvalid:
        return None
    if not last_frame:
        return None
    return frame_checksum(
        lambda offset, length: observer.read("main", 1, offset, length)[1],
        last_frame,
        log.salts,
        log.page_size,
    )


def _uses_wal_now(connection: apsw.Connection) -> bool:
    try:
        return connection.wal_checkpoint("main", apsw.SQLITE_CHECKPOINT_NOOP)[0] >= 0
    except apsw.BusyError:  # only a WAL can be busy for this question
        return True


def _settled_state(path: Path) -> SourceState:
    """Return a state from which a later write can be told, waiting a tick where it must."""
    state = state_of(path)
    if not state.settled:
        stamps = (state.mtime_ns, state.ctime_ns)
        time.sleep(max(map(settling_ns, stamps)) / 1e9 + 0.01)
        state = state_of(path)
    return state


def _remove_unused_shm(path: Path, shm: Path) -> None:
    """Remove the shared memory file that our reading made, unless somebody else came to use it.

    As SQLite does when the last connection closes: every connection in WAL mode holds SHARED on the
    database, so EXCLUSIVE proves that there is none, and none can begin before it is given back.
    """
    with suppress(apsw.Error, OSError), RawFile(path, writable=True) as file:
        if file.try_lock_exclusive():
            try:
                shm.unlink(missing_ok=True)
            finally:
                file.unlock()
