"""Whether a plan is still about the database as it is.

The schema cookie tells at once that nothing changed. Where it moved, the schema itself decides:
only what the plan's own actions make or drop may differ, so that work which was broken off goes on
where it stood, and anybody else's change stops it.
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
    return {
        f"{kind} {name}": sha256(str(sql).encode("utf-8", "surrogatepass")).hexdigest()[:16]
        for kind, name, sql in rows
    }


def cookie_of(connection: apsw.Connection) -> int:
    """Return the schema cookie."""
    return int(connection.execute("PRAGMA main.schema_version").get)


def require_fresh(plan: Plan, connection: apsw.Connection) -> None:
    """Refuse a plan that was made for another schema.

    Raises:
        Refused: `plan-stale`.
    """
    if cookie_of(connection) == plan.cookie:
        return
    now = schema_digests(connection)
    differing = _differing(plan.schema, now) - _own(plan)
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


def _own(plan: Plan) -> set[str]:
    """Return the objects that the plan itself makes or drops."""
    names = {action.evidence.get("index") for action in plan.actions}
    return {f"index {name}" for name in names if name}
