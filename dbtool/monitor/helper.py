"""The process that looks at a database from outside: raw files and locks, never SQLite.

Closing any descriptor of a file drops the locks that a process holds on it, so a process with
connections must not open -shm, -wal or the database itself. This one has none. It reads one JSON
request a line and answers with one JSON object a line:

    {"look": PATH, "tiers": ["cheap", "frames"], "resume": {...}}   ->   see `_Subject.look`

It ends when its standard input does, so it cannot outlive who started it. It imports nothing of
dbtool that imports APSW.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any, Final

from dbtool.core.holders import command_of
from dbtool.monitor.commits import CommitCount, CommitCounter
from dbtool.monitor.locks import database_locks, parse_locks
from dbtool.monitor.shm import WalIndex
from dbtool.monitor.walframes import WalCursor
from dbtool.pages.wal import WalInvalid
from dbtool.pages.walscan import committed_frames

__all__ = ["main"]

_HEADER_BYTES: Final = 100
_LOCKS: Final = Path("/proc/locks")
_LARGEST_SCAN_BYTES: Final = 64 << 20
"""Of a log that nobody has open, to find by checksums which frames are committed."""


def main() -> None:
    """Answer requests until there are no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # meant for who started it, and told by the pipe
    subjects: dict[str, _Subject] = {}
    for line in sys.stdin.buffer:
        answer: dict[str, Any]
        try:
            request = json.loads(line)
            name = str(request["look"])
            if name not in subjects:
                subjects[name] = _subject(Path(name), request.get("resume"))
            answer = subjects[name].look(frames="frames" in request["tiers"])
        except FileNotFoundError as error:
            answer = {"missing": str(error)}
        except OSError as error:
            answer = {"failed": str(error)}
        sys.stdout.buffer.write(json.dumps(answer, separators=(",", ":")).encode() + b"\n")
        sys.stdout.buffer.flush()


def _subject(path: Path, resume: Any) -> _Subject:
    try:
        return _Subject(path, resume or {})
    except (TypeError, ValueError, LookupError, AttributeError):  # of another version
        return _Subject(path, {})


class _Subject:
    """One database that is looked at."""

    def __init__(self, path: Path, resume: dict[str, Any]) -> None:
        self._path = path
        self._wal = path.with_name(f"{path.name}-wal")
        self._shm = path.with_name(f"{path.name}-shm")
        self._commits = CommitCounter(path, resume.get("commits"))
        cursor = resume.get("wal")
        self._cursor = (
            WalCursor(bytes.fromhex(cursor[0]), cursor[1], cursor[2]) if cursor else WalCursor()
        )
        self._seen: tuple[WalIndex, frozenset[int]] | None = None
        self._scanned: tuple[tuple[int, int], int | None] | None = None

    def look(self, *, frames: bool) -> dict[str, Any]:
        """Return what can be seen now.

        `stat`: size, device, inode; `header`: first bytes, hexadecimal; `wal`, `journal`: sizes or
        null; `index`: what the -shm file says, or null; `commits`: [new ones, at least?]; `locks`:
        or null where the system does not tell; `names`: {pid: command}; `frames`: only where asked
        for; `state`: for `resume`.
        """
        status = self._path.stat()
        header = self._header()
        counted = self._commits.look(header, status)
        index = self._commits.index
        locks = self._locks(status)
        counted = self._after_turnover(counted, index, locks)
        space = os.statvfs(self._path.parent)
        answer: dict[str, Any] = {
            "stat": [status.st_size, status.st_dev, status.st_ino, status.st_mtime],
            "disk": [space.f_bavail * space.f_frsize, space.f_blocks * space.f_frsize],
            "header": header.hex(),
            "wal": _size(self._wal),
            "journal": _size(self._path.with_name(f"{self._path.name}-journal")),
            "index": None
            if index is None
            else [index.frames, index.checkpointed, *index.read_marks],
            "commits": counted,
            "locks": locks,
            "names": _names(locks),
        }
        if frames:
            answer["frames"] = self._frames(None if index is None else index.frames, locks)
        salts = self._cursor.salts
        answer["state"] = {
            "commits": self._commits.state,
            "wal": salts and [salts.hex(), self._cursor.sequence, self._cursor.frame],
        }
        return answer

    def _after_turnover(
        self, counted: CommitCount, index: WalIndex | None, locks: dict[str, Any] | None
    ) -> CommitCount:
        """Count by frames where all processes that used the log have gone and others came.

        They may have been killed. Then the log was recovered, and iChange began anew without the
        file being made anew.
        """
        before = self._seen
        users = frozenset(locks["users"] if locks else ())
        self._seen = None if index is None else (index, users)
        if before is None or index is None or users & before[1] or not (users or before[1]):
            return counted
        if before[0].salts != index.salts:
            return counted._replace(at_least=True)
        cursor = WalCursor(index.salts, 0, before[0].frames)
        try:
            descriptor = os.open(self._wal, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError:
            return counted._replace(at_least=True)
        try:
            seen = cursor.advance(lambda at, length: os.pread(descriptor, length, at), index.frames)
        finally:
            os.close(descriptor)
        return CommitCount(max(counted.commits, seen.transactions), at_least=bool(seen.resets))

    def _header(self) -> bytes:
        descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            return os.pread(descriptor, _HEADER_BYTES, 0)
        finally:
            os.close(descriptor)

    def _locks(self, status: os.stat_result) -> dict[str, Any] | None:
        try:
            text = _LOCKS.read_bytes()
        except OSError:
            return None
        main = parse_locks(text, status.st_dev, status.st_ino)
        try:
            shm = self._shm.stat()
        except OSError:
            return database_locks(main, ())._asdict()
        return database_locks(main, parse_locks(text, shm.st_dev, shm.st_ino))._asdict()

    def _frames(self, last_frame: int | None, locks: dict[str, Any] | None) -> dict[str, Any]:
        try:
            descriptor = os.open(self._wal, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError:
            seen = self._cursor.advance(lambda _offset, _length: b"", 0)
        else:
            try:

                def read(offset: int, length: int) -> bytes:
                    return os.pread(descriptor, length, offset)

                if last_frame is None or (locks is not None and not locks["users"]):
                    last_frame = self._by_checksums(os.fstat(descriptor), read)
                seen = self._cursor.advance(read, last_frame)
            finally:
                os.close(descriptor)
        return {
            "frames": seen.frames,
            "transactions": seen.transactions,
            "resets": seen.resets,
            "complete": seen.complete,
            "pages_complete": seen.pages_complete,
            "pages": sorted(seen.pages.items()),
        }

    def _by_checksums(self, status: os.stat_result, read: Any) -> int | None:
        """Return the last committed frame of a log that nobody has open; it does not change."""
        if status.st_size > _LARGEST_SCAN_BYTES:
            return None
        stamp = (status.st_size, status.st_mtime_ns)
        if self._scanned is None or self._scanned[0] != stamp:
            try:
                last = committed_frames(read, status.st_size).frames
            except WalInvalid:
                last = 0
            self._scanned = (stamp, last)
        return self._scanned[1]


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def _names(locks: dict[str, Any] | None) -> dict[int, str]:
    if locks is None:
        return {}
    pids = {pid for key, found in locks.items() if key != "readers" for pid in found}
    return {pid: command_of(pid) for pid in sorted(pids | {pid for _, pid in locks["readers"]})}
