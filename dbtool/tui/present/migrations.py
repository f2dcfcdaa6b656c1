"""Migrations: what was applied, what is pending, what drifted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from dbtool.core.quantities import format_duration
from dbtool.tui.line import Column, Line, Row, Status
from dbtool.tui.present.times import moment
from dbtool.tui.state import State

__all__ = ["MIGRATION_COLUMNS", "migration_rows", "schema_line"]

MIGRATION_COLUMNS: Final = (
    Column("version"),
    Column("name"),
    Column("state"),
    Column("applied"),
    Column("took", right=True),
    Column("snapshot before"),
)
_STATUS: Final = {"applied": Status.OK, "pending": Status.PLAIN}
_NO_FOLDER: Final = ("migrations-not-found", "migrations-folder-not-found")


def migration_rows(state: State) -> list[Row]:
    """Return the migrations, the newest first."""
    data: Mapping[str, Any] = state.data("migrations") or {}
    found: Sequence[Mapping[str, Any]] = data.get("migrations", ())
    return [_row(migration) for migration in reversed(found)]


def _row(migration: Mapping[str, Any]) -> Row:
    took_s = migration.get("duration")
    cells = (
        str(migration["version"]),
        str(migration["name"]),
        str(migration["state"]),
        moment(migration.get("applied_at")),
        "" if took_s is None else format_duration(took_s),
        str(migration.get("snapshot") or "")[:8],
    )
    order = (*cells[:4], took_s, cells[5])
    status = _STATUS.get(str(migration["state"]), Status.WARN)
    return Row(f"{migration['version']}-{migration['name']}", cells, order, status, migration)


def schema_line(state: State) -> Line:
    """Say at which version the schema is, what is pending and whether it drifted."""
    problem = state.problem("migrations")
    if problem is not None and problem.code in _NO_FOLDER:
        return Line("schema", "no migrations are kept for it", Status.PLAIN)
    if problem is not None:
        return Line("schema", problem.message, Status.UNKNOWN)
    data = state.data("migrations")
    if data is None:
        return Line("schema", "asking ...")
    version = data.get("version") or "no version"
    if data.get("drifted"):
        return Line("schema", f"{version}, an applied migration was edited", Status.CRIT)
    if data.get("pending"):
        return Line("schema", f"{version}, {data['pending']} pending", Status.WARN)
    return Line("schema", f"{version}, nothing pending", Status.OK)
