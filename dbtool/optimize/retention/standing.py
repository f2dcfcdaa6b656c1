"""Where archived rows stand: which of them are in the live table too, and so not in force."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import apsw

from dbtool.core.names import identifier
from dbtool.optimize.retention.shape import ArchivedTable

__all__ = ["Standing", "standing"]

Row = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Standing:
    """Which rows of a batch are in the live table, by their places in it."""

    equal: frozenset[int]
    """With the same content."""
    other: frozenset[int]
    """Their key, with another content."""


def standing(live: apsw.Connection, table: ArchivedTable, rows: Sequence[Row]) -> Standing:
    """Say which archived rows are in the live table, and so not in force.

    Only equal content counts: an application may have used a key again.

    Args:
        live: reads the live database, in the transaction for which the answer shall hold.
        table: of the rows.
        rows: rowid, then values.
    """
    places = [table.columns.index(name) for name in table.key_columns]
    where = " AND ".join(f"{name} = ?" for name in table.key)
    sql = f"SELECT {table.column_list} FROM main.{identifier(table.name)} WHERE {where}"
    equal: set[int] = set()
    other: set[int] = set()
    for at, row in enumerate(rows):
        key = (row[0],) if table.has_rowid else tuple(row[1 + place] for place in places)
        for present in live.execute(sql, key).fetchall():
            (equal if repr(tuple(present)) == repr(tuple(row[1:])) else other).add(at)
    return Standing(frozenset(equal), frozenset(other - equal))
