"""Which rows refer to nothing, whether foreign keys are enforced or not.

The answer is what is wrong now; who changes a database compares it with what was wrong before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

import apsw

from dbtool.core.names import folded, identifier

__all__ = ["Violation", "foreign_key_violations"]

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
