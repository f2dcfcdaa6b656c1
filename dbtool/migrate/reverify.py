"""The verify queries of everything that is applied, run again on the database as it is now."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import apsw

from dbtool.core.progress import Progress
from dbtool.core.stoppable import stoppable
from dbtool.errors import CheckFailed
from dbtool.migrate.apply import run_verify
from dbtool.migrate.execute import Place
from dbtool.migrate.standing import Standing
from dbtool.migrate.watch import Watch

__all__ = ["Verified", "reverify"]


@dataclass(frozen=True, slots=True)
class Verified:
    """What became of the queries of one migration."""

    label: str
    queries: int
    problem: str = ""
    """Empty: none returned a row."""
    detail: str = ""


def reverify(
    connection: apsw.Connection, state: Standing, *, progress: Progress
) -> tuple[Verified, ...]:
    """Run the queries of each applied migration that has some.

    Args:
        connection: may be read-only.
        state: of the database.
        progress: told of migrations; may raise to stop.

    Raises:
        DbtoolError: a query does not work any more, as `run_verify`.
    """
    chosen = [
        entry.migration
        for entry in state.entries
        if entry.applied is not None and entry.migration is not None and entry.migration.verify
    ]
    found = []
    database = Path(connection.db_filename("main") or ":memory:")
    progress.start("verifying", len(chosen), "migrations")
    with stoppable(connection, progress):
        for migration in chosen:
            problem, detail = "", ""
            try:
                run_verify(
                    connection, migration, Watch(connection), Place(migration.path, database)
                )
            except CheckFailed as error:
                problem, detail = error.message, error.context
            found.append(Verified(migration.label, len(migration.verify), problem, detail))
            progress.advance(1)
    progress.finish()
    return tuple(found)
