"""What must hold after a migration as it did before: foreign keys, views, triggers.

Each check returns what is wrong now; what was wrong before is not held against a migration.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

import apsw

from dbtool.core.names import folded, identifier

__all__ = ["Broken", "Violation", "broken_objects", "foreign_key_violations"]

_TABLES: Final = (
    "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table'"
    " AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name"
)
_CHILDREN: Final = (
    'SELECT t.name, f."table" FROM pragma_table_list t, pragma_foreign_key_list(t.name) f'
    " WHERE t.schema = 'main' AND t.type = 'table'"
)


class Violation(NamedTuple):
    """A row that refers to nothing."""

    table: str
    rowid: int | None
    """None: the table has no rowid, or the key itself is wrong."""
    parent: str
    why: str = ""
    """What is wrong with the key itself, such as a parent without a unique index."""


class Broken(NamedTuple):
    """A view or trigger that does not work."""

    kind: str
    name: str
    """Of a trigger's table where it has several."""
    why: str


def foreign_key_violations(
    connection: apsw.Connection, written: Iterable[str] | None = None
) -> Counter[Violation]:
    """Return the violations of foreign keys, each with how often it occurs.

    Args:
        connection: of the database.
        written: names of tables that were written; only their rows, and those of tables that refer
            to them, are looked at. None: all. Whether the keys themselves are right is cheap, and
            is asked of every table.
    """
    children: dict[str, set[str]] = {}
    for child, parent in connection.execute(_CHILDREN):
        children.setdefault(str(child), set()).add(folded(str(parent)))
    wanted = None if written is None else {folded(name) for name in written}
    found: Counter[Violation] = Counter()
    for child, parents in children.items():
        rows = wanted is None or folded(child) in wanted or bool(parents & wanted)
        found.update(_violations(connection, child, rows=rows))
    return found


def broken_objects(connection: apsw.Connection) -> frozenset[Broken]:
    """Return the views and triggers that SQLite cannot prepare."""
    return frozenset(_broken(connection))


def _violations(connection: apsw.Connection, child: str, *, rows: bool) -> Iterator[Violation]:
    sql = f"PRAGMA main.foreign_key_check({identifier(child)})"
    try:
        if not rows:
            connection.execute(f"EXPLAIN {sql}", can_cache=False).fetchall()
            return
        for table, rowid, parent, _ in connection.execute(sql):
            yield Violation(str(table), rowid, str(parent))
    except apsw.SQLError as error:
        yield Violation(child, None, "", str(error))


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
