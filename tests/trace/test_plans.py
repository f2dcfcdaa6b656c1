"""Plans tell scans, sorts and automatic indexes."""

from __future__ import annotations

import apsw
import pytest

from dbtool.trace.collect import Tally
from dbtool.trace.plans import PlanCosts, Plans, plan_costs


@pytest.fixture
def connection() -> apsw.Connection:
    connection = apsw.Connection(":memory:")
    connection.execute("CREATE TABLE t(a INTEGER PRIMARY KEY, b); CREATE TABLE u(a, b)")
    return connection


@pytest.mark.parametrize(
    ("sql", "costs"),
    [
        ("SELECT * FROM t WHERE a = 1", (0, 0, 0)),
        ("SELECT * FROM t WHERE b = 1", (1, 0, 0)),
        ("SELECT * FROM t ORDER BY b", (1, 1, 0)),
        ("SELECT * FROM u x JOIN u y ON x.a = y.b", (1, 0, 1)),
        ("SELECT 1", (0, 0, 0)),
        ("SELECT * FROM json_each('[]')", (0, 0, 0)),
        ("WITH c(x) AS (VALUES(1) UNION ALL SELECT x+1 FROM c LIMIT 3) SELECT * FROM c", (0, 0, 0)),
        ("UPDATE u SET a = 1 WHERE b = 2", (1, 0, 0)),
    ],
)
def test_a_plan_says_what_it_costs(
    connection: apsw.Connection, sql: str, costs: tuple[int, int, int]
) -> None:
    assert plan_costs(connection.execute(f"EXPLAIN QUERY PLAN {sql}").fetchall()) == costs


def test_text_of_bytes_is_read() -> None:
    assert plan_costs([(0, 0, 0, b"SCAN t")]) == (1, 0, 0)


def test_a_plan_is_asked_for_once_and_never_raises() -> None:
    asked = []

    def cursor() -> object:
        asked.append(1)
        raise RuntimeError

    plans = Plans(cursor, {})
    for _ in range(2):
        plans.before("SELECT 1", ())
        plans.after("SELECT 1", ())
        plans.after("PRAGMA user_version", ())
    assert plans.known == {"SELECT 1": None, "PRAGMA user_version": None}
    assert len(asked) == 1


def test_a_text_that_writes_is_asked_for_before_it_runs_once_the_schema_was_read(
    connection: apsw.Connection,
) -> None:
    class Cursor(apsw.Cursor):
        row_factory: object

    plans, sql = Plans(lambda: Cursor(connection), {}), "DELETE FROM u WHERE a = ?"
    plans.before(sql, ((1,),))
    assert not plans.known
    plans.after(sql, ((1,),))
    assert not plans.known
    plans.before(sql, ((1,),))
    assert plans.known[sql] == PlanCosts(1, 0, 0)
    plans.forget(sql)
    assert not plans.known


def test_very_long_texts_and_those_that_read_changes_have_no_plan() -> None:
    plans = Plans(list, {})
    plans.after("SELECT changes()", ())
    plans.after(f"SELECT '{'x' * 100_000}'", ())
    plans.after(b"no text", ())
    assert plans.known == {"SELECT changes()": None}


def test_costs_are_counted_for_each_call() -> None:
    tally = Tally()
    PlanCosts(2, 1, 3).add_to(tally, 10)
    assert (tally.full_scans, tally.sorts, tally.automatic_indexes) == (10, 10, 30)
