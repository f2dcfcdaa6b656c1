"""Differences of schemas."""

from __future__ import annotations

import apsw

from dbtool.core.schema import read_schema
from dbtool.core.schemadiff import schema_changes


def changes(before: str, after: str) -> list[tuple[str, str, str]]:
    connection = apsw.Connection(":memory:")
    connection.execute("ATTACH ':memory:' AS other")
    connection.execute(before).fetchall()
    a = read_schema(connection, "main")
    connection.execute(after).fetchall()
    b = read_schema(connection, "main")
    return [(change.what, change.kind, change.name) for change in schema_changes(a, b)]


def test_equal_schemas_have_no_difference() -> None:
    assert changes("CREATE TABLE t(a UNIQUE)", "INSERT INTO t VALUES(1)") == []


def test_objects_come_go_and_change() -> None:
    before = (
        "CREATE TABLE t(a); CREATE TABLE u(a); CREATE INDEX i ON t(a); CREATE VIEW v AS SELECT 1"
    )
    after = (
        "DROP TABLE u; DROP INDEX i; CREATE INDEX i ON t(a DESC); DROP VIEW v;"
        "CREATE TABLE w(a PRIMARY KEY); PRAGMA user_version = 2;"
        "CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT 1; END"
    )
    assert changes(before, after) == [
        ("removed", "table", "u"),
        ("added", "table", "w"),
        ("changed", "index", "i"),
        ("removed", "view", "v"),
        ("added", "trigger", "r"),
        ("changed", "setting", "user_version"),
    ]


def test_columns_are_named_after_their_table() -> None:
    before = "CREATE TABLE t(a INT, b)"
    after = "ALTER TABLE t ADD COLUMN c TEXT; ALTER TABLE t DROP COLUMN b"
    assert changes(before, after) == [
        ("changed", "table", "t"),
        ("removed", "column", "b"),
        ("added", "column", "c"),
    ]


def test_a_virtual_table_is_one_object() -> None:
    assert changes("SELECT 1", "CREATE VIRTUAL TABLE f USING fts5(t)") == [
        ("added", "virtual table", "f")
    ]
