"""Rules about what cannot be done, or does nothing, inside of a transaction."""

from __future__ import annotations

import apsw

from dbtool.migrate.lint.context import Context
from dbtool.migrate.lint.trial import Moment

__all__ = ["keys_in_transaction", "transactions", "vacuums"]

_ALONE = "-- dbtool:up tx=none"


def keys_in_transaction(context: Context) -> None:
    """fk-pragma-in-transaction: the pragma is ignored there, without a word."""
    inside = False
    for moment in context.trial.moments:
        inside = _inside(moment, inside=inside)
        sets = any(
            action == apsw.SQLITE_PRAGMA
            and (name or "").lower() == "foreign_keys"
            and value is not None
            for action, name, value, _ in moment.asked
        )
        if sets and (moment.transactional or inside):
            context.say(
                "fk-pragma-in-transaction",
                moment,
                "PRAGMA foreign_keys does nothing inside a transaction",
                "leave it out: dbtool turns foreign keys off before a migration and checks them "
                "after it",
            )


def _inside(moment: Moment, *, inside: bool) -> bool:
    if moment.verb in ("BEGIN", "SAVEPOINT"):
        return True
    return inside and moment.verb not in ("COMMIT", "END", "ROLLBACK")


def transactions(context: Context) -> None:
    """explicit-transaction: seen by what SQLite asks for."""
    for moment in context.trial.moments:
        if not moment.transactional:
            continue
        if any(a in (apsw.SQLITE_TRANSACTION, apsw.SQLITE_SAVEPOINT) for a, *_ in moment.asked):
            context.say(
                "explicit-transaction",
                moment,
                f"{moment.verb} stands in a migration that runs in one transaction",
                f"leave it out; a migration that must do without one begins with {_ALONE}",
            )


def vacuums(context: Context) -> None:
    """vacuum-in-transaction."""
    inside = False
    for moment in context.trial.moments:
        inside = _inside(moment, inside=inside)
        if moment.verb == "VACUUM" and (moment.transactional or inside):
            context.say(
                "vacuum-in-transaction",
                moment,
                "VACUUM cannot run inside a transaction",
                f"give it a migration of its own that begins with {_ALONE}; or run "
                "sqlite3 DB VACUUM when nobody waits",
            )
