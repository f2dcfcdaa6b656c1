"""What is proven of a damaged database: which pages no writer can have changed since a snapshot.

A page of an older state put into a newer one would corrupt the database, where it looked healed:
an index would name rows that are elsewhere. So a page may come from a snapshot only where it is
proven that nobody wrote it since. Three things prove that:

- *The file was not touched.* Inode, size, mtime and the WAL are what they were at the snapshot
  (`dbtool.integrity.opening.no_writer_since`): every page.
- *`follow` saw the last write.* Its record says that at a time everything committed was in the
  snapshot, and neither the database nor its WAL was written since that time: every page.
- *The WAL goes on from the snapshot.* It has the salts that it had then, so it was never reset, so
  every commit since is in its frames behind those of then: every page without such a frame. Those
  with one are proven by the checksums of the WAL.

Where none of these holds, nothing is proven, and no page is transplanted.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from dbtool.backup.followrecord import FollowRecord, read_follow_records
from dbtool.core.connection import classified
from dbtool.core.rawfile import RawFile
from dbtool.errors import DbtoolError
from dbtool.pages.state import SourceState, settling_ns
from dbtool.pages.wal import (
    FRAME_HEADER_BYTES,
    WAL_HEADER_BYTES,
    WalHeader,
    WalInvalid,
    frame_checksum,
)
from dbtool.pages.walscan import CommittedFrames, committed_frames

if TYPE_CHECKING:
    from dbtool.backup.model import Snapshot
    from dbtool.backup.repository import Repository

__all__ = ["Proof", "Stamps", "follow_record", "frames_of", "prove"]

_SALTS_AT: Final = 8
"""Where the salts stand in the header of a frame."""


@dataclass(frozen=True, slots=True)
class Stamps:
    """What every write to a database or its WAL moves."""

    database: tuple[int, int, int, int]
    """Device, inode, size, mtime in ns."""
    wal: tuple[int, int, int] | None
    """Inode, size, mtime in ns; None: there is none, or it is empty."""
    settled: bool
    """False: written to just now, so that a later write may not show."""

    @classmethod
    def of(cls, path: Path, now: datetime) -> Self:
        """Look at the files now; nothing is opened."""
        real = path.resolve()
        status = real.stat()
        times = [status.st_mtime_ns]
        wal = None
        try:
            beside = real.with_name(real.name + "-wal").stat()
        except OSError:
            pass
        else:
            if beside.st_size:
                wal = beside.st_ino, beside.st_size, beside.st_mtime_ns
                times.append(beside.st_mtime_ns)
        identity = status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
        return cls(identity, wal, _all_before(times, now))

    def written_before(self, moment: datetime) -> bool:
        """Say whether the last write came before `moment`, also by a clock with coarse ticks."""
        return _all_before([self.database[3], *([self.wal[2]] if self.wal else [])], moment)

    @property
    def last_write(self) -> datetime:
        """When the database or its WAL was last written, by the file system."""
        newest_ns = max(self.database[3], self.wal[2] if self.wal else 0)
        return datetime.fromtimestamp(newest_ns / 1e9, UTC)


@dataclass(frozen=True, slots=True)
class Proof:
    """Which pages are as they were at the snapshot, unless they rotted."""

    reason: str
    """How that is known, for people."""
    changed: frozenset[int] = frozenset()
    """Pages that somebody may have written since; their newest content is in the WAL."""
    page_count: int | None = None
    """Pages of the database where that is known from the WAL; None: as many as the snapshot."""


def prove(
    path: Path,
    stamps: Stamps,
    *,
    unchanged: bool,
    repository: Repository | None,
    snapshot: Snapshot | None,
) -> Proof | None:
    """Return what is proven since `snapshot`, the newest one of the database; None: nothing.

    Args:
        path: the database file; its WAL lies beside it.
        stamps: of the original now.
        unchanged: no writer touched the file since the snapshot, as a check found.
        repository: where the snapshot lies.
        snapshot: the newest one.
    """
    if repository is None or snapshot is None:
        return None
    if unchanged:
        return Proof("no writer touched the file since the snapshot")
    record = follow_record(repository, snapshot.database)
    if record is not None and _saw_all(record, snapshot, stamps):
        return Proof("follow saw every write, and has them all in the snapshot")
    head = repository.catalog.head(snapshot.database)
    if head is None or head.snapshot != snapshot.id:
        return None
    return _by_frames(path, head.state, snapshot)


def follow_record(repository: Repository, database: str) -> FollowRecord | None:
    """Return what `follow` last wrote about a database; None: it never followed it."""
    try:
        records = read_follow_records(repository)
    except DbtoolError:
        return None
    return next((record for record in records if record.database == database), None)


def frames_of(path: Path) -> CommittedFrames | None:
    """Return the committed frames of the WAL beside `path`; None where there are none."""
    wal = path.with_name(path.name + "-wal")
    if not wal.exists() or wal.stat().st_size <= WAL_HEADER_BYTES:
        return None
    try:
        with classified(wal), RawFile(wal, "wal") as file:
            frames = committed_frames(file.read, file.size())
    except (WalInvalid, DbtoolError):
        return None
    return frames if frames.offsets else None


def _all_before(times_ns: Iterable[int], moment: datetime) -> bool:
    moment_ns = int(moment.timestamp() * 1e9)
    return all(moment_ns - at >= settling_ns(at) for at in times_ns)


def _saw_all(record: FollowRecord, snapshot: Snapshot, stamps: Stamps) -> bool:
    """Say whether everything that was ever written is in the snapshot, as `follow` knows."""
    return (
        record.snapshot == snapshot.id
        and record.host == socket.gethostname()  # the file's times are those of this clock
        and stamps.settled
        and record.unbroken_since <= record.time
        and stamps.written_before(record.time)
    )


def _by_frames(path: Path, then: SourceState, snapshot: Snapshot) -> Proof | None:
    """Return what a WAL proves that was never reset since the snapshot."""
    if not then.settled or not then.wal_salts or not then.wal_committed:
        return None
    frames = frames_of(path)
    if frames is None or frames.page_size != snapshot.page_size:
        return None
    if frames.frames < then.wal_committed or not _goes_on(path, frames, then):
        return None
    stride = FRAME_HEADER_BYTES + frames.page_size
    changed = frozenset(
        page
        for page, at in frames.offsets.items()
        if (at - WAL_HEADER_BYTES) // stride >= then.wal_committed
    )
    grown = range(snapshot.page_count + 1, frames.page_count + 1)
    if not changed.issuperset(grown):
        return None  # pages that neither the snapshot nor the WAL has
    return Proof("every write since the snapshot is in the WAL", changed, frames.page_count)


def _goes_on(path: Path, frames: CommittedFrames, then: SourceState) -> bool:
    """Say whether a WAL has the frames that it had then, and ends in its last commit.

    Frames of the same generation behind it were not committed, or rotted and were: in doubt. So are
    others in the place of those of then, as after a power failure that took the last commits.
    """
    wal = path.with_name(path.name + "-wal")
    end = WAL_HEADER_BYTES + frames.frames * (FRAME_HEADER_BYTES + frames.page_size)
    with classified(wal), RawFile(wal, "wal") as file:
        header = WalHeader.parse(file.read(0, WAL_HEADER_BYTES))
        behind = file.read(end + _SALTS_AT, len(header.salts))
        last = frame_checksum(file.read, then.wal_committed or 0, header.salts, frames.page_size)
    if last is None or last.hex() != then.wal_checksum:
        return False
    return header.salts.hex() == then.wal_salts and behind != header.salts
