"""Rules about the way back, and about the versions of migrations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from dbtool.migrate.drift import schema_drift
from dbtool.migrate.lint.context import Context
from dbtool.migrate.lint.look import Look
from dbtool.migrate.lint.trial import Trial, walk
from dbtool.migrate.model import Migration
from dbtool.migrate.replica import Replica

__all__ = ["duplicates", "way_back"]


def way_back(context: Context, replica: Replica) -> Trial | None:
    """irreversible-down: the way down is missing, fails, or ends at another schema.

    Args:
        context: of the way up, which the replica has gone.
        replica: it stays as it is.

    Returns:
        The way down, where there is one that could be walked.
    """
    migration = context.trial.migration
    if migration.down is None:
        context.say(
            "irreversible-down",
            migration.up.line,
            f"{migration.label} has no way down",
            "write it below a line -- dbtool:down, or say why there is none: "
            "-- dbtool:ignore irreversible-down REASON",
        )
        return None
    copy = replica.copy()
    try:
        trial = walk(migration, migration.down, copy, Look(copy))
        _compare(context, trial)
    finally:
        copy.close()
    return trial


def _compare(context: Context, trial: Trial) -> None:
    advice = "let the way down undo everything that the way up does"
    failed = next((moment for moment in trial.moments if moment.error), None)
    if failed is not None:
        context.say("irreversible-down", failed, f"the way down fails: {failed.error}", advice)
        return
    left = schema_drift(context.trial.before.schema, trial.after.schema)
    if left:
        change = left[0]
        word = {"added": "is left over", "removed": "is missing", "changed": "is not as before"}
        line = trial.migration.down.line if trial.migration.down else 1
        context.say(
            "irreversible-down",
            line,
            f"after the way down, the {change.kind} {change.name} {word[change.what]}",
            advice,
        )


def duplicates(migrations: Sequence[Migration]) -> dict[int, Migration]:
    """Return the first migration of each version that several have."""
    counts = Counter(migration.order for migration in migrations)
    firsts: dict[int, Migration] = {}
    for migration in migrations:
        if counts[migration.order] > 1:
            firsts.setdefault(migration.order, migration)
    return firsts
