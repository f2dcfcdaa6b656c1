"""Thinning out the snapshots of `follow`, which come every second.

Only its own snapshots are judged, by a policy of their own: those that somebody took on purpose are
for `prune`. What no policy removes (`retention.protected`) stays here too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbtool.backup.forget import ForgetPlan, run_forget
from dbtool.backup.prune import run_prune
from dbtool.backup.retention import Retention, decide, protected
from dbtool.backup.survey import PruneOptions
from dbtool.core.progress import Silent

if TYPE_CHECKING:
    from dbtool.backup.repository import Repository

__all__ = ["FOLLOW_RETENTION", "FOLLOW_TAG", "THIN_EVERY_S", "thin"]

FOLLOW_TAG = "follow"
"""Marks the snapshots of `follow`."""
FOLLOW_RETENTION = Retention(within_s=3600.0, hourly=24, daily=7)
"""Every second of the last hour, every hour of a day, every day of a week."""
THIN_EVERY_S = 600.0
_WAIT_S = 2.0
"""How long to wait for others before space is freed; the next time is soon."""


def thin(repository: Repository, database: str, retention: Retention) -> int:
    """Remove the snapshots of `follow` that a policy condemns, and free their space.

    Args:
        repository: no lock of which is held by the caller.
        database: its name in the repository.
        retention: one that keeps nothing removes nothing.

    Returns:
        How many snapshots were removed.

    Raises:
        Refused: the store is append-only.
        Locked, StorageFailed, Unreachable: as `prune`.
    """
    listed = repository.snapshots(database, on_damaged=lambda _error: None)
    stays = {snapshot.id for snapshot, _why in protected(listed)}
    own = [snapshot for snapshot in listed if FOLLOW_TAG in snapshot.tags]
    condemned = [one for one in decide(own, retention).condemned if one.id not in stays]
    if condemned:
        run_forget(repository, ForgetPlan(tuple(condemned), damaged=(), protected=()))
        run_prune(repository, PruneOptions(wait_s=_WAIT_S), Silent())
    return len(condemned)
