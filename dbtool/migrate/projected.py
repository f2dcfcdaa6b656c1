"""The schema as it will be when the migrations that are written already have been applied."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from dbtool.errors import DbtoolError, UsageError
from dbtool.migrate.discover import read_migration
from dbtool.migrate.drift import schema_drift
from dbtool.migrate.lint.look import Look
from dbtool.migrate.lint.trial import walk
from dbtool.migrate.model import Migration
from dbtool.migrate.replica import Replica

__all__ = ["project", "require_way"]


def project(replica: Replica, migrations: Iterable[Migration]) -> None:
    """Apply migrations to a replica.

    Raises:
        UsageError: `migration-not-projected`, one of them is in Python or fails.
    """
    look = Look(replica)
    for migration in migrations:
        if migration.is_python:
            raise UsageError(
                "migration-not-projected",
                f"{migration.path.name} is in Python, so what it will leave is not known",
                hint="apply it first: dbtool migrate up DB",
            )
        trial = walk(migration, migration.up, replica, look)
        look = trial.after
        for moment in trial.moments:
            if moment.error:
                raise UsageError(
                    "migration-not-projected",
                    f"{migration.path.name}, line {moment.line}: {moment.error}",
                    hint="dbtool migrate lint      judges all of them",
                )


def require_way(text: str, start: Replica, wanted: Replica) -> None:
    """Prove the text of a migration: it can be read, it works, it leads to a schema.

    Args:
        text: of a file.
        start: where it begins; is at its end afterwards.
        wanted: the schema.

    Raises:
        DbtoolError: `schema-way-not-found`.
    """
    try:
        project(start, [read_migration(Path("0001_new.sql"), text)])
        left = schema_drift(start.schema(), wanted.schema())
        why = f"{left[0].kind} {left[0].name} would not be as it should" if left else ""
    except UsageError as error:
        why = error.message
    if why:
        raise DbtoolError(
            "schema-way-not-found",
            "the migration that was written does not lead to this schema",
            context=why,
            hint="write it by hand: dbtool migrate new NAME",
        )
