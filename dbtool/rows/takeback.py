"""Rows taken back from a repository with a safety snapshot, and the undo of that."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from dbtool.backup.lock import shared
from dbtool.backup.model import Replaced, Snapshot
from dbtool.backup.repository import Repository
from dbtool.backup.safety import take_safety_snapshot, withdraw_safety_snapshot
from dbtool.core.progress import Progress
from dbtool.rows.match import MODES, RowMode, TableRestore
from dbtool.rows.restore import RowRestore, TablePlan

__all__ = ["TableResult", "Takeback", "opened", "undo_of"]

_UNDONE_BY: Final[dict[str, RowMode]] = {"update": "update"}
"""An update inserted no rows, so its undo deletes none; any other may have."""


@dataclass(frozen=True, slots=True)
class Takeback:
    """Rows of a table that come back from a snapshot into a live database."""

    repository: Repository
    snapshot: Snapshot
    target: Path
    asked: TableRestore
    drop_missing: bool = False
    """Drop the table where the snapshot does not have it, as the undo of its creation does."""
    safety_snapshot: bool = True


@dataclass(frozen=True, slots=True)
class TableResult:
    """What was done."""

    snapshot: Snapshot
    target: Path
    plan: TablePlan
    safety_snapshot: Snapshot | None
    """None: nothing was to be changed, or none was wanted."""
    duration_s: float


class OpenTakeback:
    """A `Takeback` with its connections open: first its plan, then its work."""

    def __init__(self, takeback: Takeback, rows: RowRestore) -> None:
        self._takeback = takeback
        self._rows = rows

    def plan(self, progress: Progress) -> TablePlan:
        """Say what `run` would do; see `RowRestore.plan`."""
        self._rows.progress = progress
        return self._rows.plan()

    def run(self, progress: Progress) -> TableResult:
        """Take the safety snapshot under the write lock, and write; see `RowRestore.run`."""
        takeback, clock = self._takeback, self._takeback.repository.clock
        self._rows.progress = progress
        started_s = clock.monotonic()
        taken: list[Snapshot] = []

        def protect() -> None:
            snapshot = _protect(takeback, progress)
            taken.extend([snapshot] if snapshot else [])

        try:
            plan = self._rows.run(protect if takeback.safety_snapshot else None)
        except BaseException:
            if taken and not self._rows.may_be_committed:
                withdraw_safety_snapshot(takeback.repository, taken[0], progress)
            raise
        return TableResult(
            takeback.snapshot,
            takeback.target,
            plan,
            taken[0] if taken else None,
            clock.monotonic() - started_s,
        )


@contextmanager
def opened(takeback: Takeback, progress: Progress) -> Iterator[OpenTakeback]:
    """Open the snapshot and the live database, and check the request against both.

    Raises:
        DbtoolError: as `RowRestore` and `Repository.connect`.
    """
    with (
        closing(takeback.repository.connect(takeback.snapshot)) as source,
        RowRestore(
            source,
            takeback.target,
            takeback.asked,
            drop_missing=takeback.drop_missing,
            progress=progress,
        ) as rows,
    ):
        yield OpenTakeback(takeback, rows)


def undo_of(repository: Repository, safety: Snapshot, replaced: Replaced, target: Path) -> Takeback:
    """Return what puts back the rows that a restore replaced.

    The same rows and columns of the same table come back from the safety snapshot; what was written
    to other tables since stays.
    """
    mode = replaced.mode if replaced.mode in MODES else "replace"
    asked = TableRestore(
        table=replaced.table or "",
        where=replaced.where,
        columns=replaced.columns,
        mode=_UNDONE_BY.get(mode, "replace"),
        triggers=replaced.triggers,
    )
    return Takeback(repository, safety, target, asked, drop_missing=True)


def _protect(takeback: Takeback, progress: Progress) -> Snapshot | None:
    asked = takeback.asked
    replaced = Replaced(
        takeback.snapshot.id,
        asked.table,
        asked.where,
        asked.columns,
        cast(str, asked.mode),
        asked.triggers,
    )
    with shared(takeback.repository.store):
        return take_safety_snapshot(
            takeback.repository,
            takeback.target,
            replaced,
            busy_timeout_s=asked.busy_timeout_s,
            progress=progress,
        )
