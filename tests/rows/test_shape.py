"""What a table looks like to somebody who moves its rows."""

from __future__ import annotations

import apsw
import pytest

from dbtool.errors import NotFound, Refused, UsageError
from dbtool.rows.shape import closest, describe, find_table


def shape_of(sql: str, name: str = "t"):
    connection = apsw.Connection(":memory:")
    connection.execute(sql)
    return describe(connection, name, where_from="the snapshot")


@pytest.mark.parametrize(
    ("sql", "key", "rowid", "alias"),
    [
        ("CREATE TABLE t(id INTEGER PRIMARY KEY, a)", ("id",), "rowid", "id"),
        ("CREATE TABLE t(id INT PRIMARY KEY, a)", ("id",), "rowid", None),
        ("CREATE TABLE t(id INTEGER PRIMARY KEY DESC)", ("id",), "rowid", None),
        ("CREATE TABLE t(a, b, PRIMARY KEY(b, a))", ("b", "a"), "rowid", None),
        ("CREATE TABLE t(a PRIMARY KEY) WITHOUT ROWID", ("a",), None, None),
        ("CREATE TABLE t(rowid, a)", (), "_rowid_", None),
        ("CREATE TABLE t(rowid, _rowid_, oid INTEGER PRIMARY KEY)", ("oid",), "oid", "oid"),
        ("CREATE VIRTUAL TABLE t USING fts5(a)", (), "rowid", None),
        ("CREATE VIRTUAL TABLE t USING rtree(id, x0, x1)", ("id",), "rowid", "id"),
    ],
)
def test_key_and_rowid(sql: str, key: tuple[str, ...], rowid: str, alias: str) -> None:
    shape = shape_of(sql)
    assert (shape.key, shape.rowid, shape.rowid_alias) == (key, rowid, alias)


def test_names_are_found_in_any_case_and_kept_as_declared() -> None:
    shape = shape_of('CREATE TABLE "Tä""b"(Größe, "x y")', 'tä"B')
    assert shape.name == 'Tä"b'
    assert [column.name for column in shape.columns] == ["Größe", "x y"]
    assert shape.require_column("X Y").name == "x y"


def test_affinities_follow_the_rules_of_sqlite() -> None:
    sql = "CREATE TABLE t(a BIGINT, b VARCHAR(9), c, d DOUBLE, e DECIMAL, f FLOATING POINT, g ANY)"
    kinds = [column.affinity for column in shape_of(sql).columns]
    assert kinds == ["INTEGER", "TEXT", "BLOB", "REAL", "NUMERIC", "INTEGER", "NUMERIC"]
    assert shape_of("CREATE TABLE t(a ANY) STRICT").columns[0].affinity == "BLOB"


def test_generated_columns_are_not_stored() -> None:
    shape = shape_of("CREATE TABLE t(id INTEGER PRIMARY KEY, a, v AS (a), s AS (a) STORED)")
    assert [column.name for column in shape.stored] == ["a"]


def test_unique_indexes_over_columns_are_told_with_their_collations() -> None:
    shape = shape_of(
        "CREATE TABLE t(a, b, UNIQUE(a COLLATE NOCASE, b)); CREATE UNIQUE INDEX p ON t(a)"
        " WHERE b; CREATE UNIQUE INDEX e ON t(a || b)"
    )
    assert [(index.columns, index.collations) for index in shape.unique] == [
        (("a", "b"), ("NOCASE", "BINARY"))
    ]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("v", "a view"),
        ("f_data", "a shadow table"),
        ("sqlite_sequence", "keeps it itself"),
        ("x", "full-text index of what lies elsewhere"),
        ("c", "full-text index of what lies elsewhere"),
    ],
)
def test_what_has_no_rows_of_its_own_is_refused(name: str, why: str) -> None:
    sql = (
        "CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, a); CREATE VIEW v AS SELECT 1;"
        "CREATE VIRTUAL TABLE f USING fts5(a); CREATE VIRTUAL TABLE c USING fts5(a, content='');"
        "CREATE VIRTUAL TABLE x USING fts5(a, content = 't')"
    )
    with pytest.raises(Refused) as caught:
        shape_of(sql, name)
    assert caught.value.code == "table-kind"
    assert why in caught.value.context


def test_unknown_names_bring_the_nearest_one() -> None:
    with pytest.raises(NotFound) as table:
        shape_of("CREATE TABLE orders(a)", "order")
    assert (table.value.code, table.value.hint) == ("table-not-found", "did you mean orders?")
    with pytest.raises(UsageError) as column:
        shape_of("CREATE TABLE t(price)").require_column("Prise")
    assert (column.value.code, column.value.hint) == ("column-unknown", "did you mean price?")


def test_an_empty_database_says_that_it_has_no_tables() -> None:
    with pytest.raises(NotFound) as caught:
        shape_of("PRAGMA user_version = 1")
    assert caught.value.context == "it has no tables at all"


def test_small_things() -> None:
    assert closest("zzz", ["abc"]) is None
    assert find_table(apsw.Connection(":memory:"), "t") is None
