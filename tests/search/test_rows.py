"""Rows as they are read for an index, whatever their bytes."""

from __future__ import annotations

import apsw

from dbtool.search.rows import (
    HIGHEST,
    LOWEST,
    ask,
    decoded,
    fetch,
    keyed_rows,
    lenient,
    rows_between,
)
from dbtool.search.subjects import subjects_of

BROKEN = "CAST(x'61ff62' AS TEXT)"


def opened(sql: str) -> tuple[apsw.Connection, list]:
    connection = apsw.Connection(":memory:")
    connection.execute(sql)
    return connection, list(subjects_of(connection).tables)


def test_rows_come_in_order_and_blobs_empty() -> None:
    connection, (table,) = opened("CREATE TABLE t(x); INSERT INTO t VALUES('a'), (x'01'), (NULL)")
    assert list(rows_between(connection, table, LOWEST, HIGHEST)) == [(1, "a"), (2, b""), (3, None)]
    assert list(rows_between(connection, table, 2, 2)) == [(2, b"")]


def test_text_that_is_not_utf8_is_read_with_a_replacement() -> None:
    connection, (table,) = opened(
        f"CREATE TABLE t(x, y); INSERT INTO t VALUES('a', 1), ({BROKEN}, 2), ('c', x'00')"
    )
    rows = list(rows_between(connection, table, LOWEST, HIGHEST))
    assert rows == [(1, "a", 1), (2, "a\ufffdb", 2), (3, "c", b"")]
    assert fetch(connection, "FROM t WHERE y = 2", ["x", "y"], ()) == [("a\ufffdb", 2)]


def test_utf16_is_decoded_as_it_is_stored() -> None:
    connection, (table,) = opened(
        "PRAGMA encoding = 'UTF-16le'; CREATE TABLE t(x); INSERT INTO t VALUES('é')"
    )
    rows = connection.execute(f"SELECT {lenient(['x'])} FROM t").fetchall()
    assert list(decoded(rows[0], connection.pragma("encoding"))) == ["é"]
    assert ask(connection, "SELECT count(*) FROM t") == [(1,)]
    assert table.columns == ("x",)


def test_keys_keep_their_blobs() -> None:
    connection, (table,) = opened(
        "CREATE TABLE t(k, v, PRIMARY KEY(k)) WITHOUT ROWID; INSERT INTO t VALUES(x'0a', x'0b'),"
        " ('k', 'v')"
    )
    assert sorted(keyed_rows(connection, table), key=str) == [
        ((0, b"\n"), (b"", b"")),
        ((1, b"k"), ("k", "v")),
    ]
