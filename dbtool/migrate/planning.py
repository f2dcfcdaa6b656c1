"""What migrations would run, statement by statement, with rebuilds written out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import apsw

from dbtool.errors import DbtoolError
from dbtool.migrate.forecast import Forecast, forecast, free_bytes
from dbtool.migrate.lint.findings import LintFinding
from dbtool.migrate.lint.run import count_rows, lint
from dbtool.migrate.model import Migration, Rebuild, Section
from dbtool.migrate.rebuild import rebuild_table
from dbtool.migrate.replica import Replica

__all__ = ["Plan", "Planned", "PlannedStatement", "plan"]


@dataclass(frozen=True, slots=True)
class PlannedStatement:
    """One statement that would run."""

    sql: str
    line: int
    what: str = ""
    """What it is for, where it is a step of a rebuild."""


@dataclass(frozen=True, slots=True)
class Planned:
    """One migration."""

    migration: Migration
    statements: tuple[PlannedStatement, ...]
    """Empty for Python."""
    findings: tuple[LintFinding, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that is pending."""

    planned: tuple[Planned, ...]
    forecast: Forecast
    free_bytes: int | None
    """None: the database is no file."""


def plan(connection: apsw.Connection, migrations: Sequence[Migration]) -> Plan:
    """Say what migrations would do; the database is only read.

    Raises:
        UsageError: `schema-not-loaded`.
    """
    findings = lint(migrations, connection, rows=count_rows(connection)) if migrations else ()
    replica = Replica.of(connection)
    try:
        planned = tuple(
            Planned(
                migration,
                _statements(replica, migration.up),
                tuple(each for each in findings if each.version == migration.version),
            )
            for migration in migrations
        )
    finally:
        replica.close()
    file = connection.db_filename("main")
    free = free_bytes(Path(file).parent) if file else None
    return Plan(planned, forecast(connection, migrations), free)


def _statements(replica: Replica, section: Section) -> tuple[PlannedStatement, ...]:
    found: list[PlannedStatement] = []
    for step in section.steps:
        if isinstance(step, Rebuild):
            found += _rebuild(replica, step)
            continue
        found.append(PlannedStatement(step.text, step.line))
        _try(replica, step.text)
    return tuple(found)


def _rebuild(replica: Replica, step: Rebuild) -> list[PlannedStatement]:
    found: list[PlannedStatement] = []

    def run(sql: str, line: int, what: str) -> None:
        replica.execute(sql)
        text = sql.rstrip()
        found.append(PlannedStatement(text if text.endswith(";") else f"{text};", line, what))

    try:
        rebuild_table(replica.connection, step, run)
    except (apsw.Error, DbtoolError):
        # What is wrong is among the findings; shown is what the file says.
        return [PlannedStatement(step.create.text, step.create.line, "rebuild")]
    return found


def _try(replica: Replica, sql: str) -> None:
    try:
        replica.execute(sql)
    except apsw.Error:  # likewise
        return
