"""How one row is named: by its primary key, or by its rowid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import apsw

from dbtool.core.names import identifier
from dbtool.errors import UsageError
from dbtool.rows.shape import TableShape

__all__ = ["RowKey", "Value", "read_row"]

Value = int | float | str | bytes | None


@dataclass(frozen=True, slots=True)
class RowKey:
    """Values that name a row; which of them are used, the table says."""

    whole: Value = None
    """For a key of one column."""
    parts: tuple[Value, ...] = ()
    """For a key of several columns."""
    named: Mapping[str, Value] | None = None
    """By column, or `rowid`; then the others do not count."""

    def conditions(self, shape: TableShape) -> list[tuple[str, Value]]:
        """Return (SQL of a column, value) of each column of the key.

        Raises:
            UsageError: `key-invalid`, the table has another key.
        """
        if self.named is not None:
            return self._by_name(shape, self.named)
        if shape.by_rowid and shape.rowid is not None:
            return [(identifier(shape.rowid), self.whole)]
        if len(shape.key) == 1:
            return [(identifier(shape.key[0]), self.whole)]
        if len(self.parts) != len(shape.key):
            raise _invalid(shape, f"{len(self.parts)} of {len(shape.key)} values were given")
        return [
            (identifier(name), value) for name, value in zip(shape.key, self.parts, strict=True)
        ]

    def _by_name(self, shape: TableShape, named: Mapping[str, Value]) -> list[tuple[str, Value]]:
        given = {name.lower(): value for name, value in named.items()}
        if set(given) == {"rowid"} and shape.rowid is not None and not shape.column("rowid"):
            return [(identifier(shape.rowid), given["rowid"])]
        key = {name.lower(): name for name in shape.key}
        for name in named:
            if name.lower() != "rowid":
                shape.require_column(name)
        if set(given) != set(key):
            raise _invalid(shape, f"{', '.join(named)} was given")
        return [(identifier(name), given[folded]) for folded, name in key.items()]


def read_row(
    connection: apsw.Connection, shape: TableShape, key: RowKey
) -> dict[str, Value] | None:
    """Return the row of a key with the columns that it stores; None where there is none.

    Text that is not valid in its encoding comes as the bytes that it is.
    """
    names = [column.name for column in shape.columns if not column.generated]
    conditions = key.conditions(shape)
    values = [identifier(name) for name in names]
    try:
        row = _query(connection, shape, values, conditions)
    except UnicodeDecodeError:
        cast = [f"CASE typeof({v}) WHEN 'text' THEN CAST({v} AS BLOB) ELSE {v} END" for v in values]
        row = _query(connection, shape, cast, conditions)
    return None if row is None else dict(zip(names, row, strict=True))


def _query(
    connection: apsw.Connection,
    shape: TableShape,
    values: list[str],
    conditions: list[tuple[str, Value]],
) -> tuple[Value, ...] | None:
    condition = " AND ".join(f"{column} = ?" for column, _ in conditions)
    rows = connection.execute(
        f"SELECT {', '.join(values)} FROM main.{identifier(shape.name)} WHERE {condition} LIMIT 1",
        tuple(value for _, value in conditions),
    ).fetchall()
    return rows[0] if rows else None


def _invalid(shape: TableShape, context: str) -> UsageError:
    key = ", ".join(shape.key) or "rowid"
    return UsageError(
        "key-invalid",
        f"a row of {shape.name} is named by {key}",
        context=context,
        hint=f"the values in this order, with commas; or {_example(shape)}",
    )


def _example(shape: TableShape) -> str:
    return " ".join(f"--key {name}=VALUE" for name in shape.key or ("rowid",))
