"""When did the damage begin: snapshots are bisected, read where they lie.

Damage stays once it is there, as every later snapshot holds the same pages or worse; that is what a
bisection needs. Looked at are the damaged tables alone, by the check that found the damage.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dbtool.backup.model import SAFETY_TAG, Snapshot
from dbtool.backup.repository import Repository
from dbtool.core.progress import Progress
from dbtool.errors import DbtoolError
from dbtool.integrity.budget import Budget
from dbtool.integrity.findings import DAMAGES, Finding, Onset
from dbtool.integrity.objects import read_objects
from dbtool.integrity.structure import check_table

__all__ = ["bisect_onset", "find_onset"]


def find_onset(
    repository: Repository,
    snapshots: Sequence[Snapshot],
    tables: Sequence[str],
    *,
    full: bool,
    budget: Budget,
    progress: Progress,
) -> Onset:
    """Find the first snapshot in which any of `tables` is damaged.

    Args:
        repository: holds the snapshots.
        snapshots: of the database, oldest first; safety snapshots are passed over.
        tables: names; of an index its table.
        full: check as `PRAGMA integrity_check` does.
        budget: when to end.
        progress: told of snapshots.
    """
    candidates = [found for found in snapshots if SAFETY_TAG not in found.tags]
    progress.start("looking back", None, "snapshots")

    def is_damaged(snapshot: Snapshot) -> bool:
        progress.advance(1)
        return _is_damaged(
            repository, snapshot, tables, full=full, budget=budget, progress=progress
        )

    clean, damaged, checked = bisect_onset(candidates, is_damaged)
    progress.finish()
    return Onset(tuple(tables), clean, damaged, checked)


def bisect_onset(
    snapshots: Sequence[Snapshot], is_damaged: Callable[[Snapshot], bool]
) -> tuple[Snapshot | None, Snapshot | None, int]:
    """Return the last clean and the first damaged snapshot, and how many were looked at.

    Args:
        snapshots: oldest first.
        is_damaged: False up to some snapshot, True from there on.
    """
    low, high, checked = 0, len(snapshots), 0
    if snapshots:  # most often the newest is clean: the damage came after it
        checked = 1
        if not is_damaged(snapshots[-1]):
            return snapshots[-1], None, checked
        high = len(snapshots) - 1
    while low < high:
        middle = (low + high) // 2
        checked += 1
        if is_damaged(snapshots[middle]):
            high = middle
        else:
            low = middle + 1
    clean = snapshots[low - 1] if low else None
    return clean, snapshots[low] if low < len(snapshots) else None, checked


def _is_damaged(
    repository: Repository,
    snapshot: Snapshot,
    tables: Sequence[str],
    *,
    full: bool,
    budget: Budget,
    progress: Progress,
) -> bool:
    try:
        connection = repository.connect(snapshot)
    except DbtoolError:
        return True  # what cannot be read is no proof that all was well
    try:
        with budget.watching(connection, progress):
            catalogue = read_objects(connection, _NoPages())
            found: list[Finding] = []
            for name in tables:
                table = catalogue.named(name)
                if table is not None:
                    found += check_table(connection, table, catalogue, full=full)
        return any(finding.verdict in DAMAGES for finding in found)
    except DbtoolError:
        return True
    finally:
        connection.close()


class _NoPages:
    """What a snapshot without a readable schema has to say."""

    page_size = 0
    page_count = 0

    def page(self, number: int) -> bytes:
        """Have none."""
        raise ValueError(number)
