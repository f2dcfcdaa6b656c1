"""Rungs 3 and 5: a whole snapshot takes the place of the database.

Both look for the newest snapshot that is proven clean: restored to a temporary file with every page
proven by its hash, and through the full level. They differ in what is lost. Where `follow` ran, the
newest snapshot holds everything up to seconds before the last write (rung 3); otherwise all that
was written since the snapshot is lost (rung 5).
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

from dbtool.backup.followrecord import SIGN_OF_LIFE_S, FollowRecord
from dbtool.backup.model import SAFETY_TAG, RestoreOptions
from dbtool.core.quantities import format_duration
from dbtool.errors import Damaged
from dbtool.integrity.repair.copying import sync_file
from dbtool.integrity.repair.job import Job, require_sound
from dbtool.integrity.repair.losses import compared
from dbtool.integrity.repair.model import Healed, RungFailed
from dbtool.integrity.repair.proof import Stamps, follow_record

if TYPE_CHECKING:
    from pathlib import Path

    from dbtool.backup.model import Snapshot
    from dbtool.backup.repository import Repository
    from dbtool.integrity.findings import Finding

__all__ = ["follow_gap_s", "restore_clean", "roll_forward"]

_SILENCE: Final = 3


def restore_clean(job: Job) -> Healed:
    """Restore the newest snapshot that is proven clean.

    Raises:
        RungFailed: there is no snapshot, or none is clean.
        StorageFailed: no space, or an I/O error.
    """
    path, snapshot, rules, passed_over = _newest_clean(job)
    return Healed(
        path,
        lossless=False,
        how=f"snapshot {snapshot.id[:8]}; what was written after it is not in it",
        tables=compared(job, path),
        source=snapshot,
        rules=rules,
        notes=tuple(passed_over),
    )


def roll_forward(job: Job) -> Healed:
    """Restore the last state that `follow` kept, as far as it is clean.

    Raises:
        RungFailed: `follow` did not see the last write, or no snapshot is clean.
        StorageFailed: no space, or an I/O error.
    """
    if job.repository is None or job.snapshot is None:
        raise RungFailed("there is no snapshot")
    record = follow_record(job.repository, job.snapshot.database)
    if record is None:
        raise RungFailed("follow did not run")
    path, snapshot, rules, passed_over = _newest_clean(job)
    gap_s = _gap_s(record, job.last_write)
    complete = gap_s == 0 and snapshot.id == record.snapshot
    behind = "it has every write" if complete else f"up to {format_duration(gap_s)} are missing"
    if snapshot.id != record.snapshot:
        behind = "what follow kept after it has the damage"
    return Healed(
        path,
        lossless=complete,
        how=f"what follow kept, to snapshot {snapshot.id[:8]}: {behind}",
        tables=compared(job, path),
        source=snapshot,
        rules=rules,
        notes=tuple(passed_over),
    )


def follow_gap_s(
    repository: Repository, snapshot: Snapshot, stamps: Stamps
) -> tuple[float, bool] | None:
    """Return how much of the end `follow` did not see, in seconds, and whether that is little.

    None: it never followed this database, or backups were taken otherwise since.
    """
    record = follow_record(repository, snapshot.database)
    if record is None or record.snapshot != snapshot.id:
        return None
    gap_s = _gap_s(record, stamps.last_write)
    return gap_s, gap_s <= _SILENCE * max(record.interval_s, SIGN_OF_LIFE_S)


def _gap_s(record: FollowRecord, last_write: datetime) -> float:
    return max(0.0, (last_write - record.time).total_seconds())


def _newest_clean(job: Job) -> tuple[Path, Snapshot, tuple[Finding, ...], list[str]]:
    """Return a restored file, its snapshot, the rules that it breaks, and what was passed over."""
    if job.repository is None or job.snapshot is None:
        raise RungFailed("there is no snapshot")
    listed = job.repository.snapshots(job.snapshot.database, on_damaged=lambda _error: None)
    passed_over: list[str] = []
    for snapshot in reversed(listed):
        if SAFETY_TAG in snapshot.tags or not snapshot.page_count:
            continue  # it holds what a restore was to replace
        path = job.file("restored")
        try:
            job.repository.restore(snapshot, path, RestoreOptions(), progress=job.progress)
            rules = require_sound(path, job)
        except (Damaged, RungFailed) as error:
            passed_over.append(f"snapshot {snapshot.id[:8]} is not clean: {error}")
            job.discard(path)
            continue
        sync_file(path, job.files)
        return path, snapshot, rules, passed_over
    raise RungFailed("no snapshot is clean")
