"""What SQLite says of a table tells how its records look and how they are inserted."""

from __future__ import annotations

import apsw
import pytest

from dbtool.integrity.shapes import shape_of


def shape(sql: str):
    connection = apsw.Connection(":memory:")
    connection.execute(sql)
    return shape_of(connection, "t")


@pytest.mark.parametrize(
    ("sql", "fields", "rowid_field", "rowid_name"),
    [
        ("CREATE TABLE t(a, b)", "a b", None, "rowid"),
        ("CREATE TABLE t(a INTEGER PRIMARY KEY, b)", "a b", 0, None),
        ("CREATE TABLE t(b, a INTEGER, PRIMARY KEY(a DESC))", "b a", 1, None),
        ("CREATE TABLE t(a INTEGER PRIMARY KEY DESC, b)", "a b", None, "rowid"),
        ("CREATE TABLE t(a INT PRIMARY KEY, b)", "a b", None, "rowid"),
        ("CREATE TABLE t(rowid, OID)", "rowid OID", None, "_rowid_"),
        ("CREATE TABLE t(rowid, _rowid_, oid)", "rowid _rowid_ oid", None, None),
        ("CREATE TABLE t(a, v AS (a), s AS (a) STORED)", "a s", None, "rowid"),
        ("CREATE TABLE t(a, b, c, PRIMARY KEY(c, a)) WITHOUT ROWID", "c a b", None, None),
        ("CREATE TABLE t(a, b INTEGER PRIMARY KEY) WITHOUT ROWID", "b a", None, None),
        ("CREATE TABLE t(a, b, PRIMARY KEY(b, b)) WITHOUT ROWID", "b a", None, None),
    ],
)
def test_the_fields_are_those_of_the_record(
    sql: str, fields: str, rowid_field: int | None, rowid_name: str | None
) -> None:
    found = shape(sql)
    assert " ".join(field.name for field in found.fields) == fields
    assert (found.rowid_field, found.rowid_name) == (rowid_field, rowid_name)
    assert found.without_rowid == ("WITHOUT" in sql)


@pytest.mark.parametrize(
    ("sql", "values", "row"),
    [
        ("CREATE TABLE t(a, b)", [1, 2], (9, 1, 2)),
        ("CREATE TABLE t(a INTEGER PRIMARY KEY, b)", [None, 2], (9, 9, 2)),
        ("CREATE TABLE t(b, a INTEGER PRIMARY KEY, c DEFAULT 5)", [1], (9, 1, 9, 5)),
        ("CREATE TABLE t(a, s AS (a + 1) STORED, b)", [1, 0, 3], (9, 1, 2, 3)),
        ("CREATE TABLE t(s AS (b) STORED, a INTEGER PRIMARY KEY, b)", [0, None, 3], (9, 3, 9, 3)),
        ("CREATE TABLE t(a, b DEFAULT 'd')", [1], (9, 1, "d")),
    ],
)
def test_a_record_becomes_the_row_it_was(sql: str, values: list[object], row) -> None:
    connection = apsw.Connection(":memory:")
    connection.execute(sql)
    found = shape_of(connection, "t")
    connection.execute(found.insertion(len(values)), found.row(9, list(values)))
    assert connection.execute("SELECT rowid, * FROM t").fetchall() == [row]


def test_rows_look_like_those_of_their_table_and_not_of_others() -> None:
    people = shape("CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT NOT NULL, born INTEGER)")
    places = shape("CREATE TABLE t(name TEXT, x REAL, y REAL)")
    rows = [[None, "Ada", 1815], [None, "Alan", 1912], [None, "Grace", None]]
    assert people.likeness(rows) > 0.8
    assert places.likeness(rows) < 0.6
    assert places.likeness([[5, 1.5, 2.5]] * 4) == 0, "numbers are never kept in a text column"
    assert people.likeness([[1, "x", 2]] * 4) == 0, "the rowid is NULL in the record"
    assert people.likeness([[None, None, 2]] * 4) == 0
    assert people.likeness([[None, "a", 1, 2]] * 4) == 0
    assert people.likeness([]) == 0
    assert people.likeness([*rows, *rows, [1, 2, 3]]) > 0.5, "a few rows may be damaged"


def test_a_table_that_is_not_there_has_no_shape() -> None:
    with pytest.raises(ValueError, match="unpack"):
        shape("CREATE TABLE other(a)")
