"""The schema as it will be when the migrations that are written already have been applied."""

from __future__ import annotations

from collections.abc import Iterable

from dbtool.errors import UsageError
from dbtool.migrate.lint.look import Look
from dbtool.migrate.lint.trial import walk
from dbtool.migrate.model import Migration
from dbtool.migrate.replica import Replica

__all__ = ["project"]


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
