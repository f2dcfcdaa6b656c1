"""Names in a schema, and values as they are shown."""

from __future__ import annotations

import apsw
import pytest

from dbtool.integrity.rules.table import find_table, shown


@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16le", "UTF-16be"])
def test_a_table_is_found_in_any_encoding(db: apsw.Connection, encoding: str) -> None:
    db.execute(f"PRAGMA encoding = '{encoding}'; CREATE TABLE täble(cölumn)")
    table = find_table(db, "täble", "")
    assert (table.name, table.columns, table.rowid) == ("täble", ("cölumn",), "rowid")


@pytest.mark.parametrize(
    ("kind", "size", "value", "expected"),
    [
        ("null", None, None, None),
        ("integer", 8, 5, 5),
        ("real", 8, float("inf"), float("inf")),
        ("text", 0, None, ""),
        ("blob", 0, None, b""),
        ("text", 2, "ä".encode(), "ä"),
        ("text", 1, b"\xff", "\\xff"),
        ("text", 1025, b"x" * 1023 + "ä".encode(), "x" * 1023 + "…"),
        ("blob", 1025, b"x" * 1025, b"x" * 1024),
    ],
)
def test_values_are_shown_cut_and_decoded(
    kind: str, size: int, value: object, expected: object
) -> None:
    assert shown(kind, size, value, "utf-8") == expected
