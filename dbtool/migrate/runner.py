"""A run of migrations: one lock, one look at everything, one snapshot, then one after the other.

What is already as asked is left alone without a lock. Otherwise, under the lock between processes:
the state is read again, the files are compared with the history, the migrations are tried on a
replica of the schema, space and health of the database are looked at, a snapshot is taken, and each
migration runs in a transaction of its own (`dbtool.migrate.apply`). A failure leaves those before
it applied, and nothing of its own.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import apsw

from dbtool.core.clock import Clock, SystemClock
from dbtool.core.connection import classified
from dbtool.core.progress import Progress
from dbtool.core.stoppable import stoppable
from dbtool.errors import CheckFailed, Damaged, DbtoolError, Refused, UsageError
from dbtool.migrate.fitting import require_fitting
from dbtool.migrate.history import Applied, stored_migration
from dbtool.migrate.lock import migration_lock
from dbtool.migrate.model import Migration
from dbtool.migrate.opening import settings_kept
from dbtool.migrate.options import Done, RunOptions, RunResult, Way
from dbtool.migrate.standing import Standing, standing
from dbtool.migrate.watch import Watch

if TYPE_CHECKING:
    from dbtool.migrate.apply import Baseline

__all__ = ["Runner", "choose_down", "choose_up", "find_order"]


@dataclass(frozen=True, slots=True)
class _Step:
    """One migration in one direction."""

    migration: Migration
    way: Way


class Runner:
    """Runs the migrations of one database.

    Args:
        connection: fit for migrations, see `dbtool.migrate.opening`.
        migrations: of the folder.
        options: see `RunOptions`.
        progress: told of migrations; may raise to stop, which rolls the running one back.
        clock: of the rows in the history.
    """

    def __init__(
        self,
        connection: apsw.Connection,
        migrations: Sequence[Migration],
        options: RunOptions,
        *,
        progress: Progress,
        clock: Clock | None = None,
    ) -> None:
        self.connection = connection
        self.migrations = migrations
        self.options = options
        self.progress = progress
        self.clock = clock or SystemClock()
        self.watch = Watch(connection)
        self.file = connection.db_filename("main")
        self.database = Path(self.file or ":memory:")
        self._done: list[Done] = []
        self._snapshot: str | None = None

    def up(self) -> RunResult:
        """Apply what is pending.

        Raises:
            DbtoolError: see `require_fitting`, `require_allowed` and `apply_migration`.
            Locked: `migration-running`.
            Damaged: `database-damaged`.
        """
        began_s = time.monotonic()
        state = self._standing()
        require_fitting(state, self.options.allow)
        if state.of("squashed"):
            self._settle()
        if choose_up(state, self.options):
            # Judging migrations takes modules that a run without any does not need.
            from dbtool.migrate.gate import require_allowed

            with self._locked():
                state = self._standing()
                require_fitting(state, self.options.allow)
                chosen = choose_up(state, self.options)
                require_allowed(self.connection, chosen, self.options.allow)
                self._run([_Step(migration, "up") for migration in chosen])
        return self._result(began_s)

    def down(self) -> RunResult:
        """Undo what was applied last.

        Raises:
            DbtoolError: as `up`.
            Refused: `migration-irreversible`, one of them has no way down.
        """
        began_s = time.monotonic()
        with self._locked():
            downs = choose_down(self._standing(), self.options)
            self._require_expected(downs)
            self._run([_Step(migration, "down") for migration in downs])
        return self._result(began_s)

    def redo(self) -> RunResult:
        """Undo what was applied last, and apply it again from its files.

        Raises:
            DbtoolError: as `down` and `up`.
        """
        began_s = time.monotonic()
        with self._locked():
            downs = choose_down(self._standing(), self.options)
            self._require_expected(downs)
            files = {migration.order: migration for migration in self.migrations}
            gone = [migration for migration in downs if migration.order not in files]
            if gone:
                raise _file_missing(gone[0])
            ups = [files[migration.order] for migration in reversed(downs)]
            from dbtool.migrate.gate import require_allowed

            require_allowed(self.connection, ups, self.options.allow, undone=downs)
            steps = [_Step(migration, "down") for migration in downs]
            self._run([*steps, *(_Step(migration, "up") for migration in ups)])
        return self._result(began_s)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        lock = (
            migration_lock(self.database, wait_s=self.options.wait_s, progress=self.progress)
            if self.file
            else nullcontext()
        )
        self.progress.start("waiting for the lock", None, "attempts")
        with lock:
            self.progress.finish()
            yield

    def _settle(self) -> None:
        """Record squashed migrations in the place of those that they replace."""
        from dbtool.migrate.bookkeeping import Books

        wait_s = self.options.wait_s
        books = Books(self.connection, progress=self.progress, wait_s=wait_s, clock=self.clock)
        books.settle(self.migrations)

    def _standing(self) -> Standing:
        with classified(self.database):
            return standing(self.connection, self.migrations)

    def _require_expected(self, downs: Sequence[Migration]) -> None:
        """Refuse to undo anything else than what was confirmed."""
        versions = tuple(migration.version for migration in downs)
        if self.options.expected not in (None, versions):
            raise Refused(
                "migration-plan-changed",
                "the database was migrated meanwhile, so something else would be undone",
                context=f"now it would be {', '.join(versions) or 'nothing'}",
                hint="run it again, and look at the plan",
            )

    def _run(self, steps: Sequence[_Step]) -> None:
        if not steps:
            return
        # As with judging: a run that finds nothing to do imports none of it.
        from dbtool.migrate.apply import Job, apply_migration

        with ExitStack() as stack:
            stack.enter_context(stoppable(self.connection, self.progress))
            baseline = self._look()
            if self.options.before_apply is not None:
                self._snapshot = self.options.before_apply()
            job = Job(
                self.connection,
                self.database,
                self.watch,
                self.clock,
                baseline,
                self.options.allow,
                self._snapshot,
                self.progress,
            )
            for step in steps:
                with (
                    self._earlier_told(),
                    settings_kept(self.connection),
                    self.watch.watching(),
                ):
                    done = apply_migration(job, step.migration, step.way)
                if done is not None:
                    self._done.append(done)
                self.progress.finish()

    @contextmanager
    def _earlier_told(self) -> Iterator[None]:
        """Say of an error in the block which migrations of the run are done and stay done."""
        try:
            yield
        except DbtoolError as error:
            words = {"up": "applied", "down": "undone"}
            told = [f"{words[done.way]} before it: {done.label}" for done in self._done]
            error.context = "\n".join(filter(None, [error.context, *told]))
            raise

    def _look(self) -> Baseline:
        """See that the database is sound, and what is wrong with it otherwise."""
        self.progress.start("checking", None, "steps")
        with classified(self.database):
            if self.options.quick_check:
                verdict = self.connection.execute("PRAGMA main.quick_check(1)").get
                if verdict != "ok":
                    raise Damaged(
                        "database-damaged",
                        f"{self.database} is damaged, so it is not migrated",
                        context=str(verdict),
                        hint=f"dbtool verify {self.database}\ndbtool repair {self.database}",
                    )
            from dbtool.migrate.apply import Baseline

            baseline = Baseline.of(self.connection)
        self.progress.finish()
        return baseline

    def _result(self, began_s: float) -> RunResult:
        state = self._standing()
        current = state.current
        return RunResult(
            tuple(self._done),
            current.version if current else None,
            len(state.pending),
            self._snapshot,
            time.monotonic() - began_s,
        )


def choose_up(state: Standing, options: RunOptions) -> tuple[Migration, ...]:
    """Return what is to be applied, in order.

    Raises:
        UsageError: `migration-unknown`, there is no version to stop at.
    """
    pending = state.pending
    if options.to is not None:
        limit = find_order(state, options.to)
        pending = tuple(each for each in pending if each.order <= limit)
    return pending if options.count is None else pending[: options.count]


def choose_down(state: Standing, options: RunOptions) -> tuple[Migration, ...]:
    """Return what is to be undone, the newest first.

    Raises:
        UsageError: `migration-unknown`.
        Refused: `migration-irreversible`.
    """
    applied = list(reversed(state.applied))
    if options.to is not None:
        limit = -1 if options.to == "0" else find_order(state, options.to)
        applied = [each for each in applied if each.order > limit]
    else:
        applied = applied[: 1 if options.count is None else options.count]
    files = {each.order: each.migration for each in state.entries if each.state != "edited"}
    return tuple(_way_down(each, files.get(each.order)) for each in applied)


def _way_down(applied: Applied, file: Migration | None) -> Migration:
    if applied.format == "python" and file is None:
        raise CheckFailed(
            "migration-missing",
            f"{applied.label} is Python, and its file is gone or was edited",
            context="code out of a database is never run",
            hint=f"put {applied.file} back as it was",
        )
    migration = file or stored_migration(applied)
    if migration.down is None:
        raise Refused(
            "migration-irreversible",
            f"{applied.label} has no way down",
            context=f"{applied.file} does not say how to undo it",
            hint="dbtool restore SNAPSHOT DB      brings back what was before it",
        )
    return migration


def find_order(state: Standing, version: str) -> int:
    """Return what a version given by hand is compared by; a whole label will do, too."""
    wanted = version.strip()
    for entry in state.entries:
        if wanted in (entry.version, entry.label) or (
            wanted.isdecimal() and int(wanted) == entry.order
        ):
            return entry.order
    from difflib import get_close_matches

    names = [entry.version for entry in state.entries]
    close = get_close_matches(wanted, names, 1)
    raise UsageError(
        "migration-unknown",
        f"there is no migration {wanted}",
        hint=f"did you mean {close[0]}?" if close else "dbtool migrate status",
    )


def _file_missing(migration: Migration) -> CheckFailed:
    return CheckFailed(
        "migration-missing",
        f"the file of {migration.label} is gone, so it cannot be applied again",
        hint=f"put {migration.path.name} back, or: dbtool migrate down",
    )
