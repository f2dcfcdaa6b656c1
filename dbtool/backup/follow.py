"""Continuous backup: a snapshot soon after each change, at the cost of what changed.

A `Follower` keeps a read transaction open from one look to the next. While it is open no frame of
the WAL can be lost unseen (`dbtool.pages.changes`), so the frames between two looks name every page
that changed, and a snapshot reads and stores those alone. Where that chain is broken (the first
look, a rollback-journal database, another file under the name), the backup reads all pages and says
why.

The WAL is bounded: past a limit its frames are checkpointed, and the next writer begins it anew
(`dbtool.pages.checkpoint`). Nobody waits for that, but where commits come without a pause a writer
waits for a moment, as for another writer's commit.

Invariant: what a look has seen is in a snapshot, or is kept for the next one.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from dbtool.backup.followrecord import SIGN_OF_LIFE_S, FollowRecord, write_follow_record
from dbtool.backup.lock import shared
from dbtool.backup.model import BackupOptions, BackupResult, Snapshot
from dbtool.backup.retention import Retention
from dbtool.backup.run import backup_from, take_increment
from dbtool.backup.snapshot import Head
from dbtool.backup.thinning import FOLLOW_RETENTION, FOLLOW_TAG, THIN_EVERY_S, thin
from dbtool.core.holders import holders
from dbtool.core.progress import Progress, Silent
from dbtool.errors import DbtoolError, NotFound, StorageFailed
from dbtool.pages.changes import pages_changed_while_held
from dbtool.pages.checkpoint import Outcome, relieve, tidy
from dbtool.pages.reader import PageReader
from dbtool.pages.state import SourceState

if TYPE_CHECKING:
    from dbtool.backup.repository import Repository

__all__ = ["FollowOptions", "Follower", "Look"]

_FRAME_HEADER_BYTES = 24
_PATIENCE = 3
"""Attempts to shorten the WAL without making writers wait."""
_ALARM = 16
"""So many times the limit, and the WAL is said to be out of bounds."""
_REST = 10
"""A database that has to be scanned is left alone for so many times as long as the scan took."""


@dataclass(frozen=True, slots=True)
class FollowOptions:
    """How a database is followed."""

    interval_s: float = 1.0
    """From one look to the next."""
    wal_limit_bytes: int = 4 << 20
    """Size of the WAL from which it is checkpointed."""
    name: str | None = None
    """Name of the database in the repository; None: its absolute path."""
    busy_timeout_s: float = 10.0
    retention: Retention = FOLLOW_RETENTION
    """Which of its snapshots stay; those of others are none of its business."""


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at the database gave."""

    kind: Literal["unchanged", "increment", "scan"]
    """increment: the WAL told what changed; scan: every page was read."""
    result: BackupResult | None = None
    """None: nothing had changed, and nothing was asked of the repository."""
    reason: str = ""
    """Why all pages had to be read."""


class Follower:
    """Follows one database; `close` ends its transaction.

    Args:
        repository: where the snapshots go.
        path: the database.
        options: see `FollowOptions`.
        progress: hears warnings, and the pages of scans.
    """

    def __init__(
        self,
        repository: Repository,
        path: Path,
        options: FollowOptions,
        progress: Progress | None = None,
    ) -> None:
        self._repository = repository
        self._path = path
        self._options = options
        self._progress = progress or Silent()
        self._name = options.name or str(path.resolve())
        self._reader: PageReader | None = None
        self._state: SourceState | None = None
        """Of the files when they were last read, where no transaction holds them."""
        self._newest: Snapshot | None = None
        self._pending: set[int] = set()
        """Pages that changed and are in no snapshot yet."""
        self._began = repository.clock.now()
        self._unbroken_since = self._began
        self._signed_s = -SIGN_OF_LIFE_S
        self._rest_until_s = 0.0
        self._thinned_s = repository.clock.monotonic()
        self._failed_attempts = 0
        self._warned = False
        self._log_lost = False
        """The WAL was removed by hand, and not everything was read since."""

    @property
    def options(self) -> FollowOptions:
        """How the database is followed; may be replaced between two looks, but for the name."""
        return self._options

    @options.setter
    def options(self, options: FollowOptions) -> None:
        self._options = replace(options, name=self._options.name)

    @property
    def newest(self) -> Snapshot | None:
        """The newest snapshot that it took or found."""
        return self._newest

    def look(self) -> Look:
        """Look once; take a snapshot of what changed since the last one.

        Raises:
            DbtoolError: what stood in the way; nothing is lost, look again later.
        """
        self._thin()
        if self._is_unchanged():
            self._sign(force=False)
            return Look("unchanged")
        if self._repository.clock.monotonic() < self._rest_until_s:
            return Look("unchanged")
        reader = self._open()
        try:
            look = self._take(reader)
        except BaseException:
            reader.close()
            raise
        self._hold(reader)
        self._sign(force=look.result is not None)
        self._bound_log()
        return look

    def close(self, *, in_order: bool = True) -> None:
        """End the transaction; `in_order`: tell the repository that nobody follows any more."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None
            tidy(self._path)
        if in_order and self._newest is not None:
            with suppress(DbtoolError):
                write_follow_record(self._repository, self._record(running=False))

    # -- looking

    def _is_unchanged(self) -> bool:
        if self._pending or self._newest is None:
            return False
        if self._reader is None:
            return self._state is not None and self._state.proves_unchanged(
                PageReader.state_now(self._path)
            )
        if not self._reader.log_in_place or not self._is_same_file(self._reader):
            return False
        state = self._reader.state
        position = self._reader.log_position()
        return position is not None and position[:2] == (state.wal_salts, state.wal_committed)

    def _open(self) -> PageReader:
        """Begin a new transaction beside the one that is held, where that still holds anything."""
        reader = None
        for _attempt in range(2):
            if self._reader is not None and self._log_is_lost(self._reader):
                # All connections of a process share one index of a file's WAL. So the new one must
                # not begin before nobody has the old index open.
                if reader is not None:
                    reader.close()
                    reader = None
                self._reader.close()
                self._reader = None
                self._log_lost = True
            if reader is None:
                reader = PageReader.open(
                    self._path, busy_timeout_s=self._options.busy_timeout_s, progress=self._progress
                )
        assert reader is not None
        return reader

    def _log_is_lost(self, reader: PageReader) -> bool:
        return reader.holds_log and not reader.log_in_place and self._is_same_file(reader)

    def _is_same_file(self, reader: PageReader) -> bool:
        try:
            status = self._path.stat()
        except OSError:
            return False  # opening it says what is wrong
        return (status.st_dev, status.st_ino) == (reader.state.device, reader.state.inode)

    def _take(self, reader: PageReader) -> Look:
        changed, reason = self._changed(reader)
        with shared(self._repository.store):
            if changed is not None and not self._newest_exists():
                changed, reason = None, "the snapshot before this one was removed"
            if changed is None or self._newest is None:
                return self._scan(reader, reason)
            if not changed and reader.page_count == self._newest.page_count:
                return Look("unchanged")
            options = self._backup_options()
            self._pending = changed  # should storing fail, the next look has to know
            result = take_increment(self._repository, reader, options, self._newest, changed)
        self._pending = set()
        self._newest = result.snapshot
        return Look("increment", result)

    def _changed(self, reader: PageReader) -> tuple[set[int] | None, str]:
        if self._newest is None:
            return None, "the first look"
        if not reader.holds_log:
            return None, "without a WAL only the pages themselves tell what changed"
        if self._log_lost:
            return None, "the WAL was removed while it was in use"
        if self._reader is None:
            return None, "the database was not in WAL mode before"
        found = pages_changed_while_held(reader, self._reader)
        if found is None:
            return None, "the WAL was replaced, or the database is another file"
        return found | self._pending, ""

    def _scan(self, reader: PageReader, reason: str) -> Look:
        result = backup_from(self._repository, reader, self._backup_options(), self._progress)
        if reason != "the first look":
            self._unbroken_since = reader.began
        if not reader.holds_log:
            rest_s = _REST * result.duration_s
            self._rest_until_s = self._repository.clock.monotonic() + rest_s
        self._pending = set()
        self._log_lost = False
        self._newest = result.snapshot
        if result.pages_scanned == 0:
            return Look("unchanged", result)
        known = result.pages_scanned < result.pages_total
        return Look("increment", result) if known else Look("scan", result, reason)

    def _backup_options(self) -> BackupOptions:
        return BackupOptions(
            name=self._name, tags=(FOLLOW_TAG,), busy_timeout_s=self._options.busy_timeout_s
        )

    def _newest_exists(self) -> bool:
        assert self._newest is not None
        try:
            self._repository.catalog.summary(self._newest.id)
        except NotFound:
            return False
        return True

    def _hold(self, reader: PageReader) -> None:
        """Let the new transaction take over from the old one; never a moment with neither."""
        if self._reader is not None:
            self._reader.close()
        self._state = reader.state
        if reader.holds_log:
            self._reader = reader
        else:
            # A rollback-journal database cannot be written while it is read.
            self._reader = None
            reader.close()

    # -- the log

    def _bound_log(self) -> None:
        reader = self._reader
        if reader is None or not reader.reads_log or not reader.log_in_place:
            return
        position = reader.log_position()
        if position is None:
            return
        _, committed, checkpointed = position
        size_bytes = committed * (reader.page_size + _FRAME_HEADER_BYTES)
        if size_bytes < self._options.wal_limit_bytes and checkpointed < committed:
            return
        try:
            outcome = relieve(self._path, self._take_over, gated=self._failed_attempts >= _PATIENCE)
        except StorageFailed:
            return  # a database that we may not write: its application checkpoints it
        if outcome is Outcome.DONE:
            self._failed_attempts, self._warned = 0, False
            return
        self._failed_attempts += 1
        if outcome is Outcome.PINNED:
            self._complain(size_bytes)

    def _take_over(self, reader: PageReader) -> bool:
        """Hold a newer reader instead of ours, and remember what changed between them."""
        assert self._reader is not None
        between = pages_changed_while_held(reader, self._reader)
        if between is None:
            reader.close()
            return False
        self._pending |= between
        self._hold(reader)
        return True

    def _complain(self, size_bytes: int) -> None:
        if size_bytes < _ALARM * self._options.wal_limit_bytes or self._warned:
            return
        self._warned = True
        who = ", ".join(str(holder) for holder in holders(self._path) if holder.pid != os.getpid())
        self._progress.warn(
            f"the WAL of {self._path.name} has {size_bytes >> 20} MiB and cannot be shortened: "
            f"somebody reads an old state of the database ({who or 'unknown'})"
        )

    # -- thinning out

    def _thin(self) -> None:
        """Remove snapshots that are too many by now; what fails is told, and tried again later."""
        now_s = self._repository.clock.monotonic()
        if now_s - self._thinned_s < THIN_EVERY_S:
            return
        self._thinned_s = now_s
        try:
            thin(self._repository, self._name, self._options.retention)
        except DbtoolError as error:
            if error.code != "append-only":  # there it is for somebody else to do
                self._progress.warn(f"old snapshots were not thinned out: {error.message}")

    # -- signs of life

    def _sign(self, *, force: bool) -> None:
        """Record that all is well; what fails here fails again, and loudly, with a snapshot."""
        now_s = self._repository.clock.monotonic()
        if self._newest is None or not (force or now_s - self._signed_s >= SIGN_OF_LIFE_S):
            return
        self._signed_s = now_s
        with suppress(DbtoolError):
            write_follow_record(self._repository, self._record(running=True))
            if not force and self._state is not None and not self._pending:
                now = self._repository.clock.now()
                seen = Head(self._newest.id, self._name, self._state, now)
                self._repository.catalog.advance_head(seen, since=self._newest.id)
                self._newest = replace(self._newest, seen=now)

    def _record(self, *, running: bool) -> FollowRecord:
        assert self._newest is not None
        now: datetime = self._repository.clock.now()
        return FollowRecord(
            database=self._name,
            host=os.uname().nodename,
            pid=os.getpid(),
            interval_s=self._options.interval_s,
            since=self._began,
            unbroken_since=self._unbroken_since,
            time=now,
            snapshot=self._newest.id,
            running=running,
        )
