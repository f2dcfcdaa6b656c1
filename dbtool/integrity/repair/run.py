"""Repair: one rung after another on copies, until one is proven; then the swap.

    lock -> damaged files kept -> rungs on copies -> proof -> swap
            (rung 0)              (2, 1, 3, 4, 5)

Invariants: nothing happens before the damaged files are kept byte for byte; the database is as it
was until a proven copy takes its place; nobody else can use it from the lock to the swap.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import apsw

from dbtool.core.atomicfile import SYSTEM_FILES, FileOps
from dbtool.core.clock import Clock, SystemClock
from dbtool.core.connection import classify
from dbtool.core.progress import Progress, Silent
from dbtool.errors import Damaged, Locked, Refused
from dbtool.integrity.findings import Rung
from dbtool.integrity.repair.clean import restore_clean, roll_forward
from dbtool.integrity.repair.copying import remove_folder, require_free, work_folder
from dbtool.integrity.repair.derived import derive
from dbtool.integrity.repair.job import Job
from dbtool.integrity.repair.model import (
    Attempt,
    Evidence,
    Healed,
    RepairOptions,
    RepairPlan,
    RepairResult,
    RungFailed,
    RungPlan,
)
from dbtool.integrity.repair.preserve import SIDECARS, Held, copy_files, publish_evidence
from dbtool.integrity.repair.proof import Stamps, prove
from dbtool.integrity.repair.salvaging import salvage_rows
from dbtool.integrity.repair.swap import exists_already, publish, swap
from dbtool.integrity.repair.transplant import transplant

if TYPE_CHECKING:
    from dbtool.backup.repository import Repository

__all__ = ["run_repair"]

_RUNGS: Final[dict[Rung, Callable[[Job], Healed]]] = {
    Rung.DERIVED: derive,
    Rung.TRANSPLANT: transplant,
    Rung.ROLL_FORWARD: roll_forward,
    Rung.SALVAGE: salvage_rows,
    Rung.RESTORE: restore_clean,
}
_COPIES: Final = 3
"""The damaged files, the copy that a rung works on, and what it makes of it."""


def run_repair(
    plan: RepairPlan,
    *,
    repository: Repository | None = None,
    progress: Progress | None = None,
    files: FileOps = SYSTEM_FILES,
) -> RepairResult:
    """Repair a database as planned, or write the healed one elsewhere.

    Args:
        plan: from `plan_repair`, with its options.
        repository: the one that the plan was made with.
        progress: told of bytes, pages and tables.
        files: the system calls, replaced in tests.

    Returns:
        Without attempts where the database is healthy; without a rung where none held, and then
        the database is as it was.

    Raises:
        Locked: `repair-target-busy`, `database-locked`; `database-busy`, it was written to
            between the check and the lock.
        Refused: `rung-not-possible`, `target-exists`.
        StorageFailed: no space, or an I/O error; the database is as it was.
    """
    progress = progress or Silent()
    clock = repository.clock if repository else SystemClock()
    began, began_s = clock.now(), clock.monotonic()
    healed: Healed | None = None
    attempts: list[Attempt] = []
    evidence: Evidence | None = None
    if not plan.healthy and plan.stamps is not None:
        work = _Work(plan, plan.stamps, repository, progress, clock, files)
        healed, attempts, evidence = work.run(_asked(plan, plan.options))
    return RepairResult(
        plan.database,
        plan.options.to or plan.database,
        began,
        clock.monotonic() - began_s,
        attempts[-1].rung if healed else None,
        healed,
        tuple(attempts),
        evidence,
    )


def _asked(plan: RepairPlan, options: RepairOptions) -> list[RungPlan]:
    """Return the rungs to try.

    Raises:
        Refused: `rung-not-possible`.
    """
    if options.rung is None:
        return [rung for rung in plan.rungs if rung.possible]
    chosen = next((rung for rung in plan.rungs if rung.rung == options.rung), None)
    if chosen is not None and chosen.possible:
        return [chosen]
    name = options.rung.name.lower().replace("_", "-")
    label = "rebuild" if options.rung == Rung.DERIVED else name
    raise Refused(
        "rung-not-possible",
        f"{label} cannot repair {plan.database}",
        context=chosen.why if chosen else "",
        hint=f"dbtool repair {plan.database}      the plan, with what is possible",
    )


class _Work:
    """One repair that was confirmed."""

    def __init__(
        self,
        plan: RepairPlan,
        stamps: Stamps,
        repository: Repository | None,
        progress: Progress,
        clock: Clock,
        files: FileOps,
    ) -> None:
        self._plan, self._stamps, self._options = plan, stamps, plan.options
        self._repository, self._progress = repository, progress
        self._clock, self._files = clock, files

    def run(self, rungs: list[RungPlan]) -> tuple[Healed | None, list[Attempt], Evidence | None]:
        """Preserve, climb, and put what held where it belongs."""
        path, to, files = self._plan.database, self._options.to, self._files
        if to is not None and os.path.lexists(to):
            raise exists_already(to)
        parent = (to or path).resolve().parent
        self._require_room(parent)
        with ExitStack() as cleanup:
            held = cleanup.enter_context(
                Held.open(path, busy_timeout_s=self._options.busy_timeout_s, writable=to is None)
            )
            if Stamps.of(path, datetime.now(UTC)).database != self._stamps.database:
                raise Locked(
                    "database-busy",
                    f"{path} was written to since it was checked",
                    hint="run the repair again",
                )
            folder = work_folder(parent, files)
            cleanup.callback(remove_folder, folder, files)
            evidence, source = self._preserve(held, folder)
            try:
                healed, attempts = self._climb(rungs, self._job(source, folder))
            except (
                BaseException
            ):  # the database is as it was, so a copy of it is evidence of nothing
                if evidence is not None:
                    remove_folder(evidence.folder, files)
                raise
            if healed is not None and to is not None:
                publish(healed.path, to, path, files)
            elif healed is not None:
                other_names = held.path.stat().st_nlink > 1
                swap(healed.path, held, folder, files)
                if other_names:
                    note = "a hard link, another name of the old file, still leads to the damage"
                    healed = replace(healed, notes=(note, *healed.notes))
        return healed, attempts, evidence

    def _preserve(self, held: Held, folder: Path) -> tuple[Evidence | None, Path]:
        """Keep the damaged files; return them, and where the rungs read them."""
        if self._options.to is None:
            evidence = publish_evidence(held, self._clock.now(), self._files, self._progress)
            return evidence, evidence.folder / held.path.name
        copy_files(held, folder, self._files, self._progress)  # the original stays: it is kept
        return None, folder / held.path.name

    def _job(self, source: Path, folder: Path) -> Job:
        report = self._plan.report
        now = Stamps.of(self._plan.database, datetime.now(UTC))
        same = now.database == self._stamps.database and now.wal == self._stamps.wal
        proof = prove(
            source,
            now,
            unchanged=report.unchanged and same and self._stamps.settled,
            repository=self._repository,
            snapshot=report.snapshot,
        )
        return Job(
            source=source,
            folder=folder,
            plan=self._plan,
            options=self._options,
            repository=self._repository,
            snapshot=report.snapshot,
            proof=proof,
            last_write=now.last_write,
            files=self._files,
            progress=self._progress,
            clock=self._clock,
        )

    def _climb(self, rungs: list[RungPlan], job: Job) -> tuple[Healed | None, list[Attempt]]:
        """Try one rung after another; what a rung that failed left behind is removed."""
        attempts: list[Attempt] = []
        kept = set(job.folder.iterdir())
        for rung in rungs:
            try:
                healed = _RUNGS[rung.rung](job)
            except RungFailed as error:
                why = str(error)
            except Damaged as error:
                why = f"{error.message}: {error.context}" if error.context else error.message
            except apsw.FullError as error:
                raise classify(job.folder, error) from error
            except apsw.Error as error:
                why = f"SQLite says: {error}"
            else:
                attempts.append(Attempt(rung.rung, healed.how, held=True))
                return healed, attempts
            attempts.append(Attempt(rung.rung, why))
            for left in set(job.folder.iterdir()) - kept:
                job.discard(left)
        return None, attempts

    def _require_room(self, parent: Path) -> None:
        path = self._plan.database
        sizes = [
            beside.stat().st_size
            for suffix in ("", *SIDECARS)
            if (beside := path.with_name(path.name + suffix)).exists()
        ]
        require_free(parent, _COPIES * sum(sizes))
