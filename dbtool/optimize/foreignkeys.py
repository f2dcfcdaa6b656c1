"""Children of foreign keys without an index: each change of a parent reads the whole child table.

Looked at where there is no workload to go by. Measured as what it is for: rows of the parent are
deleted on the copy, with the foreign keys enforced, and come back.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Final

import apsw

from dbtool.core.names import folded, identifier
from dbtool.core.progress import Progress
from dbtool.core.stoppable import stoppable
from dbtool.optimize.actions import index_action
from dbtool.optimize.candidates import foreign_key_children
from dbtool.optimize.definition import IndexDefinition
from dbtool.optimize.indexes import (
    LEAST_GAIN,
    BuiltIndex,
    IndexAdvice,
    has_statistics,
    index_bytes,
)
from dbtool.optimize.model import Action
from dbtool.optimize.writecost import measure_writes

__all__ = ["ChildAdvice", "advise_children"]

_LEAST_ROWS: Final = 1000
"""Of the child: less is read in no time."""
_PARENTS: Final = 3
_STATUS: Final = "SQLITE_STMTSTATUS_VM_STEP"


@dataclass(frozen=True, slots=True)
class ChildAdvice:
    """What was found."""

    actions: list[Action]
    rejected: list[dict[str, Any]]


def advise_children(meter: Any, progress: Progress) -> ChildAdvice:
    """Measure what deleting parents costs without and with an index on the child."""
    connection: apsw.Connection = meter.connection
    found = foreign_key_children(connection)
    advice = ChildAdvice([], [])
    progress.start("measuring foreign keys", len(found), "keys")
    for definition in found:
        with stoppable(connection, progress):
            _judge(connection, definition, advice)
        progress.advance(1)
    progress.finish()
    return advice


def _judge(connection: apsw.Connection, definition: IndexDefinition, advice: ChildAdvice) -> None:
    table = identifier(definition.table)
    rows = int(connection.execute(f"SELECT count(*) FROM {table}").get)
    parent = _parent(connection, definition)
    before = None if rows < _LEAST_ROWS or parent is None else _deleting(connection, parent)
    if before is None or parent is None:
        return
    writes_before = measure_writes(connection, definition.table)
    taken = {folded(str(n)) for (n,) in connection.execute("SELECT name FROM sqlite_schema")}
    name = definition.name(taken)
    started_s = time.monotonic()
    connection.execute(definition.sql(name))
    built = BuiltIndex(
        definition, name, time.monotonic() - started_s, index_bytes(connection, name)
    )
    after = _deleting(connection, parent)
    if after is None or before - after < LEAST_GAIN * before:
        connection.execute(f"DROP INDEX {identifier(name)}")
        reason = f"deleting from {parent} takes {before} steps without it, {after} with it"
        advice.rejected.append({"what": built.sql, "reason": reason})
        return
    writes_after = measure_writes(connection, definition.table)
    measured = IndexAdvice(built, before, after, (), writes_before, writes_after)
    action = index_action(measured, has_statistics(connection), ())
    evidence = {
        **action.evidence,
        "measured": f"DELETE of {_PARENTS} rows of {parent}, foreign keys enforced",
    }
    advice.actions.append(_with_evidence(action, evidence))


def _with_evidence(action: Action, evidence: dict[str, Any]) -> Action:
    from dataclasses import replace

    return replace(action, evidence=evidence)


def _parent(connection: apsw.Connection, definition: IndexDefinition) -> str | None:
    row = connection.execute(
        'SELECT "table" FROM pragma_foreign_key_list(?) WHERE "from" = ?',
        (definition.table, definition.terms[0].sql),
    ).get
    there = connection.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND lower(name) = lower(?)", (row,)
    ).get
    return None if there is None else str(there)


def _deleting(connection: apsw.Connection, parent: str) -> int | None:
    """Return the steps that deleting rows of a parent takes; None where it cannot be tried."""
    profile: list[dict[str, Any]] = []
    connection.pragma("foreign_keys", 1)
    connection.trace_v2(apsw.SQLITE_TRACE_PROFILE, profile.append, id=profile)
    connection.execute("SAVEPOINT dbtool_parent")
    try:
        connection.execute("PRAGMA defer_foreign_keys = 1")
        name = identifier(parent)
        profile.clear()
        connection.execute(
            f"DELETE FROM {name} WHERE rowid IN (SELECT rowid FROM {name} LIMIT {_PARENTS})"
        )
        return sum(int(event["stmt_status"][_STATUS]) for event in profile)
    except apsw.Error:
        return None
    finally:
        connection.trace_v2(0, None, id=profile)
        connection.execute("ROLLBACK TO dbtool_parent; RELEASE dbtool_parent")
        connection.pragma("foreign_keys", 0)
