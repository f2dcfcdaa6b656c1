"""What statements cost."""

from __future__ import annotations

import apsw
import pytest

from dbtool.core.progress import Silent
from dbtool.optimize.measure import Meter, plan_lines, used_indexes
from dbtool.optimize.workload import Statement


@pytest.fixture
def meter(memory: apsw.Connection) -> Meter:
    memory.execute("CREATE TABLE t(a, b); CREATE INDEX i ON t(a)")
    memory.executemany("INSERT INTO t VALUES (?, ?)", ((n % 100, n / 7) for n in range(1000)))
    return Meter(memory, Silent())


def test_counters_are_the_same_in_every_run(meter: Meter) -> None:
    statement = Statement("q1", "SELECT sum(b) FROM t WHERE b > 3")
    first, second = meter.measure(statement), meter.measure(statement, runs=5)
    assert first.steps == second.steps > 1000
    assert first.scan_steps == 999
    assert first.digest == second.digest
    assert second.runs == 5


def test_an_index_that_appears_or_goes_is_seen_in_the_plan_at_once(meter: Meter) -> None:
    statement = Statement("q1", "SELECT b FROM t WHERE a = ?", (3,))
    assert used_indexes(meter.measure(statement).plan) == {"i"}
    meter.connection.execute("DROP INDEX i")
    assert used_indexes(meter.measure(statement).plan) == set()
    assert meter.measure(statement).scan_steps


def test_writes_are_measured_and_taken_back(meter: Meter) -> None:
    cost = meter.measure(Statement("q1", "DELETE FROM t WHERE a < 50"))
    assert cost.writes
    assert cost.steps
    assert meter.connection.execute("SELECT count(*) FROM t").get == 1000


def test_rows_in_another_order_are_the_same_answer_and_other_rows_are_not(meter: Meter) -> None:
    up = meter.measure(Statement("q1", "SELECT a, b FROM t ORDER BY b"))
    down = meter.measure(Statement("q1", "SELECT a, b FROM t ORDER BY b DESC"))
    fewer = meter.measure(Statement("q1", "SELECT a, b FROM t WHERE b > 1"))
    assert up.digest == down.digest != fewer.digest


def test_what_takes_too_long_is_stopped_and_told(memory: apsw.Connection) -> None:
    meter = Meter(memory, Silent(), limit_s=0.05)
    cost = meter.measure(
        Statement(
            "q1",
            "WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i+1 FROM n) SELECT max(i) FROM n",
        )
    )
    assert cost.stopped
    assert cost.digest is None


@pytest.mark.parametrize("sql", ["SELECT * FROM missing", "SELECT nope(1)", "SELEC 1"])
def test_what_does_not_run_is_an_error_in_the_result(meter: Meter, sql: str) -> None:
    assert meter.measure(Statement("q1", sql)).error
    assert not meter.connection.in_transaction


def test_plans_are_indented_by_their_depth(meter: Meter) -> None:
    sql = "SELECT 1 FROM t WHERE a = 1 UNION SELECT 2 FROM t"
    lines = plan_lines(meter.connection, Statement("q1", sql))
    assert any(line.startswith("  ") for line in lines)
    assert used_indexes(lines) == {"i"}


def test_a_statement_about_the_connection_is_left_out(meter: Meter) -> None:
    for sql in ("PRAGMA query_only = 1", " attach ':memory:' as x", "COMMIT", "/**/vacuum"):
        assert meter.measure(Statement("q1", sql)).error
    assert not meter.measure(Statement("q2", "DELETE FROM t")).error
