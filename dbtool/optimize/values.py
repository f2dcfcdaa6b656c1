"""Values for statements whose log has none, taken from rows of the tables they look into.

Where a parameter is compared with a column, its value is that column's in some row; values of one
table are of one row, so that they go together. A limit gets 20. A statement with a parameter for
which nothing is known is left out rather than measured with NULL, which would find nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import apsw

from dbtool.core.names import identifier
from dbtool.optimize.mirror import Mirror
from dbtool.optimize.tokens import tokens
from dbtool.optimize.workload import Statement, with_sampled_values

__all__ = ["with_values"]

_LIMIT: Final = 20


def with_values(
    connection: apsw.Connection, mirror: Mirror, statements: Sequence[Statement]
) -> tuple[list[Statement], list[str]]:
    """Return the statements that can run, and notes on those that were left out."""
    usable: list[Statement] = []
    notes: list[str] = []
    for statement in statements:
        if not statement.wants_values:
            usable.append(statement)
            continue
        found = _from_rows(connection, mirror, statement)
        if found is None:
            notes.append(
                f"{statement.id} was left out: it has parameters without values; "
                "a line `-- params: [...]` before it gives them"
            )
        else:
            usable.append(found)
    if any(each.sampled for each in usable):
        ids = ", ".join(each.id for each in usable if each.sampled)
        notes.append(f"{ids}: measured with values taken from rows of the tables")
    return usable, notes


def _from_rows(
    connection: apsw.Connection, mirror: Mirror, statement: Statement
) -> Statement | None:
    places: dict[int, tuple[str, str]] = {}
    for use in mirror.uses([statement]):
        for comparison in use.comparisons:
            if comparison.parameter is not None:
                places.setdefault(comparison.parameter, (use.table, comparison.column))
    limits = _limits(statement.sql)
    rows: dict[str, dict[str, Any]] = {}

    def value_for(number: int) -> tuple[bool, Any]:
        if number in limits:
            return True, _LIMIT if limits[number] == "limit" else 0
        if number not in places:
            return False, None
        table, column = places[number]
        if table not in rows:
            rows[table] = _middle_row(connection, table)
        return column in rows[table], rows[table].get(column)

    return with_sampled_values(statement, value_for)


def _limits(sql: str) -> dict[int, str]:
    found, number, before = {}, 0, ""
    for token in tokens(sql):
        if token.kind == "parameter":
            if before in ("limit", "offset"):
                found[number] = before
            number += 1
        before = token.text.lower()
    return found


def _middle_row(connection: apsw.Connection, table: str) -> dict[str, Any]:
    name = identifier(table)
    try:
        count = int(connection.execute(f"SELECT count(*) FROM {name}").get)
        cursor = connection.execute(f"SELECT * FROM {name} LIMIT 1 OFFSET {count // 2}")
        row = next(cursor, None)
        names = [column[0] for column in cursor.get_description()] if row is not None else []
    except (apsw.Error, UnicodeDecodeError):
        return {}
    return dict(zip(names, row, strict=True)) if row is not None else {}
