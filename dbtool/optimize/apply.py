"""Carries a plan out on the live database, action by action, and undoes it.

Each action is one transaction, or one that SQLite itself makes whole. After each the plan file is
written again with what was done, so that a run which was broken off goes on with the next action
and everything that was done can be undone. What is done already is seen in the schema, not only in
the file: a kill between the two does no harm.

Writers wait for as long as a transaction takes; an action that takes longer than the limit on locks
is rolled back.
"""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import apsw

from dbtool.core.clock import Clock
from dbtool.core.connection import classified, open_live
from dbtool.core.progress import Progress
from dbtool.core.quantities import format_duration, format_size
from dbtool.core.stoppable import stoppable
from dbtool.errors import NotFound, Refused, StorageFailed, UsageError
from dbtool.optimize.allowed import only_upkeep
from dbtool.optimize.model import KINDS, Action, Plan
from dbtool.optimize.planfile import save_plan
from dbtool.optimize.staleness import require_fresh

__all__ = ["Applied", "ApplyOptions", "apply_plan", "choose_actions", "undo_plan"]

_SPARE_BYTES: Final = 16 << 20
_ORDER: Final = {kind: at for at, kind in enumerate(("archive", *KINDS))}
_JOURNAL: Final = re.compile(r"PRAGMA journal_mode = (\w+)")
_OUTSIDE: Final = ("VACUUM", "PRAGMA")
"""Statements that cannot run in a transaction."""


@dataclass(frozen=True, slots=True)
class ApplyOptions:
    """How a plan is carried out."""

    only: tuple[str, ...] = ()
    """Ids, or their beginnings; empty: all."""
    max_lock_s: float | None = None
    """Longest time for which writers may wait; None: any."""
    busy_timeout_s: float = 10.0
    """How long each statement waits for somebody else's lock."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What came of a plan."""

    done: tuple[tuple[Action, float], ...]
    """What was done now, and how long it took in seconds."""
    already: tuple[Action, ...]
    """What a run before had done."""
    skipped: tuple[tuple[Action, str], ...]
    """What was not done, and why."""
    plan_file: Path | None
    """With it everything can be undone."""


def choose_actions(plan: Plan, only: Collection[str]) -> list[Action]:
    """Return the actions to carry out in order, with those that they require.

    Raises:
        UsageError: `action-unknown`.
    """
    chosen: dict[str, Action] = {}
    for word in only or [""]:
        found = [action for action in plan.actions if action.id.startswith(word)]
        if word and not found:
            ids = ", ".join(action.id for action in plan.actions) or "none"
            raise UsageError(
                "action-unknown", f"the plan has no action {word}", hint=f"it has {ids}"
            )
        chosen |= {action.id: action for action in found}
    for action in list(chosen.values()):
        needed = [each for each in plan.actions if each.id in action.requires]
        chosen |= {each.id: each for each in needed}
    return sorted(chosen.values(), key=lambda action: _ORDER[action.kind])


def apply_plan(
    plan: Plan,
    options: ApplyOptions,
    *,
    plan_file: Path,
    progress: Progress,
    clock: Clock,
    protect: Callable[[], Any] | None = None,
    archive: Callable[[Action], Any] | None = None,
) -> Applied:
    """Carry actions out.

    Args:
        plan: fresh, or broken off.
        options: which, and how.
        plan_file: where the plan is kept with what was done.
        progress: told of actions; may raise to stop, between two or within one, which is rolled
            back then.
        clock: for the times in the plan.
        protect: takes a snapshot before the first change.
        archive: carries out actions of kind archive.

    Raises:
        Refused: `plan-stale`.
        UsageError: `action-unknown`.
        StorageFailed: `no-space`, before anything was changed.
        DbtoolError: as `open_live`; SQLite fails.
    """
    path = Path(plan.database)
    actions = choose_actions(plan, options.only)
    connection = open_live(path, busy_timeout_s=options.busy_timeout_s)
    work = _Work(plan, path, connection, options, plan_file, progress, clock)
    try:
        with classified(path):
            require_fresh(plan, connection)
            work.sort_out(actions)
            work.require_space()
            if work.to_do and protect is not None:
                protect()
            for action in work.to_do:
                work.carry_out(action, archive)
    finally:
        connection.close()
    return work.result()


class _Work:
    def __init__(
        self,
        plan: Plan,
        path: Path,
        connection: apsw.Connection,
        options: ApplyOptions,
        plan_file: Path,
        progress: Progress,
        clock: Clock,
    ) -> None:
        self.plan, self.path, self.connection = plan, path, connection
        self.options, self.plan_file = options, plan_file
        self.progress, self.clock = progress, clock
        self.to_do: list[Action] = []
        self.done: list[tuple[Action, float]] = []
        self.already: list[Action] = []
        self.skipped: list[tuple[Action, str]] = []

    def sort_out(self, actions: Sequence[Action]) -> None:
        recorded = {entry["id"] for entry in self.plan.applied}
        for action in actions:
            longest = self.options.max_lock_s
            if action.id in recorded or self._is_done(action):
                self.already.append(action)
                if action.id not in recorded:
                    self._record(action)  # killed between the commit and the record of it
            elif longest is not None and (action.lock_s or 0.0) > longest:
                took = format_duration(action.lock_s or 0.0)
                self.skipped.append((action, f"writers would wait {took}"))
            else:
                self.to_do.append(action)

    def require_space(self) -> None:
        needed = max((action.disk_bytes for action in self.to_do), default=0)
        grows = sum(max(action.size_bytes, 0) for action in self.to_do)
        needed = max(needed, grows)
        free = shutil.disk_usage(self.path.parent).free
        if needed and free < needed + _SPARE_BYTES:
            raise StorageFailed(
                "no-space",
                f"{self.path.parent} has no room for this plan",
                context=f"{format_size(needed)} are needed, {format_size(free)} are free; "
                "nothing was changed",
                hint="free some space, or apply less of it with --only ID",
            )

    def carry_out(self, action: Action, archive: Callable[[Action], Any] | None) -> None:
        self.progress.start(action.title, None, "steps")
        started_s = time.monotonic()
        try:
            if action.kind == "archive":
                if archive is None:
                    raise UsageError(
                        "usage", "this plan archives rows, which needs a configuration"
                    )
                archive(action)
            else:
                self._run(action)
        except apsw.InterruptError:
            limit = format_duration(self.options.max_lock_s or 0.0)
            self.skipped.append((action, f"rolled back: it held writers up for {limit}"))
            return
        finally:
            self.progress.finish()
        self._record(action)
        self.done.append((action, time.monotonic() - started_s))

    def result(self) -> Applied:
        kept = self.plan_file if self.plan.applied else None
        return Applied(tuple(self.done), tuple(self.already), tuple(self.skipped), kept)

    def _run(self, action: Action) -> None:
        limit_s = self.options.max_lock_s
        deadline_s = None if limit_s is None else time.monotonic() + limit_s
        with stoppable(
            self.connection,
            self.progress,
            lambda: deadline_s is not None and time.monotonic() > deadline_s,
        ):
            run_statements(self.connection, action.sql)

    def _record(self, action: Action) -> None:
        entry = {
            "id": action.id,
            "time": self.clock.now().timestamp(),
            "inverse": list(action.inverse),
        }
        self.plan = replace(self.plan, applied=(*self.plan.applied, entry))
        save_plan(self.plan, self.plan_file)

    def _is_done(self, action: Action) -> bool:
        name = action.evidence.get("index")
        if action.kind not in ("index", "drop") or not name:
            return False
        there = self.connection.execute(
            "SELECT 1 FROM sqlite_schema WHERE type = 'index' AND name = ?", (name,)
        ).get
        return (there is not None) == (action.kind == "index")


def run_statements(connection: apsw.Connection, sql: Sequence[str]) -> None:
    """Run statements: those that may, in one transaction that writes from its start.

    Raises:
        Refused: `plan-not-allowed`, `setting-not-taken`.
    """
    outside = [each for each in sql if each.split(" ", 1)[0].upper() in _OUTSIDE]
    for statement in outside:
        with only_upkeep(connection, statement):
            answer = connection.execute(statement, can_cache=False).fetchall()
        wanted = _JOURNAL.fullmatch(statement)
        # SQLite answers with the mode that holds, whether or not it is the one asked for.
        if wanted and [tuple(row) for row in answer] != [(wanted[1],)]:
            raise Refused(
                "setting-not-taken",
                f"{statement} was not taken: the mode is still {answer[0][0]}",
                context="the file system or an open transaction does not allow it",
            )
    inside = [each for each in sql if each not in outside]
    if not inside:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for statement in inside:
            with only_upkeep(connection, statement):
                connection.execute(statement, can_cache=False).fetchall()
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def undo_plan(
    plan: Plan,
    plan_file: Path,
    *,
    progress: Progress,
    busy_timeout_s: float = 10.0,
    archive: Callable[[Action], Any] | None = None,
) -> tuple[list[Action], list[Action]]:
    """Undo what was done of a plan, the last action first.

    Args:
        plan: as its file holds it.
        plan_file: is written again after each action.
        progress: told of actions; may raise to stop.
        busy_timeout_s: how long each statement waits for a lock.
        archive: brings archived rows back.

    Returns:
        What was undone, and what needed no undoing because the content never changed.

    Raises:
        NotFound: `plan-not-applied`.
        Refused: `plan-stale`.
    """
    if not plan.applied:
        raise NotFound("plan-not-applied", f"nothing of {plan_file} was applied, or all is undone")
    path = Path(plan.database)
    by_id = {action.id: action for action in plan.actions}
    undone: list[Action] = []
    left: list[Action] = []
    connection = open_live(path, busy_timeout_s=busy_timeout_s)
    try:
        with classified(path):
            require_fresh(plan, connection)
            while plan.applied:
                *rest, entry = plan.applied
                action = by_id[entry["id"]]
                progress.start(f"undoing {action.title}", None, "steps")
                with stoppable(connection, progress):
                    if action.kind == "archive" and archive is not None:
                        archive(action)
                    _undo(connection, action, entry["inverse"])
                returned = action.kind == "archive" and action.evidence.get("inverse")
                (undone if action.inverse or returned else left).append(action)
                plan = replace(plan, applied=tuple(rest))
                save_plan(plan, plan_file)
                progress.finish()
    finally:
        connection.close()
    return undone, left


def _undo(connection: apsw.Connection, action: Action, inverse: Sequence[str]) -> None:
    name = action.evidence.get("index")
    if name and action.kind in ("index", "drop"):
        there = connection.execute(
            "SELECT sql FROM sqlite_schema WHERE type = 'index' AND name = ?", (name,)
        ).get
        if (there is None) == (action.kind == "index"):
            return  # undone already, by a run that was broken off or by hand
    try:
        run_statements(connection, inverse)
    except apsw.ConstraintError as error:
        raise Refused(
            "undo-not-possible",
            f"{action.title} cannot be undone: {error}",
            context="rows that were written since do not allow it",
        ) from error
