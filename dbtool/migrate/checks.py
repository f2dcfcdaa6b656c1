"""What must hold after a migration as it did before: views and triggers.

The check returns what is wrong now; what was wrong before is not held against a migration.
Foreign keys are the business of `dbtool.core.foreignkeys`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import apsw

from dbtool.core.names import identifier

__all__ = ["Broken", "broken_objects"]


class Broken(NamedTuple):
    """A view or trigger that does not work."""

    kind: str
    name: str
    """Of a trigger's table where it has several."""
    why: str


def broken_objects(connection: apsw.Connection) -> frozenset[Broken]:
    """Return the views and triggers that SQLite cannot prepare."""
    return frozenset(_broken(connection))


def _broken(connection: apsw.Connection) -> Iterator[Broken]:
    rows = connection.execute(
        "SELECT type, name, tbl_name FROM main.sqlite_schema WHERE type IN ('view', 'trigger')"
    ).fetchall()
    triggers: dict[str, list[str]] = {}
    for kind, name, table in rows:
        if kind == "trigger":
            triggers.setdefault(str(table), []).append(str(name))
            continue
        why = _refusal(connection, f"SELECT 1 FROM main.{identifier(str(name))}")  # noqa: S608  quoted
        if why:
            yield Broken("view", str(name), why)
    for table, names in triggers.items():
        shown = names[0] if len(names) == 1 else f"of {table}"
        for why in dict.fromkeys(_trigger_refusals(connection, table)):
            yield Broken("trigger", shown, why)


def _trigger_refusals(connection: apsw.Connection, table: str) -> Iterator[str]:
    """Yield what SQLite says to each kind of write: preparing one prepares its triggers."""
    name = f"main.{identifier(table)}"
    columns = [
        identifier(str(row[1]))
        for row in connection.execute(f"PRAGMA main.table_xinfo({identifier(table)})")
        if row[6] == 0
    ]
    sets = ", ".join(f"{column} = {column}" for column in columns)
    for sql in (
        f"INSERT INTO {name} DEFAULT VALUES",
        f"DELETE FROM {name}",  # noqa: S608  quoted, and only explained
        f"UPDATE {name} SET {sets}",  # noqa: S608  likewise
    ):
        why = _refusal(connection, sql)
        # A view may have triggers for some kinds of writes only.
        if why and not why.startswith("cannot modify"):
            yield why


def _refusal(connection: apsw.Connection, sql: str) -> str:
    try:
        connection.execute(f"EXPLAIN {sql}", can_cache=False).fetchall()
    except apsw.SQLError as error:
        return str(error)
    return ""
