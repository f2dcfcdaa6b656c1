"""What a table holds, as one hash: equal tables have equal hashes, wherever their rows lie.

Rows count with their types, in the order of their key. Not a format: the hash depends on the
version of this module and is only compared within one run.
"""

from __future__ import annotations

import marshal
from typing import Final, NamedTuple

import apsw
from blake3 import blake3

from dbtool.core.names import identifier
from dbtool.core.progress import Progress

__all__ = ["TableContent", "row_count", "table_content"]

_MARSHAL: Final = 2
"""The last version that writes equal values alike however they came to be."""
_ROWS_PER_STEP: Final = 1_000


class TableContent(NamedTuple):
    """The rows of one table."""

    rows: int
    digest: bytes


def table_content(
    connection: apsw.Connection, table: str, progress: Progress
) -> TableContent | None:
    """Return the content of a table; None where it is not there or cannot be read."""
    for columns in ("*", None):
        try:
            return _content(connection, table, columns, progress)
        except UnicodeDecodeError:
            continue  # text that is no UTF-8 is compared by its bytes
        except apsw.Error:
            return None
    return None


def row_count(connection: apsw.Connection, table: str) -> int | None:
    """Return how many rows a table has; None where it cannot be read."""
    try:
        return int(connection.execute(f"SELECT count(*) FROM {identifier(table)}").get)  # noqa: S608 - quoted
    except apsw.Error:
        return None


def _content(
    connection: apsw.Connection, table: str, columns: str | None, progress: Progress
) -> TableContent:
    chosen = columns or _bytewise(connection, table)
    hasher = blake3()
    count = 0
    for row in connection.execute(f"SELECT {chosen} FROM {identifier(table)}"):  # noqa: S608 - quoted
        count += 1
        hasher.update(marshal.dumps(row, _MARSHAL))
        if not count % _ROWS_PER_STEP:
            progress.advance(0)
    return TableContent(count, hasher.digest())


def _bytewise(connection: apsw.Connection, table: str) -> str:
    literal = "'" + table.replace("'", "''") + "'"
    names = [
        identifier(str(name))
        for (name,) in connection.execute(f"SELECT name FROM pragma_table_xinfo({literal})")  # noqa: S608
    ]
    return ", ".join(
        f"iif(typeof({name}) = 'text', CAST({name} AS BLOB), {name}), typeof({name})"
        for name in names
    )
