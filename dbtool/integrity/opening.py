"""The way into a database that may be damaged: through SQLite where it can, past it where not."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import apsw

from dbtool.backup.model import Snapshot
from dbtool.core.holders import open_here
from dbtool.core.progress import Progress
from dbtool.errors import Damaged, DbtoolError, UsageError, WrongKey
from dbtool.integrity.rawpages import RawPages, guess_page_size
from dbtool.pages.reader import PageReader
from dbtool.pages.state import SourceState

__all__ = ["Opened", "drop_cached", "no_writer_since"]

_MAY_BE_DAMAGE: Final = frozenset({"not-a-database", "database-encrypted"})


class Opened:
    """A database under check; a context manager. Made by `open`.

    Attributes:
        path: the file without symbolic links.
        reader: the read transaction; None where SQLite cannot begin one.
        problem: why not.
        pages: its pages: those of the transaction, or else those of the file as it is.
    """

    def __init__(
        self, path: Path, reader: PageReader | None, raw: RawPages | None, problem: str
    ) -> None:
        self.path = path
        self.reader = reader
        self.problem = problem
        source = reader or raw
        assert source is not None
        self.pages: PageReader | RawPages = source

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        snapshot: Snapshot | None,
        busy_timeout_s: float,
        progress: Progress,
    ) -> Self:
        """Open `path`.

        Args:
            path: the database.
            snapshot: the newest one of it, which tells the page size where the file does not.
            busy_timeout_s: how long to wait for a lock.
            progress: hears a warning where a private copy had to be made.

        Raises:
            DbtoolError: as `PageReader.open`, for what is no damage; a file that does not even
                begin like a database, and whose pages do not look like those of one, is none.
        """
        real = path.resolve()
        try:
            reader = PageReader.open(path, busy_timeout_s=busy_timeout_s, progress=progress)
        except Damaged as error:
            problem: DbtoolError = error
        except (UsageError, WrongKey) as error:
            if error.code not in _MAY_BE_DAMAGE or not real.is_file():
                raise
            problem = error
        else:
            return cls(real, reader, None, "")
        page_size = guess_page_size(real, snapshot.page_size if snapshot else 0)
        if snapshot is not None and (
            isinstance(problem, Damaged) or real.stat().st_size == snapshot.size_bytes
        ):
            page_size = page_size or snapshot.page_size  # it was a database when it was backed up
        if not page_size:
            raise problem
        raw = RawPages(real, page_size)
        said = f"{problem.message}: {problem.context}" if problem.context else problem.message
        return cls(real, None, raw, said)

    @property
    def connection(self) -> apsw.Connection | None:
        """The connection of the read transaction; None without one, or where the file is empty."""
        return None if self.reader is None else self.reader.connection

    def close(self) -> None:
        """End the transaction, or close the file."""
        self.pages.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def no_writer_since(before: SourceState, opened: Opened) -> bool:
    """Say whether no writer can have changed the file since a state: what differs has rotted.

    A write by whatever program moves the mtime or the size, and in a WAL its salts, the number of
    its frames or the checksum of the last one. Two fields of a state say nothing here. The header
    may have rotted itself. The ctime also moves with chmod, a new link or a new name; it would only
    tell of a program that writes the file and then puts its mtime back to the nanosecond, and
    programs that set an mtime (rsync, cp -p, tar) set it to that of the content that they wrote.
    """
    if not before.settled or before.wal_committed is None:
        return False
    status = opened.path.stat()
    now = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
    if now != (before.device, before.inode, before.size_bytes, before.mtime_ns):
        return False
    if opened.reader is None:
        return not before.wal_committed and not _wal_bytes(opened.path)
    later = opened.reader.state
    return before.wal_committed == later.wal_committed and (
        before.wal_committed == 0
        or (before.wal_salts, before.wal_checksum) == (later.wal_salts, later.wal_checksum)
    )


def _wal_bytes(path: Path) -> int:
    try:
        return path.with_name(path.name + "-wal").stat().st_size
    except OSError:
        return 0


def drop_cached(path: Path) -> bool:
    """Ask the system to forget what it holds of `path` in memory; say whether it was asked.

    A descriptor of our own would drop the locks of this process when it closes, so nothing is done
    where the process has the file open already.
    """
    if not hasattr(os, "posix_fadvise") or not path.is_file() or open_here(path):
        return False
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True
