"""How one row is named."""

from __future__ import annotations

import apsw
import pytest

from dbtool.errors import UsageError
from dbtool.rows.rowkey import RowKey, read_row
from dbtool.rows.shape import describe


def row(sql: str, key: RowKey):
    connection = apsw.Connection(":memory:")
    connection.execute(sql)
    return read_row(connection, describe(connection, "t", where_from="it"), key)


PAIR = "CREATE TABLE t(a, b, v, PRIMARY KEY(a, b)); INSERT INTO t VALUES ('x', 2, 3)"


@pytest.mark.parametrize(
    ("sql", "key"),
    [
        ("CREATE TABLE t(id INTEGER PRIMARY KEY, v); INSERT INTO t VALUES (7, 3)", RowKey(7)),
        ("CREATE TABLE t(v); INSERT INTO t(rowid, v) VALUES (7, 3)", RowKey(7)),
        ("CREATE TABLE t(k TEXT PRIMARY KEY, v); INSERT INTO t VALUES ('7', 3)", RowKey(7)),
        ("CREATE TABLE t(k PRIMARY KEY, v); INSERT INTO t VALUES (x'00', 3)", RowKey(b"\0")),
        (PAIR, RowKey("x,2", ("x", 2))),
        (PAIR, RowKey(named={"B": 2, "a": "x"})),
        (PAIR, RowKey(named={"rowid": 1})),
        ("CREATE VIRTUAL TABLE t USING fts5(v); INSERT INTO t VALUES (3)", RowKey(1)),
    ],
)
def test_a_row_is_found(sql: str, key: RowKey) -> None:
    found = row(sql, key)
    assert found
    assert found["v"] == 3


@pytest.mark.parametrize(
    ("key", "code"),
    [
        (RowKey(1, (1,)), "key-invalid"),
        (RowKey(named={"a": 1}), "key-invalid"),
        (RowKey(named={"a": 1, "v": 2}), "key-invalid"),
        (RowKey(named={"a": 1, "c": 2}), "column-unknown"),
    ],
)
def test_another_key_is_refused(key: RowKey, code: str) -> None:
    with pytest.raises(UsageError) as caught:
        row(PAIR, key)
    assert caught.value.code == code


def test_text_that_is_not_valid_comes_as_bytes() -> None:
    sql = "CREATE TABLE t(a, b); INSERT INTO t VALUES (CAST(x'41ff' AS TEXT), 'ü')"
    assert row(sql, RowKey(1)) == {"a": b"A\xff", "b": "ü".encode()}
