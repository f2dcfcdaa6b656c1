"""Removing single snapshots; the space comes back with the next prune.

A snapshot stands alone: no other one needs it, not even those whose parent it is. So forgetting is
removing one object, beside whatever else runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dbtool.backup.lock import shared
from dbtool.backup.model import Snapshot, SnapshotId
from dbtool.backup.prune import remove_snapshots, require_removable
from dbtool.backup.retention import protected
from dbtool.errors import Damaged, Refused

if TYPE_CHECKING:
    from dbtool.backup.repository import Repository

__all__ = ["ForgetPlan", "plan_forget", "run_forget"]


@dataclass(frozen=True, slots=True)
class ForgetPlan:
    """What would be removed; nothing has been."""

    snapshots: tuple[Snapshot, ...]
    damaged: tuple[SnapshotId, ...]
    """Snapshots to be removed that cannot be read."""
    protected: tuple[tuple[SnapshotId, str], ...]
    """Those among `snapshots` that no prune would remove, and why: "newest"."""

    @property
    def ids(self) -> tuple[SnapshotId, ...]:
        """Everything that would be removed."""
        return (*(snapshot.id for snapshot in self.snapshots), *self.damaged)


def plan_forget(
    repository: Repository, specs: Sequence[str], *, database: str | Path | None = None
) -> ForgetPlan:
    """Find the snapshots that `specs` mean.

    Args:
        repository: where they are.
        specs: what `Repository.find` understands; a whole id or the beginning of one also for a
            snapshot that cannot be read.
        database: whose "latest" and "@TIME" are meant.

    Raises:
        NotFound, UsageError: as `Repository.find`.
    """
    broken: list[Damaged] = []
    readable = repository.snapshots(on_damaged=broken.append)
    known = {snapshot.id: snapshot for snapshot in readable}
    lost = [found for found in repository.catalog.ids() if found not in known] if broken else []
    chosen: dict[SnapshotId, None] = {}
    for spec in specs:
        matching = [found for found in lost if spec and found.startswith(spec.lower())]
        if len(matching) == 1 and not any(found.startswith(spec.lower()) for found in known):
            chosen[matching[0]] = None
        else:
            chosen[repository.find(spec, database=database, on_damaged=broken.append).id] = None
    return ForgetPlan(
        snapshots=tuple(snapshot for snapshot in readable if snapshot.id in chosen),
        damaged=tuple(found for found in lost if found in chosen),
        protected=tuple(
            (snapshot.id, why) for snapshot, why in _protected(readable) if snapshot.id in chosen
        ),
    )


def run_forget(repository: Repository, plan: ForgetPlan, *, force: bool = False) -> None:
    """Remove the snapshots of a plan.

    Args:
        repository: no lock of which is held by the caller.
        plan: as `plan_forget` made it.
        force: also the newest snapshot of a database, and the newest that was proven.

    Raises:
        Refused: `snapshot-protected`, without `force`; the store is append-only.
    """
    if plan.protected and not force:
        raise refused(plan)
    require_removable(repository)
    with shared(repository.store):
        remove_snapshots(repository, plan.ids)


def refused(plan: ForgetPlan) -> Refused:
    """Return the error that says which snapshot is not removed without being forced."""
    snapshot, why = plan.protected[0]
    return Refused(
        "snapshot-protected",
        f"snapshot {snapshot[:8]} is the {why} one of its database",
        context="without it the latest state, or the last one that is proven, cannot be restored",
        hint="take and verify a newer one first, or add --force",
    )


def _protected(snapshots: Sequence[Snapshot]) -> list[tuple[Snapshot, str]]:
    return [
        entry
        for database in dict.fromkeys(snapshot.database for snapshot in snapshots)
        for entry in protected(snapshot for snapshot in snapshots if snapshot.database == database)
    ]
