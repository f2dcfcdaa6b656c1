"""SQL that makes the same database again."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transfer.export.conftest import content, exported


def test_running_it_makes_an_equal_database(nasty: apsw.Connection, tmp_path: Path) -> None:
    back = apsw.Connection(str(tmp_path / "back.db"))
    back.execute(exported(nasty, "sql").decode())
    assert content(back) == content(nasty)
    back.execute("INSERT INTO outside(outside, rank) VALUES('integrity-check', 1)")
    assert back.pragma("integrity_check") == "ok"
    back.close()


def test_the_standard_library_runs_it_too(values: apsw.Connection) -> None:
    back = sqlite3.connect(":memory:")
    try:
        back.executescript(exported(values, "sql").decode())
        assert (
            back.execute("SELECT * FROM t").fetchall()
            == values.execute("SELECT * FROM t").fetchall()
        )
    finally:
        back.close()


def test_tables_of_modules_come_back_with_their_rowids() -> None:
    connection = apsw.Connection(":memory:")
    connection.execute(
        "CREATE VIRTUAL TABLE f4 USING fts4(a, b); INSERT INTO f4(docid, a, b) VALUES(9, 'x y', 1);"
        "CREATE VIRTUAL TABLE f3 USING fts3(a); INSERT INTO f3(rowid, a) VALUES(4, 'q');"
        "CREATE VIRTUAL TABLE g USING geopoly(n);"
        "INSERT INTO g(rowid, _shape, n) VALUES(12, '[[0,0],[1,0],[0,1],[0,0]]', 'tri');"
        "CREATE VIRTUAL TABLE r USING rtree(id, x0, x1, +note); INSERT INTO r VALUES(5, 1, 2, 'n')"
    )
    back = apsw.Connection(":memory:")
    back.execute(exported(connection, "sql").decode())
    for table in ("f4", "f3", "g", "r"):
        rows = f"SELECT rowid, * FROM {table}"
        assert back.execute(rows).fetchall() == connection.execute(rows).fetchall() != []
    assert back.execute("SELECT docid FROM f4 WHERE f4 MATCH 'y'").fetchall() == [(9,)]


def test_a_view_becomes_a_table_of_its_rows(nasty: apsw.Connection) -> None:
    back = apsw.Connection(":memory:")
    back.execute(exported(nasty, "sql", "seen").decode())
    assert (
        back.execute("SELECT count(*) FROM seen").get
        == nasty.execute("SELECT count(*) FROM plain").get
    )


@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16le"])
@given(st.lists(st.one_of(st.floats(allow_nan=False), st.integers(-(2**63), 2**63 - 1), st.text(
    st.characters(exclude_categories=["Cs"])), st.binary(), st.none())))  # fmt: skip
def test_every_value_comes_back(encoding: str, given_values: list[object]) -> None:
    connection = apsw.Connection(":memory:")
    connection.execute(f"PRAGMA encoding = '{encoding}'")
    connection.execute("CREATE TABLE t(v)")
    connection.executemany("INSERT INTO t VALUES(?)", [(value,) for value in given_values])
    back = apsw.Connection(":memory:")
    back.execute(exported(connection, "sql").decode())
    assert content(back) == content(connection)
