"""What must fit before migrations run: their files and the history, the history and the schema."""

from __future__ import annotations

from dbtool.errors import CheckFailed
from dbtool.migrate.standing import Entry, Standing

__all__ = ["require_fitting"]


def require_fitting(state: Standing, allow: frozenset[str]) -> None:
    """Refuse to go up where history and files, or history and schema, contradict each other.

    Raises:
        CheckFailed: `migration-edited`, `migration-missing`, `migration-order`, `schema-drift`.
    """
    edited, missing, late = state.of("edited"), state.of("missing"), state.of("late")
    if edited:
        raise _edited(edited[0])
    if missing and "missing" not in allow:
        raise _missing(missing, state)
    if late and "out-of-order" not in allow:
        raise _late(late[0], state)
    if state.drifted and state.pending and "drift" not in allow:
        raise CheckFailed(
            "schema-drift",
            "the schema was changed by something else since the last migration",
            context=f"it is not what {state.current.label if state.current else ''} left",
            hint="dbtool migrate diff DB        shows the difference\n"
            "dbtool migrate repair DB      takes the schema as it is from now on\n"
            "--allow drift                 goes on this once",
        )


def _edited(entry: Entry) -> CheckFailed:
    assert entry.migration is not None
    return CheckFailed(
        "migration-edited",
        f"{entry.migration.path.name} was edited after it was applied",
        context="its SQL is not what the history of the database has",
        hint="put it back as it was, and write what is new into a new migration\n"
        "dbtool migrate redo DB        undoes it and applies the new text\n"
        "dbtool migrate repair DB      takes the new text as what was applied",
    )


def _missing(missing: tuple[Entry, ...], state: Standing) -> CheckFailed:
    first = missing[0].applied
    assert first is not None
    squashed = [each for each in state.pending if first.version in each.replaces]
    if squashed:
        return CheckFailed(
            "migration-missing",
            f"{squashed[0].label} replaces migrations of which only some are applied",
            context=f"{first.label} is, and others are not",
            hint=f"bring the database to {squashed[0].version} with the older files first",
        )
    more = f", and {len(missing) - 1} more" if len(missing) > 1 else ""
    return CheckFailed(
        "migration-missing",
        f"{first.label} is applied, and its file is gone{more}",
        context="another branch of the code may have it",
        hint=f"put {first.file} back, or undo it: dbtool migrate down DB\n"
        "--allow missing               goes on without it",
    )


def _late(entry: Entry, state: Standing) -> CheckFailed:
    current = max(state.applied, key=lambda applied: applied.order)
    return CheckFailed(
        "migration-order",
        f"{entry.label} is older than {current.label}, which is applied",
        context="it came in from another branch, perhaps; it was never tried after the newer one",
        hint="give it a newer version: rename its file\n"
        "--allow out-of-order          applies it all the same",
    )
