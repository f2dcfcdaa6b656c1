"""Counts the commits of all processes from outside, without opening the database.

In WAL mode iChange of the -shm file counts them. The file stays open between looks: when the last
connection deletes it, what it said in the end can still be read. In rollback-journal mode the
change counter in the header of the database counts; in WAL mode that one means something else.

Both are exact while the looks are near enough: where the -shm file was made anew in between, it may
have been so several times, and the count is a lower bound, which `CommitCount.at_least` says;
likewise where it is gone, or came and went.

Only for a process that never opens the database through SQLite: closing these descriptors would
drop its locks.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

from dbtool.monitor.shm import INDEX_BYTES, WalIndex, parse_index

__all__ = ["CommitCount", "CommitCounter"]

_ATTEMPTS: Final = 20
_CHANGE_COUNTER: Final = slice(24, 28)
_WRITE_VERSION: Final = slice(18, 19)
_WAL_VERSION: Final = b"\2"


class CommitCount(NamedTuple):
    """Commits since the look before."""

    commits: int
    at_least: bool
    """True: there may have been more."""


_NONE: Final = CommitCount(0, at_least=False)


class CommitCounter:
    """Looks at one database again and again.

    Attributes:
        index: what the -shm file said at the last look; None: there is none, or none to be read.
    """

    def __init__(self, path: Path, resume: dict[str, Any] | None = None) -> None:
        state = resume or {}
        self._path = path.with_name(f"{path.name}-shm")
        self._descriptor: int | None = None
        self._identity: tuple[int, int] | None = _pair(state.get("shm"))
        self._commits: int | None = state.get("commits")
        self._database: tuple[int, int] | None = _pair(state.get("database"))
        self._changes: int | None = state.get("changes")
        self._written: int | None = state.get("written")
        self._began = bool(state)
        self.index: WalIndex | None = None

    def look(self, header: bytes, status: os.stat_result) -> CommitCount:
        """Count what came since the look before; the first look only notes where things stand.

        Args:
            header: first bytes of the database.
            status: of the database.
        """
        in_wal, at_least = self._look_at_index()
        changes = self._look_at_header(header, (status.st_dev, status.st_ino))
        written, self._written = self._written, status.st_mtime_ns
        if self.index is None and not in_wal and header[_WRITE_VERSION] == _WAL_VERSION:
            # Somebody may have come, committed and gone, who left nothing but the database changed.
            at_least = at_least or written != status.st_mtime_ns
        began, self._began = self._began, True
        return CommitCount(in_wal + changes, at_least) if began else _NONE

    @property
    def state(self) -> dict[str, Any]:
        """What another counter goes on from."""
        return {
            "shm": self._identity,
            "commits": self._commits,
            "database": self._database,
            "changes": self._changes,
            "written": self._written,
        }

    def close(self) -> None:
        """Close the -shm file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _look_at_index(self) -> tuple[int, bool]:
        found = _identity(self._path)
        commits, at_least = 0, False
        if self._identity is not None and found != self._identity:
            # Deleted by the last who closed; its last words are in the file that we hold. Others
            # may have come and gone since, with an index that nobody saw.
            at_least = True
            if self._descriptor is not None:
                commits, _ = self._count(self._read())
            self.close()
            self._commits = 0
        if found is None:
            self.index, self._identity = None, None
            self._commits = 0
            return commits, at_least
        if self._descriptor is None:
            # Gone again meanwhile, or not for us: `index` stays None.
            with suppress(OSError):
                flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
                self._descriptor = os.open(self._path, flags)
        self._identity = found
        self.index = self._read()
        more, lost = self._count(self.index)
        return commits + more, at_least or lost

    def _count(self, index: WalIndex | None) -> tuple[int, bool]:
        if index is None:
            return 0, False
        before, self._commits = self._commits or 0, index.commits
        if index.commits < before:  # recovered after a crash: it counts from 0
            return index.commits, True
        return index.commits - before, False

    def _read(self) -> WalIndex | None:
        for _ in range(_ATTEMPTS):
            if self._descriptor is None:
                return None
            with suppress(OSError):
                found = parse_index(os.pread(self._descriptor, INDEX_BYTES, 0))
                if found is not None:
                    return found
        return None

    def _look_at_header(self, header: bytes, database: tuple[int, int]) -> int:
        changes: int | None = int.from_bytes(header[_CHANGE_COUNTER], "big")
        if header[_WRITE_VERSION] == _WAL_VERSION:
            # It moves there too, when a checkpoint brings a newer page 1: those are counted above.
            changes = None
        same = database == self._database and self._changes is not None and changes is not None
        before, self._database, self._changes = self._changes or 0, database, changes
        return ((changes or 0) - before) % (1 << 32) if same else 0


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.lstat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _pair(value: Any) -> tuple[int, int] | None:
    return None if value is None else (int(value[0]), int(value[1]))
