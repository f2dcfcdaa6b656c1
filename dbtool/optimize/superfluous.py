"""Indexes that can go: another one serves as well, or nothing in a long log uses them.

Proven by dropping each on the copy and running the workload again: no query may take noticeably
more steps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import apsw

from dbtool.core.indexshape import IndexShape, read_index_shapes, redundant_indexes
from dbtool.core.names import folded, identifier
from dbtool.optimize.indexes import WORSE, index_bytes, same_answer
from dbtool.optimize.measure import Cost, Meter, used_indexes
from dbtool.optimize.statistics import restoring
from dbtool.optimize.workload import Statement, Workload
from dbtool.optimize.writecost import WriteCost, measure_writes

__all__ = ["Superfluous", "find_superfluous"]

_LEAST_DAYS: Final = 7.0
"""Of a log, before silence about an index means something."""


@dataclass(frozen=True, slots=True)
class Superfluous:
    """An index that can go."""

    name: str
    table: str
    sql: str
    """That brings it back."""
    reason: str
    covered_by: str
    """Index that serves instead; empty: none is needed."""
    size_bytes: int
    inverse: tuple[str, ...]
    writes_before: WriteCost | None
    writes_after: WriteCost | None
    statements: int
    """How many of the workload were run again without it."""


def find_superfluous(
    meter: Meter,
    workload: Workload,
    costs: Mapping[str, Cost],
    *,
    spared: Sequence[str],
) -> tuple[list[Superfluous], dict[str, Cost], list[dict[str, Any]]]:
    """Drop on the copy what can go.

    Args:
        meter: of the copy, which lacks what can go afterwards.
        workload: statements to prove it with, all of which ran; may have none.
        costs: of them now.
        spared: names of indexes that were only just built.

    Returns:
        What can go, what the statements cost then, and what has to stay with the reason.
    """
    found: list[Superfluous] = []
    rejected: list[dict[str, Any]] = []
    now = dict(costs)
    for shape, reason, by in _suspects(meter.connection, workload, now, set(spared)):
        superfluous, after = _tried(meter, workload.statements, now, shape, (reason, by))
        if superfluous is None:
            why = "a statement takes more steps without it, or fails"
            rejected.append({"what": f"drop index {shape.name}", "reason": why})
        else:
            found.append(superfluous)
            now |= after
    return found, now, rejected


def _suspects(
    connection: apsw.Connection, workload: Workload, costs: Mapping[str, Cost], spared: set[str]
) -> list[tuple[IndexShape, str, str]]:
    shapes = read_index_shapes(connection)
    suspects: dict[str, tuple[IndexShape, str, str]] = {}
    for each in redundant_indexes(connection, shapes):
        name = each.index.name
        if name in spared or each.named_in or each.covered_by in spared:
            continue
        how = "has the same terms" if each.duplicate else "begins with the same terms"
        suspects[name] = each.index, f"{each.covered_by} {how}", each.covered_by
    if workload.covered_days >= _LEAST_DAYS:
        used = {name for cost in costs.values() for name in used_indexes(cost.plan)}
        needed = _parents_and_children(connection)
        for shape in shapes:
            first = folded(shape.terms[0].text) if shape.terms else ""
            if (
                shape.droppable
                and not shape.unique
                and shape.name not in used | spared | set(suspects)
                and (folded(shape.table), first) not in needed
                and not _named_in_code(connection, shape.name)
            ):
                days = f"{workload.covered_days:.0f} days"
                suspects[shape.name] = shape, f"no statement of {days} uses it", ""
    return list(suspects.values())


def _tried(
    meter: Meter,
    statements: Sequence[Statement],
    now: Mapping[str, Cost],
    shape: IndexShape,
    why: tuple[str, str],
) -> tuple[Superfluous | None, dict[str, Cost]]:
    connection = meter.connection
    sql = _text_of(connection, shape.name)
    statistics = restoring(connection, shape.name)
    size_bytes = index_bytes(connection, shape.name)
    writes_before = measure_writes(connection, shape.table)
    connection.execute("SAVEPOINT dbtool_drop")
    connection.execute(f"DROP INDEX {identifier(shape.name)}")
    touched = [
        each
        for each in statements
        if shape.name in used_indexes(now[each.id].plan) or now[each.id].writes
    ]
    after = {each.id: meter.measure(each) for each in touched}
    fine = all(
        not after[each.id].error  # INDEXED BY names it
        and (after[each.id].steps <= WORSE * now[each.id].steps or now[each.id].writes)
        and same_answer(each.sql, now[each.id], after[each.id]) is not False
        for each in touched
    )
    if not fine:
        connection.execute("ROLLBACK TO dbtool_drop; RELEASE dbtool_drop")
        return None, {}
    connection.execute("RELEASE dbtool_drop")
    writes_after = measure_writes(connection, shape.table)
    return (
        Superfluous(
            shape.name,
            shape.table,
            sql,
            why[0],
            why[1],
            size_bytes,
            (sql, *statistics),
            writes_before,
            writes_after,
            len(statements),
        ),
        after,
    )


def _text_of(connection: apsw.Connection, index: str) -> str:
    # A trigger may have the same name.
    row = connection.execute(
        "SELECT sql FROM sqlite_schema WHERE type = 'index' AND name = ?", (index,)
    )
    return str(row.get)


def _parents_and_children(connection: apsw.Connection) -> set[tuple[str, str]]:
    """Return (table, first column) of foreign keys: SQLite looks there when a parent changes."""
    rows = connection.execute(
        'SELECT l.name, f."from", f."table", f."to" FROM pragma_table_list l, '
        "pragma_foreign_key_list(l.name) f WHERE l.schema = 'main'"
    ).fetchall()
    pairs = set()
    for child, column, parent, target in rows:
        pairs.add((folded(str(child)), folded(str(column))))
        pairs.add((folded(str(parent)), folded(str(target))))
    return pairs


def _named_in_code(connection: apsw.Connection, name: str) -> bool:
    rows = connection.execute(
        "SELECT 1 FROM sqlite_schema WHERE type IN ('view', 'trigger') "
        "AND instr(lower(sql), 'indexed by') AND instr(lower(sql), lower(?))",
        (name,),
    )
    return rows.get is not None
