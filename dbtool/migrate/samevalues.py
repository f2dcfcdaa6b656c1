"""Values that a column of another type would change, such as '00501' into 501.

SQLite converts a value to the affinity of its new column without a word. A conversion that leads
back is none to speak of, nor is '10' as 10.0; any other has lost something: zeros, digits, spaces.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import apsw

from dbtool.core.names import folded, identifier
from dbtool.core.schema import Table

__all__ = ["Changed", "changed_value", "column_types"]

_LEADS_BACK: Final = (
    "CASE typeof(o.{0}) WHEN typeof(n.{0}) THEN 1"
    " WHEN 'text' THEN +o.{0} COLLATE BINARY"
    " IN (CAST(n.{0} AS TEXT), CAST(CAST(n.{0} AS INTEGER) AS TEXT))"
    " WHEN 'integer' THEN CAST(n.{0} AS INTEGER) IS +o.{0}"
    " WHEN 'real' THEN CAST(n.{0} AS REAL) IS +o.{0} ELSE 0 END"
)


class Changed(NamedTuple):
    """One value that is not what it was."""

    column: str
    before: object
    after: object


def column_types(connection: apsw.Connection, table: str) -> dict[str, str]:
    """Return the declared type of each column, by folded name."""
    rows = connection.execute(f"PRAGMA main.table_xinfo({identifier(table)})")
    return {folded(str(row[1])): str(row[2]) for row in rows}


def changed_value(
    connection: apsw.Connection,
    aside: str,
    new: Table,
    columns: Sequence[str],
    types: Mapping[str, str],
    rowids: tuple[str, str] | None,
) -> Changed | None:
    """Return a value that its copy does not lead back to; None where there is none.

    Args:
        connection: of the database.
        aside: name of the old table.
        new: the new one, with its rows.
        columns: that were copied as they are.
        types: of the old columns, by folded name.
        rowids: what the rowid is called in both, the new one first; None: it is another one.
    """
    now = column_types(connection, new.name)
    # ANY keeps every value where a table is STRICT, and converts it elsewhere.
    asked = [
        name
        for name in columns
        if (kind := now[folded(name)].upper()) == "ANY" or kind != types[folded(name)].upper()
    ]
    joined = _joined(new, columns, rowids)
    if not asked or not joined:
        return None
    tests = [_LEADS_BACK.format(identifier(name)) for name in asked]
    values = ", ".join(f"o.{identifier(name)}, n.{identifier(name)}" for name in asked)
    row = connection.execute(
        f"SELECT {', '.join(tests)}, {values} FROM main.{identifier(aside)} o"  # noqa: S608  quoted
        f" JOIN main.{identifier(new.name)} n ON {joined}"
        f" WHERE NOT ({' AND '.join(tests)}) LIMIT 1"
    ).fetchone()
    if row is None:
        return None
    at = row.index(0)
    pair = len(asked) + 2 * at
    return Changed(asked[at], row[pair], row[pair + 1])


def _joined(new: Table, columns: Sequence[str], rowids: tuple[str, str] | None) -> str:
    """Return the condition by which an old row finds its new one; empty: none is sure."""
    copied = {folded(name) for name in columns}
    if new.alias is not None and folded(new.alias) in copied:
        keys = [new.alias]
    elif rowids is not None:
        return f"n.{rowids[0]} = o.{rowids[1]}"
    else:
        keys = [part.column for part in new.key] if new.without_rowid else []
    if any(folded(key) not in copied for key in keys):
        return ""
    return " AND ".join(f"n.{identifier(key)} = o.{identifier(key)}" for key in keys)
