"""Which indexes a workload gains from: built on a copy, measured, taken away one by one.

All candidates that the planner might use are built first. Then each is dropped in a savepoint, the
largest first, and what that costs the statements decides: an index stays only where the statements
that use it take a fifth more steps without it. So of two that serve equally well the smaller stays,
and what one index gains is measured with all the others in place.

Invariant: with the indexes that are returned no query takes over 5 % more steps than before, and
every query gives the same rows.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import apsw

from dbtool.core.names import folded, identifier
from dbtool.core.progress import Progress
from dbtool.core.stoppable import stoppable
from dbtool.optimize.definition import IndexDefinition
from dbtool.optimize.measure import Cost, Meter, used_indexes
from dbtool.optimize.workload import Statement
from dbtool.optimize.writecost import WriteCost, measure_writes

__all__ = ["BuiltIndex", "IndexAdvice", "advise_indexes", "index_bytes", "same_answer", "total"]

LEAST_GAIN: Final = 0.20
"""Of the statements that use it, for an index to pay."""
LEAST_OF_OWN: Final = 0.02
"""Of what these statements took before any index."""
LEAST_OF_ALL: Final = 0.0001
"""Of what the whole workload took before any index."""
LEAST_STEPS: Final = 100
"""For each run of a statement that uses it: about 5 microseconds."""
WORSE: Final = 1.05
"""How many times its steps a query may take afterwards."""
_LIMITED: Final = re.compile(r"\blimit\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class BuiltIndex:
    """An index as it was built on the copy."""

    definition: IndexDefinition
    name: str
    build_s: float
    size_bytes: int

    @property
    def sql(self) -> str:
        """The statement that creates it."""
        return self.definition.sql(self.name)


@dataclass(frozen=True, slots=True)
class IndexAdvice:
    """An index that pays, and what it gains with all the others in place."""

    built: BuiltIndex
    before: float
    """Weighted steps of the workload without it."""
    after: float
    statements: tuple[str, ...]
    """Ids of those that use it."""
    writes_before: WriteCost | None
    """Of its table without any of the new indexes."""
    writes_after: WriteCost | None
    """With all of them."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """An index that was measured and does not pay."""

    built: BuiltIndex
    reason: str


class _Trial:
    def __init__(
        self, meter: Meter, statements: Sequence[Statement], base: Mapping[str, Cost]
    ) -> None:
        self.meter = meter
        self.connection = meter.connection
        self.statements = {each.id: each for each in statements}
        self.base = base
        self.costs = dict(base)
        self.built: dict[str, BuiltIndex] = {}
        self.rejected: list[Rejected] = []
        self.marginal: dict[str, tuple[float, tuple[str, ...]]] = {}
        """Steps that each index saves, and for which statements."""
        self.judged: dict[str, frozenset[str]] = {}
        """Indexes that were there beside one when it was last judged."""

    def build(
        self, definitions: Sequence[IndexDefinition], *, analyze: bool, progress: Progress
    ) -> None:
        taken = {
            folded(str(n)) for (n,) in self.connection.execute("SELECT name FROM sqlite_schema")
        }
        progress.start("building indexes", len(definitions), "indexes")
        for definition in definitions:
            name = definition.name(taken)
            taken.add(folded(name))
            started_s = time.monotonic()
            try:
                with stoppable(self.connection, progress):
                    self.connection.execute(definition.sql(name))
                    if analyze:
                        self.connection.execute(f"ANALYZE {identifier(name)}")
            except (apsw.SQLError, apsw.ConstraintError):
                continue  # an expression that is not deterministic, or fails on a row
            finally:
                progress.advance(1)
            build_s = time.monotonic() - started_s
            size_bytes = index_bytes(self.connection, name)
            self.built[name] = BuiltIndex(definition, name, build_s, size_bytes)
        progress.finish()

    def beside(self, name: str) -> frozenset[str]:
        """Return the new indexes of the table of an index."""
        table = self.built[name].definition.table
        return frozenset(k for k, each in self.built.items() if each.definition.table == table)

    def measure(self, ids: Iterable[str]) -> dict[str, Cost]:
        return {each: self.meter.measure(self.statements[each]) for each in ids}

    def users(self, name: str) -> list[str]:
        """Return the statements that an index matters to."""
        table = folded(self.built[name].definition.table)
        return [
            key
            for key, cost in self.costs.items()
            if name in used_indexes(cost.plan)
            or (cost.writes and table in folded(self.statements[key].sql))
        ]

    def without(
        self, name: str, ids: Sequence[str], keep: Callable[[dict[str, Cost]], bool]
    ) -> bool:
        """Measure statements without an index, which is gone unless `keep` says that it stays."""
        self.connection.execute("SAVEPOINT dbtool_without")
        self.connection.execute(f"DROP INDEX {identifier(name)}")
        bare = self.measure(ids)
        if keep(bare):
            self.connection.execute("ROLLBACK TO dbtool_without; RELEASE dbtool_without")
            return True
        self.connection.execute("RELEASE dbtool_without")
        self.costs |= bare
        return False

    def weighted(self, costs: Mapping[str, Cost], ids: Iterable[str]) -> float:
        return sum(costs[each].steps * self.statements[each].weight for each in ids)

    def reject(self, name: str, reason: str) -> None:
        self.rejected.append(Rejected(self.built.pop(name), reason))


def advise_indexes(
    meter: Meter,
    statements: Sequence[Statement],
    base: Mapping[str, Cost],
    definitions: Mapping[IndexDefinition, Collection[str]],
    *,
    progress: Progress,
) -> tuple[list[IndexAdvice], dict[str, Cost], list[Rejected]]:
    """Build candidates on the copy and keep those that pay.

    Indexes that cover are built only for statements that the others leave slow: they are large.

    Args:
        meter: of the copy, which has the indexes that pay afterwards.
        statements: of the workload, all of which ran.
        base: what they cost before.
        definitions: candidates, and the ids of the statements that each is for.
        progress: told of indexes; may raise to stop.

    Returns:
        The advice, what the statements cost with all of it, and what does not pay.
    """
    tables = sorted({definition.table for definition in definitions})
    writes = {table: measure_writes(meter.connection, table) for table in tables}
    trial = _Trial(meter, statements, base)
    covering = [each for each in definitions if each.reason == "covering"]
    _round(trial, [each for each in definitions if each.reason != "covering"], progress)
    slow = {key for key, cost in trial.costs.items() if cost.steps > LEAST_OF_OWN * base[key].steps}
    _round(trial, [each for each in covering if slow & set(definitions[each])], progress)
    while _drop_harmful(trial):
        _eliminate(trial, progress)
    paying = {built.definition.table for built in trial.built.values()}
    now = {table: measure_writes(meter.connection, table) for table in paying}
    after = total(trial.costs, statements)
    advice = [
        IndexAdvice(
            built,
            after + trial.marginal[name][0],
            after,
            trial.marginal[name][1],
            writes[built.definition.table],
            now[built.definition.table],
        )
        for name, built in trial.built.items()
    ]
    return advice, trial.costs, trial.rejected


def _round(trial: _Trial, definitions: Sequence[IndexDefinition], progress: Progress) -> None:
    if not definitions:
        return
    trial.build(definitions, analyze=has_statistics(trial.connection), progress=progress)
    trial.costs = trial.meter.measure_all(trial.statements.values(), phase="measuring with indexes")
    progress.start("taking indexes away", None, "indexes")
    while _eliminate(trial, progress):
        pass
    progress.finish()


def has_statistics(connection: apsw.Connection) -> bool:
    """Say whether ANALYZE was ever run."""
    sql = "SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_stat1'"
    return connection.execute(sql).get is not None


def index_bytes(connection: apsw.Connection, name: str) -> int:
    """Return the bytes of the pages of an index."""
    size: Any = connection.execute(
        "SELECT pgsize FROM dbstat WHERE name = ? AND aggregate = 1", (name,)
    ).get
    return int(size or 0)


def total(costs: Mapping[str, Cost], statements: Iterable[Statement]) -> float:
    """Return the weighted steps of a workload."""
    return sum(costs[each.id].steps * each.weight for each in statements)


def same_answer(sql: str, before: Cost, after: Cost) -> bool | None:
    """Say whether a query gave the same rows; None where it may choose which rows it gives."""
    if before.digest is None or after.digest is None or before.writes:
        return None
    if before.digest == after.digest:
        return True
    return None if _LIMITED.search(sql) and before.rows == after.rows else False


def _drop_unused(trial: _Trial, name: str) -> None:
    trial.connection.execute(f"DROP INDEX {identifier(name)}")
    table = folded(trial.built[name].definition.table)
    trial.reject(name, "the planner does not use it")
    writers = [
        key
        for key, cost in trial.costs.items()
        if cost.writes and table in folded(trial.statements[key].sql)
    ]
    trial.costs |= trial.measure(writers)


def _order(trial: _Trial, name: str) -> tuple[int, bool, str]:
    """Return what sorts indexes: large ones first, of equal ones what replaces another one last."""
    built = trial.built[name]
    others = (each.definition for key, each in trial.built.items() if key != name)
    replaces = any(other.begins(built.definition) for other in others)
    # Two orders of the same columns differ by a few pages.
    return -(built.size_bytes >> 16), replaces, name


def _used(trial: _Trial) -> set[str]:
    return {name for cost in trial.costs.values() for name in used_indexes(cost.plan)}


def _eliminate(trial: _Trial, progress: Progress) -> bool:
    """Take away what does not pay; say whether anything went."""
    gone = False
    for name in sorted(trial.built, key=lambda each: _order(trial, each)):
        progress.advance(1)
        if trial.judged.get(name) == trial.beside(name):
            continue
        gone = not _pays(trial, name) or gone
    return gone


def _pays(trial: _Trial, name: str) -> bool:
    """Judge an index by what its statements cost without it; one that does not pay is gone."""
    if name not in _used(trial):
        # All larger ones are judged already, so nothing that goes later makes way for it but
        # smaller ones.
        _drop_unused(trial, name)
        return False
    ids = trial.users(name)
    share: list[float] = []

    def keep(bare: dict[str, Cost]) -> bool:
        readers = [key for key in ids if not bare[key].writes]
        without = trial.weighted(bare, ids)
        saved = without - trial.weighted(trial.costs, ids)
        share.append(saved / without if without else 0.0)
        if saved < _least(trial, bare, readers):
            return False
        users = tuple(key for key in readers if bare[key].steps > trial.costs[key].steps)
        trial.marginal[name] = saved, users
        trial.judged[name] = trial.beside(name)
        return True

    if trial.without(name, ids, keep):
        return True
    trial.reject(name, f"saves {share[0]:.0%} of the statements that use it")
    return False


def _least(trial: _Trial, bare: Mapping[str, Cost], readers: Sequence[str]) -> float:
    """Return how many weighted steps an index has to save."""
    return max(
        LEAST_GAIN * trial.weighted(bare, readers),
        LEAST_OF_OWN * trial.weighted(trial.base, readers),
        LEAST_OF_ALL * total(trial.base, trial.statements.values()),
        LEAST_STEPS * sum(trial.statements[key].weight for key in readers),
    )


def _drop_harmful(trial: _Trial) -> bool:
    """Take an index away that makes a query worse or its answer another; say whether one went."""
    for key, cost in trial.costs.items():
        before = trial.base[key]
        ours = [name for name in used_indexes(cost.plan) if name in trial.built]
        worse = not cost.writes and cost.steps > WORSE * before.steps
        other = same_answer(trial.statements[key].sql, before, cost) is False
        if not ours or not (worse or other):
            continue
        name = max(ours, key=lambda each: trial.built[each].size_bytes)
        why = "more steps" if worse else "another answer"
        trial.without(name, trial.users(name), lambda _bare: False)
        trial.reject(name, f"{key} takes {why} with it" if worse else f"{key} gives {why}")
        return True
    return False
