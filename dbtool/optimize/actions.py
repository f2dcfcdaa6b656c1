"""What was measured, as actions of a plan: SQL, its inverse, and the proof in figures."""

from __future__ import annotations

from typing import Any

from dbtool.core.names import identifier
from dbtool.optimize.indexes import IndexAdvice
from dbtool.optimize.model import Action, action_id
from dbtool.optimize.settings import SettingsAdvice
from dbtool.optimize.space import SpaceAdvice
from dbtool.optimize.superfluous import Superfluous
from dbtool.optimize.writecost import WriteCost

__all__ = ["drop_action", "index_action", "journal_action", "space_action", "writes_data"]


def index_action(advice: IndexAdvice, analyzed: bool, requires: tuple[str, ...]) -> Action:  # noqa: FBT001
    """Return the action that creates an index.

    Args:
        advice: what was measured.
        analyzed: whether the database has statistics, so that the index needs its own.
        requires: actions that it was measured with.
    """
    built = advice.built
    sql = [built.sql]
    if analyzed:
        sql += ["PRAGMA analysis_limit = 2000", f"ANALYZE {identifier(built.name)}"]
    definition = built.definition
    columns = ", ".join(term.sql for term in definition.terms)
    partial = f" where {definition.where}" if definition.where else ""
    return Action(
        action_id("index", built.sql),
        "index",
        f"index {definition.table}({columns}){partial}",
        tuple(sql),
        (f"DROP INDEX {identifier(built.name)}",),
        {
            "index": built.name,
            "table": definition.table,
            "statements": list(advice.statements),
            "bytes": built.size_bytes,
            "writes": writes_data(advice.writes_before, advice.writes_after),
        },
        advice.before,
        advice.after,
        built.build_s,
        built.build_s,
        # The sorter may spill the index to a temporary file before it is written.
        2 * built.size_bytes,
        built.size_bytes,
        requires,
    )


def drop_action(found: Superfluous) -> Action:
    """Return the action that drops an index."""
    sql = f"DROP INDEX {identifier(found.name)}"
    return Action(
        action_id("drop", sql),
        "drop",
        f"drop index {found.name}: {found.reason}",
        (sql,),
        found.inverse,
        {
            "index": found.name,
            "table": found.table,
            "reason": found.reason,
            "covered_by": found.covered_by or None,
            "bytes": found.size_bytes,
            "statements_run_without_it": found.statements,
            "writes": writes_data(found.writes_before, found.writes_after),
        },
        lock_s=0.0,
        duration_s=0.0,
        size_bytes=-found.size_bytes,
    )


def space_action(advice: SpaceAdvice) -> Action:
    """Return the action that shrinks the file."""
    return Action(
        action_id("space", *advice.sql),
        "space",
        advice.title,
        advice.sql,
        (),
        {**advice.evidence, "how": advice.how},
        duration_s=advice.duration_s,
        lock_s=advice.lock_s,
        disk_bytes=advice.disk_bytes,
        size_bytes=advice.after_bytes - advice.before_bytes,
    )


def journal_action(advice: SettingsAdvice) -> Action:
    """Return the action that changes the journal mode."""
    return Action(
        action_id("setting", f"journal_mode={advice.journal}"),
        "setting",
        f"journal_mode {advice.journal_before} -> {advice.journal}: readers keep no writer out",
        (f"PRAGMA journal_mode = {advice.journal}",),
        (f"PRAGMA journal_mode = {advice.journal_before}",),
        advice.evidence,
        duration_s=0.0,
        lock_s=0.0,
    )


def writes_data(before: WriteCost | None, after: WriteCost | None) -> dict[str, Any] | None:
    """Return what writers pay, for all new indexes of a table together."""
    if before is None or after is None:
        return None
    return {
        "rows_deleted_and_inserted": before.rows,
        "steps_before": before.steps,
        "steps_after": after.steps,
        "pages_before": before.pages,
        "pages_after": after.pages,
    }
