"""Foreign keys, declared and detected."""

from __future__ import annotations

import apsw

from dbtool.core.progress import Silent
from dbtool.core.schema import read_schema
from dbtool.transfer.export.links import declared_links, detected_links


def found(connection: apsw.Connection) -> tuple[list[str], list[str]]:
    schema = read_schema(connection, "main")
    declared = declared_links(connection, schema)
    detected = detected_links(connection, schema, declared, Silent())
    return list(map(str, declared)), list(map(str, detected))


def test_declared_keys_are_read_also_those_of_several_columns_or_without_a_target() -> None:
    connection = apsw.Connection(":memory:")
    connection.execute(
        "CREATE TABLE p(a, b, PRIMARY KEY(b, a));"
        "CREATE TABLE c(x REFERENCES C, y, z, q REFERENCES nowhere(k), i INTEGER PRIMARY KEY,"
        " FOREIGN KEY(y, z) REFERENCES p, FOREIGN KEY(y) REFERENCES p(a))"
    )
    declared, _ = found(connection)
    assert sorted(declared) == ["c(x) -> c", "c(y) -> p", "c(y, z) -> p"]


def test_a_key_is_detected_by_its_name_where_all_of_its_values_are_there() -> None:
    connection = apsw.Connection(":memory:")
    connection.execute(
        "CREATE TABLE users(id INTEGER PRIMARY KEY); CREATE TABLE Category(CategoryId PRIMARY KEY);"
        "CREATE TABLE posts(id INTEGER PRIMARY KEY, user_id, CategoryId, userId REFERENCES users,"
        " paid, category_id);"
        "INSERT INTO users VALUES(1); INSERT INTO Category VALUES(5);"
        "INSERT INTO posts VALUES(1, 1, 5, 1, 1, 6), (2, NULL, 5, NULL, 0, 5)"
    )
    declared, detected = found(connection)
    assert declared == ["posts(userId) -> users"]
    assert detected == [
        "posts(user_id) -> users (detected)",
        "posts(CategoryId) -> Category (detected)",
    ]
