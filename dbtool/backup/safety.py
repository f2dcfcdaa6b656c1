"""Safety snapshots: what a restore is about to replace, kept, with a record of what replaces it.

An undo goes by the newest one. As every undo takes one itself, the newest is always of the last
restore, and undoing twice gives back what the first undo took away.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dbtool.backup.lock import shared
from dbtool.backup.model import SAFETY_TAG, BackupOptions, Replaced, Snapshot
from dbtool.backup.run import run_backup
from dbtool.core.progress import Progress
from dbtool.errors import DbtoolError, NotFound

if TYPE_CHECKING:
    from dbtool.backup.repository import Repository
    from dbtool.backup.snapshot import OnDamaged

__all__ = ["last_replaced", "take_safety_snapshot", "withdraw_safety_snapshot"]


def take_safety_snapshot(
    repository: Repository,
    target: Path,
    replaced: Replaced,
    *,
    busy_timeout_s: float,
    progress: Progress,
) -> Snapshot | None:
    """Back `target` up before it is overwritten, and record what overwrites it.

    Raises:
        DbtoolError: as a backup does.
    """
    source = replaced.source[:8]
    note = (
        f"before {source} was restored over it"
        if replaced.table is None
        else f"before rows of {replaced.table} were restored from {source}"
    )
    # Always: the record needs a snapshot of its own, even where nothing changed since the last.
    options = BackupOptions(
        tags=(SAFETY_TAG,), note=note, always=True, busy_timeout_s=busy_timeout_s
    )
    return run_backup(repository, target, options, progress, replaced=replaced).snapshot


def withdraw_safety_snapshot(
    repository: Repository, snapshot: Snapshot, progress: Progress
) -> None:
    """Remove the safety snapshot of a restore that failed and changed nothing.

    An undo would go by it, and take back what applications have written since.
    """
    try:
        with shared(repository.store):
            repository.catalog.remove([snapshot.id])
    except DbtoolError as error:
        progress.warn(
            f"snapshot {snapshot.id[:8]}, taken before, could not be removed: {error.message}; "
            "restore --undo would go by it, although nothing was restored"
        )


def last_replaced(
    repository: Repository, database: str | Path, *, on_damaged: OnDamaged | None = None
) -> tuple[Snapshot, Replaced | None]:
    """Return the newest safety snapshot of a database, and what was replaced after it.

    Args:
        repository: where it lies.
        database: path or name.
        on_damaged: told of snapshots that do not open, which are passed over.

    Returns:
        The record is None in snapshots of versions that kept none; then it was the whole database.

    Raises:
        NotFound: `nothing-to-undo`.
        Damaged: `record-damaged`.
    """
    listed = repository.snapshots(database, on_damaged=on_damaged)
    safety = [snapshot for snapshot in listed if SAFETY_TAG in snapshot.tags]
    if not safety:
        raise NotFound(
            "nothing-to-undo",
            f"no restore of {database} has left a safety snapshot",
            context="a restore to a new file replaces nothing, and --no-safety-snapshot keeps "
            "nothing",
            hint="dbtool snapshots      lists what can be restored",
        )
    # Where the folder was moved, those of the old place are listed too, numbered by themselves.
    name = str(Path(database).resolve())
    own = [snapshot for snapshot in safety if snapshot.database in (str(database), name)]
    newest = max(own or safety, key=lambda snapshot: snapshot.rank)
    return newest, repository.catalog.body(newest.id).replaced
