"""The part of a repository that keeps backups in order: forgetting, pruning, copying elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, cast

from dbtool.core.progress import Progress, Silent

if TYPE_CHECKING:
    from dbtool.backup.copy import CopyOptions, CopyPlan, CopyResult
    from dbtool.backup.forget import ForgetPlan
    from dbtool.backup.healing import HealOptions, HealReport
    from dbtool.backup.prune import PruneResult
    from dbtool.backup.repository import Repository
    from dbtool.backup.survey import PruneOptions, PrunePlan

__all__ = ["Upkeep"]


class Upkeep:
    """What `Repository` inherits; the engines are loaded when they are first needed."""

    @property
    def _repository(self) -> Repository:
        return cast("Repository", self)

    def close(self) -> None:
        """End the connections to where it lies; what is asked of it next begins them again.

        Only sftp:// holds one. Whoever does not close it has it ended with the process, or when
        the repository is collected.
        """
        self._repository.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def plan_prune(self, options: PruneOptions, *, progress: Progress | None = None) -> PrunePlan:
        """Say what `prune` would remove, merge and free; write nothing."""
        from dbtool.backup.prune import plan_prune

        return plan_prune(self._repository, options, progress or Silent())

    def prune(
        self,
        options: PruneOptions,
        *,
        progress: Progress | None = None,
        confirmed: PrunePlan | None = None,
    ) -> PruneResult:
        """Remove snapshots by policy and what nobody needs, beside backups and restores.

        Args:
            options: the policy and the limits.
            progress: told of snapshots read and bytes copied.
            confirmed: a plan that was shown; no snapshot goes that is not condemned in it.

        Raises:
            Damaged: `prune-damaged`, what the snapshots need is not known; nothing was removed.
            Locked: `prune-running`.
        """
        from dbtool.backup.prune import run_prune

        return run_prune(self._repository, options, progress or Silent(), confirmed=confirmed)

    def plan_forget(
        self, snapshots: Sequence[str], *, database: str | Path | None = None
    ) -> ForgetPlan:
        """Find the snapshots that `forget` would remove; see `find` for how they are named."""
        from dbtool.backup.forget import plan_forget

        return plan_forget(self._repository, snapshots, database=database)

    def forget(self, plan: ForgetPlan, *, force: bool = False) -> None:
        """Remove single snapshots; the space comes back with the next prune.

        Raises:
            Refused: `snapshot-protected`, the newest of a database without `force`.
        """
        from dbtool.backup.forget import run_forget

        run_forget(self._repository, plan, force=force)

    def plan_copy(self, target: Repository, options: CopyOptions) -> CopyPlan:
        """Say what `copy` would bring over; write nothing."""
        from dbtool.backup.copy import plan_copy

        return plan_copy(self._repository, target, options)

    def copy(
        self, target: Repository, options: CopyOptions, *, progress: Progress | None = None
    ) -> CopyResult:
        """Bring the snapshots that `target` lacks there, under its own keys and their own ids.

        What cannot be read whole is left out, and named in the result. A copy that was cut off goes
        on where it was.

        Args:
            target: another repository.
            options: which snapshots.
            progress: told of bytes read.

        Raises:
            UsageError: `copy-same-repository`.
        """
        from dbtool.backup.copy import run_copy

        return run_copy(self._repository, target, options, progress or Silent())

    def plan_heal(self, options: HealOptions, *, progress: Progress | None = None) -> HealReport:
        """Say what the repository lost, and what of it `heal` would bring back; write nothing."""
        from dbtool.backup.heal import plan_heal

        return plan_heal(self._repository, options, progress or Silent())

    def heal(self, options: HealOptions, *, progress: Progress | None = None) -> HealReport:
        """Bring lost pages back, make hints anew, set aside what cannot be read.

        No snapshot that was readable is changed. Nobody else can use the repository meanwhile.

        Args:
            options: where lost pages are looked for.
            progress: told of bytes read.

        Raises:
            Locked: others were at work all the time.
            Refused: the store is append-only.
        """
        from dbtool.backup.heal import run_heal

        return run_heal(self._repository, options, progress or Silent())
