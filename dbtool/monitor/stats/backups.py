"""What the repository says of a database: how many snapshots, how old, how small, how proven."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dbtool.backup.model import SAFETY_TAG, Snapshot
from dbtool.errors import Damaged
from dbtool.monitor.stats.model import BackupStats, GrowthPoint, Unavailable

if TYPE_CHECKING:
    from dbtool.backup.repository import Repository

__all__ = ["backup_stats", "ends", "growth_of_snapshots"]


def backup_stats(
    repository: Repository, database: str, *, max_age_s: float | None = None
) -> BackupStats | Unavailable:
    """Return the figures of the snapshots of `database`.

    Args:
        repository: open.
        database: its name in the repository. Where that holds snapshots of one other database
            alone, it is the same under an older path.
        max_age_s: limit of the configuration.

    Raises:
        DbtoolError: the repository cannot be read.
    """
    damaged: list[str] = []

    def on_damaged(error: Damaged) -> None:
        damaged.append(error.message)

    every = repository.snapshots(on_damaged=on_damaged)
    own = _of(every, database)
    if not own:
        return Unavailable("the repository has no snapshot of it", "dbtool backup DB")
    newest = max(own, key=lambda snapshot: snapshot.rank)
    proofs = [snapshot.verified for snapshot in own if snapshot.verified]
    return BackupStats(
        location=repository.info.location,
        encrypted=repository.info.encrypted,
        count=len(own),
        newest=newest.time,
        newest_id=newest.id,
        seen=newest.seen or newest.time,
        oldest=min(snapshot.time for snapshot in own),
        newest_added_bytes=newest.bytes_added,
        added_bytes=sum(snapshot.bytes_added for snapshot in own),
        size_bytes=sum(snapshot.size_bytes for snapshot in own),
        repository_bytes=_stored(repository),
        databases=len({snapshot.database for snapshot in every}),
        verified=max(proofs, default=None),
        max_age_s=max_age_s,
        damaged=tuple(damaged),
        followed=_followed(repository, newest.database),
    )


def growth_of_snapshots(repository: Repository, database: str) -> tuple[GrowthPoint, ...]:
    """Return the size of the database at each snapshot; what restores replaced does not count.

    Raises:
        DbtoolError: the repository cannot be read.
    """
    every = repository.snapshots(on_damaged=lambda _: None)
    points = []
    for snapshot in _of(every, database):
        points.append(GrowthPoint(snapshot.time, snapshot.size_bytes, "snapshots"))
        if snapshot.seen and snapshot.seen > snapshot.time:
            points.append(GrowthPoint(snapshot.seen, snapshot.size_bytes, "snapshots"))
    return tuple(sorted(points, key=lambda point: point.at))


def ends(repository: Repository, database: str) -> tuple[Snapshot, Snapshot] | None:
    """Return the oldest and the newest snapshot of a database; None where there are not two.

    Raises:
        DbtoolError: the repository cannot be read.
    """
    own = _of(repository.snapshots(on_damaged=lambda _: None), database)
    if len(own) < 2:  # noqa: PLR2004 - two ends
        return None
    return min(own, key=lambda one: one.rank), max(own, key=lambda one: one.rank)


def _of(snapshots: Sequence[Snapshot], database: str) -> list[Snapshot]:
    usual = [snapshot for snapshot in snapshots if SAFETY_TAG not in snapshot.tags]
    own = [snapshot for snapshot in usual if snapshot.database == database]
    others = {snapshot.database for snapshot in usual}
    return own or (usual if len(others) == 1 else [])


def _stored(repository: Repository) -> int:
    store = repository.store
    return sum(size for folder in ("packs/", "snapshots/") for _, size in store.list(folder))


def _followed(repository: Repository, database: str) -> bool:
    from dbtool.backup.followrecord import read_follow_records

    records = read_follow_records(repository)
    return any(record.running and record.database == database for record in records)
