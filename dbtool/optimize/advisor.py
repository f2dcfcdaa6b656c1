"""Makes the plan: everything is tried on one copy, in an order in which nothing spoils the next.

    space            on the copy as it came
    statistics       new ones where the old ones are off by ten times
    indexes          that the workload gains from; without one, for children of foreign keys
    statistics       where there are none and the workload gains
    what can go      redundant and unused indexes
    settings         commits and caches

The database itself is read once, for the copy, and not touched.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from dbtool.core.clock import Clock
from dbtool.core.connection import classified, open_readonly, require_database
from dbtool.core.progress import Progress
from dbtool.optimize import statistics
from dbtool.optimize.actions import drop_action, index_action, journal_action, space_action
from dbtool.optimize.candidates import candidates
from dbtool.optimize.copy import ScratchCopy
from dbtool.optimize.expert import expert_candidates
from dbtool.optimize.foreignkeys import advise_children
from dbtool.optimize.hypothetical import survivors
from dbtool.optimize.indexes import advise_indexes, has_statistics, same_answer, total
from dbtool.optimize.measure import Cost, Meter
from dbtool.optimize.mirror import Mirror
from dbtool.optimize.model import Action, Plan, QueryChange, action_id
from dbtool.optimize.retention.advice import advise_archive
from dbtool.optimize.retention.rule import RetentionRule
from dbtool.optimize.settings import advise_settings
from dbtool.optimize.space import SpaceLimits, advise_space
from dbtool.optimize.staleness import cookie_of, schema_digests
from dbtool.optimize.superfluous import find_superfluous
from dbtool.optimize.values import with_values
from dbtool.optimize.workload import Statement, Workload

__all__ = ["AdviceOptions", "make_plan"]

_RUNS: Final = 5


@dataclass(frozen=True, slots=True)
class AdviceOptions:
    """What to look for, and where to work."""

    temp: Path | None = None
    """Folder for the copy; None: the system's."""
    space: SpaceLimits = field(default_factory=SpaceLimits)
    settings: bool = True
    """Whether to measure settings."""
    retention: tuple[RetentionRule, ...] = ()
    """Sections of the configuration about old rows."""
    limit_s: float = 20.0
    """Longest time for one run of one statement."""


def make_plan(
    database: Path,
    workload: Workload,
    options: AdviceOptions,
    *,
    progress: Progress,
    clock: Clock,
) -> Plan:
    """Measure on a copy what would help a database, and return it as a plan.

    Args:
        database: is only read.
        workload: statements of its application; may have none.
        options: see `AdviceOptions`.
        progress: told of the work; may raise to stop.
        clock: for the time of the plan.

    Raises:
        StorageFailed: `no-space` for the copy.
        DbtoolError: as `PageReader.open`.
    """
    real = require_database(database)
    connection = open_readonly(real, busy_timeout_s=10.0)
    try:
        journal_mode = str(connection.execute("PRAGMA journal_mode").get)
        plan = Plan(
            str(real),
            clock.now().timestamp(),
            cookie_of(connection),
            schema_digests(connection),
            (),
        )
    finally:
        connection.close()
    with classified(real), ScratchCopy(real, options.temp, progress) as copy:
        work = _Advice(copy, workload, options, progress)
        work.retention(clock)
        return work.plan(plan, real, journal_mode)


class _Advice:
    def __init__(
        self, copy: ScratchCopy, workload: Workload, options: AdviceOptions, progress: Progress
    ) -> None:
        self.copy, self.options, self.progress = copy, options, progress
        self.meter = Meter(copy.connection, progress, limit_s=options.limit_s)
        self.actions: list[Action] = []
        self.notes = list(workload.notes)
        self.rejected: list[Mapping[str, Any]] = []
        self.workload = workload
        self.base: dict[str, Cost] = {}
        self.now: dict[str, Cost] = {}

    @property
    def statements(self) -> Sequence[Statement]:
        return self.workload.statements

    def retention(self, clock: Clock) -> None:
        """Look for rows that are old by the configuration."""
        for rule in self.options.retention:
            action, note = advise_archive(self.copy.connection, rule, clock)
            if action is not None:
                self.actions.append(action)
            else:
                self.notes.append(note)

    def plan(self, plan: Plan, real: Path, journal_mode: str) -> Plan:
        snippet: tuple[str, ...] = ()
        self._space()
        with_mirror = Mirror(self.copy.connection)
        try:
            self._measure_base(with_mirror)
            self._stale_statistics()
            self._indexes(with_mirror)
        finally:
            with_mirror.close()
        self._missing_statistics()
        self._superfluous()
        if self.options.settings:
            snippet = self._settings(real, journal_mode)
        return replace(
            plan,
            actions=tuple(self.actions),
            queries=tuple(self._changes()),
            notes=tuple(self.notes),
            snippet=snippet,
            rejected=tuple(self.rejected),
        )

    def _space(self) -> None:
        advice, estimate = advise_space(self.copy, self.options.space, self.progress)
        if advice is None:
            return
        renumbered = advice.evidence.get("rows_may_be_renumbered_in")
        if renumbered:
            self.notes.append(
                f"VACUUM may number rows anew in {', '.join(renumbered[:5])}: they have no INTEGER "
                "PRIMARY KEY; do not apply it where something outside keeps their rowid"
            )
        if advice.after_bytes < estimate.size_bytes:
            self.actions.append(space_action(advice))

    def _measure_base(self, mirror: Mirror) -> None:
        usable, notes = with_values(self.copy.connection, mirror, self.statements)
        self.notes += notes
        self.base = self.meter.measure_all(usable, runs=_RUNS)
        for each in usable:
            cost = self.base[each.id]
            if cost.error:
                self.notes.append(f"{each.id} was left out: {cost.error}")
            elif cost.stopped:
                limit = f"{self.options.limit_s:g} s"
                self.notes.append(
                    f"{each.id} was stopped after {limit}; its steps are a lower bound"
                )
        fine = tuple(each for each in usable if not self.base[each.id].error)
        self.workload = replace(self.workload, statements=fine)
        self.base = {each.id: self.base[each.id] for each in fine}
        self.now = dict(self.base)

    def _stale_statistics(self) -> None:
        stale = statistics.stale_tables(self.copy.connection)
        if stale:
            names = ", ".join(each.table for each in stale[:3])
            self._analyze(f"ANALYZE: statistics of {names} are off by ten times", -0.05, stale)

    def _missing_statistics(self) -> None:
        if self.statements and not has_statistics(self.copy.connection):
            needed = tuple(action.id for action in self.actions if action.kind == "index")
            self._analyze("ANALYZE: there are no statistics", statistics.LEAST_GAIN, (), needed)

    def _analyze(
        self,
        title: str,
        least_gain: float,
        stale: Sequence[statistics.StaleTable],
        requires: tuple[str, ...] = (),
    ) -> None:
        undo = statistics.restoring(self.copy.connection)
        started_s = time.monotonic()
        costs = statistics.try_analyze(
            self.meter, self.statements, self.base, self.now, least_gain=least_gain
        )
        if costs is None:
            self.rejected.append({"what": title, "reason": "the workload does not gain, or loses"})
            return
        took_s = time.monotonic() - started_s
        changed = [
            {"query": key, "before": list(self.now[key].plan), "after": list(cost.plan)}
            for key, cost in costs.items()
            if cost.plan != self.now[key].plan
        ]
        before, after = total(self.now, self.statements), total(costs, self.statements)
        self.actions.append(
            Action(
                action_id("statistics", *statistics.ANALYZE),
                "statistics",
                title,
                statistics.ANALYZE,
                undo,
                {**statistics.evidence(stale), "plans_changed": changed},
                before if self.statements else None,
                after if self.statements else None,
                took_s,
                took_s,
                requires=requires,
            )
        )
        self.now = costs

    def _indexes(self, mirror: Mirror) -> None:
        connection = self.copy.connection
        if not self.statements:
            advice = advise_children(self.meter, self.progress)
            self.actions += advice.actions
            self.rejected += advice.rejected
            return
        found = candidates(connection, mirror, self.statements)
        known = {each.key for each in found}
        experts = expert_candidates(connection, self.statements, self.copy.folder)
        found += [each for each in experts if each.key not in known]
        used = survivors(connection, self.statements, found)
        before = self.now
        advice_list, self.now, rejected = advise_indexes(
            self.meter, self.statements, before, used, progress=self.progress
        )
        analyzed = has_statistics(connection)
        needed = tuple(each.id for each in self.actions if each.kind == "statistics")
        self.actions += [index_action(each, analyzed, needed) for each in advice_list]
        self.rejected += [
            {"what": each.built.sql, "reason": each.reason, "bytes": each.built.size_bytes}
            for each in rejected
        ]

    def _superfluous(self) -> None:
        spared = [str(each.evidence["index"]) for each in self.actions if each.kind == "index"]
        found, self.now, rejected = find_superfluous(
            self.meter, self.workload, self.now, spared=spared
        )
        self.actions += [drop_action(each) for each in found]
        self.rejected += rejected

    def _settings(self, real: Path, journal_mode: str) -> tuple[str, ...]:
        advice = advise_settings(real, journal_mode, self.copy, self.statements, self.progress)
        self.notes += advice.notes
        if advice.journal is not None:
            self.actions.append(journal_action(advice))
        return advice.snippet

    def _changes(self) -> list[QueryChange]:
        after = self.meter.measure_all(self.statements, runs=_RUNS, phase="measuring the result")
        return [_change(each, self.base[each.id], after[each.id]) for each in self.statements]


def _change(statement: Statement, before: Cost, after: Cost) -> QueryChange:
    return QueryChange(
        statement.id,
        statement.sql,
        statement.weight,
        before.steps,
        after.steps,
        before.scan_steps,
        after.scan_steps,
        before.seconds,
        after.seconds,
        same_answer(statement.sql, before, after),
        before.plan,
        after.plan,
    )
