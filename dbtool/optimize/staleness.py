"""Whether a plan is still about the database as it is.

The schema itself decides, not its cookie, which another file at the same path may have as well.
Only what the plan's own actions make or drop may differ, and only as they make it or drop it: so
work which was broken off goes on where it stood, and anybody else's change stops it.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Final

import apsw

from dbtool.errors import Refused
from dbtool.optimize.model import Plan

__all__ = ["cookie_of", "require_fresh", "schema_digests"]

_SHOWN: Final = 3


def schema_digests(connection: apsw.Connection, schema: str = "main") -> dict[str, str]:
    """Return a digest of each object of the schema by "type name", but for SQLite's own tables."""
    rows = connection.execute(
        f"SELECT type, name, coalesce(sql, '') FROM {schema}.sqlite_schema "
        "WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
    ).fetchall()
    return {f"{kind} {name}": _digest(str(sql)) for kind, name, sql in rows}


def cookie_of(connection: apsw.Connection) -> int:
    """Return the schema cookie."""
    return int(connection.execute("PRAGMA main.schema_version").get)


def require_fresh(plan: Plan, connection: apsw.Connection) -> None:
    """Refuse a plan that was made for another schema.

    Raises:
        Refused: `plan-stale`.
    """
    now = schema_digests(connection)
    differing = _differing(plan.schema, now) - _own_work(plan, now)
    if differing:
        named = ", ".join(sorted(differing)[:_SHOWN])
        more = f" and {len(differing) - _SHOWN} more" if len(differing) > _SHOWN else ""
        raise Refused(
            "plan-stale",
            f"the schema of {plan.database} has changed since the plan was made",
            context=f"not as it was: {named}{more}",
            hint=f"dbtool optimize {plan.database}      makes a new plan",
        )


def _differing(before: Mapping[str, str], now: Mapping[str, str]) -> set[str]:
    return {name for name in {*before, *now} if before.get(name) != now.get(name)}


def _own_work(plan: Plan, now: Mapping[str, str]) -> set[str]:
    """Return the objects that are as the plan's own actions, or their undoing, leave them."""
    own = set()
    for action in plan.actions:
        name = f"index {action.evidence.get('index')}"
        made = {
            "index": (None, _digest(action.sql[0]) if action.sql else None),
            "drop": (None, plan.schema.get(name)),
        }
        if now.get(name) in made.get(action.kind, ()):
            own.add(name)
    return own


def _digest(sql: str) -> str:
    return sha256(sql.encode("utf-8", "surrogatepass")).hexdigest()[:16]
