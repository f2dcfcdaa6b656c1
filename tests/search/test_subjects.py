"""Which tables are searched."""

from __future__ import annotations

import apsw

from dbtool.search.subjects import Subject, subjects_of


def subjects(sql: str) -> dict[str, Subject]:
    connection = apsw.Connection(":memory:")
    connection.execute(sql)
    return {subject.name: subject for subject in subjects_of(connection).tables}


def test_every_kind_of_table_names_its_rows() -> None:
    found = subjects(
        "CREATE TABLE a(id INTEGER PRIMARY KEY, x TEXT);"
        "CREATE TABLE b(x, y INT);"
        "CREATE TABLE c(k TEXT, v, PRIMARY KEY(k)) WITHOUT ROWID;"
        "CREATE TABLE d(k TEXT PRIMARY KEY, v);"
        "CREATE TABLE e(rowid TEXT, v);"
        "CREATE VIEW v AS SELECT * FROM a; CREATE TABLE _dbtool_migrations(x)"
    )
    assert list(found) == ["a", "b", "c", "d", "e"]
    assert [found[name].key for name in found] == [("id",), ("rowid",), ("k",), ("k",), ("rowid",)]
    assert [found[name].rowid for name in "abcde"] == [
        '"rowid"',
        '"rowid"',
        None,
        '"rowid"',
        '"_rowid_"',
    ]
    assert found["c"].primary == ("k",)
    assert found["a"].column("X") == "x"
    assert found["a"].column("z") is None


def test_affinities_follow_the_declared_types() -> None:
    found = subjects("CREATE TABLE a(i BIGINT, t VARCHAR(9), b BLOB, r DOUBLE, n DECIMAL, o)")["a"]
    assert found.affinities == ("integer", "text", "blob", "real", "numeric", "blob")


def test_full_text_tables_are_searched_by_the_text_they_keep() -> None:
    found = subjects(
        "CREATE VIRTUAL TABLE five USING fts5(title, body);"
        "CREATE VIRTUAL TABLE four USING fts4(title, body)"
    )
    assert found["five"].columns == ("title", "body")
    assert found["four"].stored_in == "four_content"


def test_what_is_left_out_is_said() -> None:
    connection = apsw.Connection(":memory:")
    connection.execute(
        "CREATE VIRTUAL TABLE bare USING fts5(x, content='');"
        "CREATE TABLE hidden(rowid, oid, _rowid_);"
        "CREATE TABLE made(x TEXT, low AS (lower(x)), kept AS (upper(x)) STORED)"
    )
    found = subjects_of(connection)
    assert {each.table for each in found.skipped} == {"bare", "hidden"}
    assert all(each.reason for each in found.skipped)
    (made,) = found.tables
    assert made.columns == ("x", "kept")
    assert made.shown == ("x", "low", "kept")


def test_the_signature_moves_with_columns_and_not_with_names() -> None:
    one = subjects("CREATE TABLE a(x TEXT, y)")["a"].signature
    assert subjects("CREATE TABLE b(z TEXT, q)")["b"].signature == one
    assert subjects("CREATE TABLE a(x TEXT, y, z)")["a"].signature != one
    assert subjects("CREATE TABLE a(x TEXT, y DEFAULT 1)")["a"].signature != one
