"""The user's --where: one expression over the table's columns, tried before anything is done."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import apsw

from dbtool.core.names import identifier
from dbtool.errors import UsageError
from dbtool.rows.shape import TableShape, closest

__all__ = ["evaluating", "require_condition"]

_NO_COLUMN: Final = re.compile(r"no such column: (.+)$")


def require_condition(connection: apsw.Connection, shape: TableShape, where: str) -> None:
    """Let SQLite look at a condition without reading a row.

    Args:
        connection: the database of the table.
        shape: the table.
        where: the condition.

    Raises:
        UsageError: `where-invalid`, with the place in it.
    """
    start = f"SELECT 1 FROM main.{identifier(shape.name)} WHERE (\n"
    statement = f"{start}{where}\n) LIMIT 0"
    seen: list[str] = []

    def traced(_cursor: apsw.Cursor, sql: str, _bindings: object) -> bool:
        seen.append(sql)
        return sql == statement

    cursor = connection.cursor()
    cursor.exec_trace = traced
    try:
        cursor.execute(statement).fetchall()
    except apsw.ExecTraceAbort:
        raise UsageError(
            "where-invalid", "--where is more than one expression", context=where
        ) from None
    except apsw.BindingsError:
        raise UsageError(
            "where-invalid", "--where has a parameter, and no value for it", context=where
        ) from None
    except apsw.SQLError as error:
        raise _invalid(shape, where, error, len(start.encode())) from error
    finally:
        cursor.close()


@contextmanager
def evaluating(table: str, where: str | None) -> Iterator[None]:
    """Name the condition where SQLite fails on a row, as on malformed JSON or an overflow.

    Raises:
        UsageError: `where-invalid`.
    """
    try:
        yield
    except (apsw.SQLError, apsw.TooBigError, apsw.MismatchError) as error:
        if where is None:
            raise
        raise UsageError(
            "where-invalid",
            f"--where fails on a row of {table}; nothing was changed",
            context=f"SQLite says: {error}\n{where}",
        ) from error


def _invalid(shape: TableShape, where: str, error: apsw.SQLError, before: int) -> UsageError:
    message = str(error)
    offset = getattr(error, "error_offset", -1) - before
    context = where
    encoded = where.encode()
    if 0 <= offset <= len(encoded) and "\n" not in where:
        context = f"{where}\n{' ' * len(encoded[:offset].decode(errors='replace'))}^"
    found = _NO_COLUMN.search(message)
    close = closest(found[1], [column.name for column in shape.columns]) if found else None
    return UsageError(
        "where-invalid",
        f"--where does not work on {shape.name}: {message}",
        context=context,
        hint=f"did you mean {close}?" if close else "",
    )
