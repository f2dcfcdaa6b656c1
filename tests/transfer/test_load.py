"""Rows written in blocks."""

from __future__ import annotations

import apsw
import pytest

from dbtool.transfer.columns import ColumnPlan, TablePlan
from dbtool.transfer.formats.batch import START, Bad, Batch, Step
from dbtool.transfer.load import QUARANTINE_TABLE, Loader, insert_sql, quarantine
from dbtool.transfer.options import Mode


def plan(table: str = "t", conversion: str = "as_is") -> TablePlan:
    columns = (ColumnPlan("a", "a", "", conversion), ColumnPlan("b", "b", "", "as_is"))
    return TablePlan(table, exists=False, columns=columns, key=("a",))


def step(*batches: Batch) -> Step:
    return Step(batches, (), lambda n: (n + 1, b"raw %d" % n), START, 0)


@pytest.fixture
def connection() -> apsw.Connection:
    made = apsw.Connection(":memory:")
    made.execute("CREATE TABLE t(a PRIMARY KEY, b NOT NULL); CREATE TABLE c(a, b CHECK(b < 5))")
    return made


def test_rows_that_are_refused_are_left_out_alone(connection: apsw.Connection) -> None:
    loader = Loader(connection, [plan()], "insert", frozenset())
    rows = [(1, 1), (1, 2), (2, None), (3, "\ud800"), (2**70, 1), (5, 5)]
    counts, bad = loader.write(step(Batch("t", ("a", "b"), list(rows))))
    assert counts == {"t": 2}
    assert [each.line for each in bad] == [2, 3, 4, 5]
    assert bad[0] == Bad(2, "UNIQUE constraint failed: t.a", b"raw 1")
    assert connection.execute("SELECT a FROM t").fetchall() == [(1,), (5,)]


def test_a_record_that_is_refused_in_one_table_is_in_none(connection: apsw.Connection) -> None:
    loader = Loader(connection, [plan("t"), plan("c")], "insert", frozenset())
    batches = (
        Batch("t", ("a", "b"), [(1, 1), (2, 2)]),
        Batch("c", ("a", "b"), [(1, 1), (2, 9), (2, 1)], [0, 1, 1]),
    )
    counts, bad = loader.write(step(*batches))
    assert counts == {"t": 1, "c": 1}
    assert [each.line for each in bad] == [2]
    assert connection.execute("SELECT a FROM c").fetchall() == [(1,)]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("upsert", [(1, 9), (2, 2)]), ("replace", [(1, 9), (2, 2)]), ("ignore", [(1, 1), (2, 2)])],
)
def test_each_mode_meets_a_row_that_is_there(
    connection: apsw.Connection, mode: Mode, expected: list[tuple[int, int]]
) -> None:
    connection.execute("INSERT INTO t VALUES (1, 1)")
    loader = Loader(connection, [plan()], mode, frozenset())
    loader.write(step(Batch("t", ("a", "b"), [(1, 9), (2, 2)])))
    assert connection.execute("SELECT a, b FROM t ORDER BY a").fetchall() == expected


def test_columns_come_in_any_order_and_may_be_absent(connection: apsw.Connection) -> None:
    connection.execute("CREATE TABLE free(a, b)")
    loader = Loader(connection, [plan("free", "integer")], "insert", frozenset({"-"}))
    loader.write(step(Batch("free", ("b", "a"), [("x", "1"), ("-", "2")])))
    loader.write(step(Batch("free", ("a",), [("3",)])))
    assert connection.execute("SELECT * FROM free").fetchall() == [(1, "x"), (2, None), (3, None)]


def test_an_upsert_of_nothing_but_the_key_changes_nothing() -> None:
    only = plan()._replace(columns=plan().columns[:1])
    assert insert_sql(only, "upsert").endswith('ON CONFLICT ("a") DO NOTHING')


def test_the_quarantine_keeps_bytes_that_are_no_text(connection: apsw.Connection) -> None:
    quarantine(connection, "f.csv", "t", [Bad(3, "why", b"\xff"), Bad(4, "why", b"ok")])
    assert connection.execute(f"SELECT * FROM {QUARANTINE_TABLE}").fetchall() == [
        ("f.csv", "t", 3, "why", b"\xff"),
        ("f.csv", "t", 4, "why", "ok"),
    ]
