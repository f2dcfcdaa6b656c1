"""Looks at a database from outside, through a helper process, and says what other programs do.

Each look gives a `Look`: sizes, commits since the look before, who writes, who reads from which
frame, who keeps the log from being checkpointed. What cannot be known here is None, with the reason
in `Look.unknown`; a figure of our own connection is never given as the application's.

The helper (see `dbtool.monitor.helper`) never opens SQLite, so locks of connections in this process
stay as they are. If it dies, or does not answer in time, the next look starts another one, which
goes on counting from where the last answer left off.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from dbtool.core.clock import Clock
from dbtool.core.holders import Holder
from dbtool.errors import DbtoolError, NotFound
from dbtool.monitor.shm import NO_MARK
from dbtool.pages.header import DatabaseHeader, HeaderInvalid

__all__ = ["Look", "Observer", "Reader", "WalActivity"]

_TIMEOUT_S: Final = 10.0
_ROOT: Final = Path(__file__).resolve().parents[2]
_PROGRAM: Final = (
    "import sys; sys.path.insert(0, sys.argv[1]); from dbtool.monitor.helper import main; main()"
)
_NO_LOCKS: Final = "locks are named from /proc/locks, which this system does not have"
_NOT_LISTED: Final = (
    "who commits is not in the list of locks: it was killed just now, or runs in another container"
)
_NO_INDEX: Final = "no process has the database open in WAL mode"
_NOT_WAL: Final = "the database is in rollback-journal mode"
_EXCLUSIVE: Final = "the -shm file cannot be read; in exclusive locking mode there is none"


@dataclass(frozen=True, slots=True)
class Reader:
    """A process with a transaction that reads in WAL mode."""

    holder: Holder
    frame: int
    """It reads the log up to here; 0: the database alone."""
    since: datetime
    """First look at which it read up to there; it may have begun before."""


@dataclass(frozen=True, slots=True)
class WalActivity:
    """What was written into the log since the look before; the first one counts what is in it."""

    frames: int
    transactions: int
    resets: int
    """How often the log began anew."""
    complete: bool
    """False: `frames` is a lower bound."""
    pages_complete: bool
    """False: `transactions` and `pages` are."""
    pages: Mapping[int, int]
    """Page number -> how often it was written."""


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen at one moment. None: not known, see `unknown`."""

    at: datetime
    took_s: float
    database_bytes: int
    page_size: int | None
    page_count: int | None
    """As the header of the file says; a log may hold more."""
    free_pages: int | None
    """Likewise."""
    journal_mode: str | None
    """wal, rollback, or None for a file without a sound header."""
    wal_bytes: int | None
    """Of the file; None: there is none."""
    journal_bytes: int | None
    disk_free_bytes: int
    disk_bytes: int
    wal_frames: int | None
    """Committed frames in the log."""
    checkpointed_frames: int | None
    """How many of them are in the database already."""
    commits: int
    """By all processes since the look before; 0 at the first."""
    commits_at_least: bool
    """True: there may have been more."""
    users: tuple[Holder, ...] | None
    """Processes with the log open, or reading in rollback-journal mode."""
    writers: tuple[Holder, ...] | None
    """With a transaction that writes: one at most, but for the moment in which it changes."""
    writer_since: datetime | None
    """First look in a row at which this one wrote; None: nobody does."""
    checkpointers: tuple[Holder, ...] | None
    readers: tuple[Reader, ...] | None
    activity: WalActivity | None
    """None: not asked for."""
    unknown: Mapping[str, str] = field(default_factory=dict)
    """Field -> why it is not known."""

    @property
    def pinning(self) -> tuple[Reader, ...]:
        """Readers that keep frames of the log from being checkpointed or overwritten."""
        if self.readers is None or self.wal_frames is None:
            return ()
        return tuple(r for r in self.readers if r.frame < self.wal_frames)


class Observer:
    """Looks at one database; a context manager. Not for several threads at once.

    Args:
        path: the database.
        clock: gives the times of looks.
        resume: `state` of an earlier observer, to count commits from its last look on; what is
            none counts as none.
        timeout_s: how long the helper may take for an answer.
    """

    def __init__(
        self,
        path: Path,
        *,
        clock: Clock,
        resume: Any = None,
        timeout_s: float = _TIMEOUT_S,
    ) -> None:
        self._path = path.resolve()
        self._clock = clock
        self._timeout_s = timeout_s
        self._process: subprocess.Popen[bytes] | None = None
        self._rest = b""
        self.state: dict[str, Any] = dict(resume) if isinstance(resume, Mapping) else {}
        """What another observer goes on from; JSON."""
        self._reading_since: dict[tuple[int, int], datetime] = {}
        self._writing_since: dict[int, datetime] = {}

    def look(self, *, frames: bool = False) -> Look:
        """Look once.

        Args:
            frames: read the headers of new frames of the log too (31 ms for 62 MB).

        Raises:
            NotFound: `database-not-found`.
            DbtoolError: `observer-failed`.
        """
        began_s = time.perf_counter()
        answer = self._ask(["cheap", "frames"] if frames else ["cheap"])
        if "missing" in answer:
            raise NotFound("database-not-found", f"there is no database {self._path}")
        if "failed" in answer:
            raise _failed(self._path, answer["failed"])
        self.state = answer["state"]
        return self._look(answer, time.perf_counter() - began_s)

    def close(self) -> None:
        """End the helper."""
        process, self._process, self._rest = self._process, None, b""
        if process is None:
            return
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()
        try:
            process.wait(1)
        except subprocess.TimeoutExpired:
            process.kill()
            # One that waits for a disk that is gone does not even end when it is killed.
            with suppress(subprocess.TimeoutExpired):
                process.wait(1)

    @property
    def helper_pid(self) -> int | None:
        """Process id of the helper; None: none runs."""
        return None if self._process is None else self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    # -- the helper

    def _ask(self, tiers: list[str]) -> dict[str, Any]:
        request = {"look": str(self._path), "tiers": tiers, "resume": self.state}
        for attempt in (1, 2):
            try:
                process = self._process or self._start()
                return self._exchange(process, json.dumps(request).encode() + b"\n")
            except (OSError, ValueError) as error:
                self.close()
                if attempt == 2 or isinstance(error, TimeoutError):  # noqa: PLR2004 - the last one
                    raise _failed(self._path, str(error)) from error
            except BaseException:
                self.close()  # its answer would be taken for that to the next request
                raise
        raise AssertionError("unreachable")

    def _start(self) -> subprocess.Popen[bytes]:
        # Isolated and without site-packages: it starts in 20 ms, and nothing foreign runs in it.
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-I", "-S", "-c", _PROGRAM, str(_ROOT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            cwd="/",
        )
        return self._process

    def _exchange(self, process: subprocess.Popen[bytes], request: bytes) -> dict[str, Any]:
        if process.stdin is None or process.stdout is None:
            raise OSError("the helper has no pipes")
        process.stdin.write(request)
        deadline_s = time.monotonic() + self._timeout_s
        while b"\n" not in self._rest:
            left_s = deadline_s - time.monotonic()
            if left_s <= 0 or not select.select([process.stdout], [], [], left_s)[0]:
                raise TimeoutError(f"the helper did not answer within {self._timeout_s:g} s")
            chunk = os.read(process.stdout.fileno(), 1 << 20)
            if not chunk:
                raise OSError("the helper ended")
            self._rest += chunk
        line, _, self._rest = self._rest.partition(b"\n")
        answer: dict[str, Any] = json.loads(line)
        return answer

    # -- what its answers mean

    def _look(self, answer: dict[str, Any], took_s: float) -> Look:
        now = self._clock.now()
        unknown: dict[str, str] = {}
        header = _header(bytes.fromhex(answer["header"]))
        mode = None if header is None else "wal" if header.uses_wal else "rollback"
        index = answer["index"]
        if index is None:
            reason = _NOT_WAL if mode == "rollback" else _NO_INDEX
            if mode == "wal" and answer["locks"] and answer["locks"]["users"]:
                reason = _EXCLUSIVE
            unknown |= dict.fromkeys(("wal_frames", "checkpointed_frames"), reason)
        if answer["wal"] is None:
            unknown["wal_bytes"] = _NOT_WAL if mode == "rollback" else "there is no log now"
        people = self._people(answer, now, unknown)
        commits, at_least = answer["commits"]
        size_bytes = answer["stat"][0]
        return Look(
            at=now,
            took_s=took_s,
            database_bytes=size_bytes,
            page_size=None if header is None else header.page_size,
            page_count=None if header is None else size_bytes // header.page_size,
            free_pages=None if header is None else header.freelist_count,
            journal_mode=mode,
            wal_bytes=answer["wal"],
            journal_bytes=answer["journal"],
            disk_free_bytes=answer["disk"][0],
            disk_bytes=answer["disk"][1],
            wal_frames=None if index is None else index[0],
            checkpointed_frames=None if index is None else index[1],
            commits=commits,
            commits_at_least=at_least,
            activity=_activity(answer.get("frames")),
            unknown=unknown,
            **people,
        )

    def _people(
        self, answer: dict[str, Any], now: datetime, unknown: dict[str, str]
    ) -> dict[str, Any]:
        locks = answer["locks"]
        fields = ("users", "writers", "checkpointers", "readers")
        if locks is None:
            unknown |= dict.fromkeys(fields, _NO_LOCKS)
            return {"writer_since": None, **dict.fromkeys(fields)}
        if answer["index"] is not None and answer["commits"][0] and not locks["users"]:
            unknown |= dict.fromkeys(fields, _NOT_LISTED)
            return {"writer_since": None, **dict.fromkeys(fields)}
        names = {int(pid): name for pid, name in answer["names"].items()}

        def named(pids: list[int]) -> tuple[Holder, ...]:
            return tuple(Holder(pid, names.get(pid, "?")) for pid in pids)

        writers = locks["writers"]
        # A commit by anybody ended the transaction that was seen before.
        before = {} if answer["commits"][0] else self._writing_since
        self._writing_since = {pid: before.get(pid, now) for pid in writers}
        return {
            "users": named(locks["users"]),
            "writers": named(writers),
            "writer_since": min(self._writing_since.values(), default=None),
            "checkpointers": named(locks["checkpointers"]),
            "readers": self._readers(locks["readers"], answer["index"], now, names),
        }

    def _readers(
        self,
        held: list[list[int]],
        index: list[int] | None,
        now: datetime,
        names: Mapping[int, str],
    ) -> tuple[Reader, ...]:
        if index is None:
            return ()
        marks = index[2:]
        frames = [(pid, 0 if not slot else marks[slot]) for slot, pid in held]
        places = [(pid, 0 if mark == NO_MARK else mark) for pid, mark in frames]
        self._reading_since = {place: self._reading_since.get(place, now) for place in places}
        return tuple(
            Reader(Holder(pid, names.get(pid, "?")), mark, self._reading_since[pid, mark])
            for pid, mark in sorted(set(places))
        )


def _header(data: bytes) -> DatabaseHeader | None:
    try:
        return DatabaseHeader.parse(data)
    except HeaderInvalid:
        return None


def _activity(frames: dict[str, Any] | None) -> WalActivity | None:
    if frames is None:
        return None
    return WalActivity(**{**frames, "pages": dict(frames["pages"])})


def _failed(path: Path, why: str) -> DbtoolError:
    return DbtoolError("observer-failed", f"cannot look at {path}", context=why)
