"""Statistics: stale, new, brought back."""

from __future__ import annotations

import apsw
import pytest

from dbtool.core.progress import Silent
from dbtool.optimize.measure import Meter
from dbtool.optimize.statistics import ANALYZE, restoring, run, stale_tables, try_analyze
from dbtool.optimize.workload import from_sql


@pytest.fixture
def grown(memory: apsw.Connection) -> apsw.Connection:
    """Return a table that had 10 rows when it was analysed, and has 5000."""
    memory.execute("CREATE TABLE t(a, b); CREATE INDEX ia ON t(a); CREATE INDEX ib ON t(b)")
    memory.executemany("INSERT INTO t VALUES (?, ?)", ((n, 1) for n in range(10)))
    memory.execute("ANALYZE")
    memory.executemany("INSERT INTO t VALUES (?, ?)", ((1, n) for n in range(4990)))
    return memory


def content(connection: apsw.Connection) -> list:
    return sorted(connection.execute("SELECT tbl, idx, stat FROM sqlite_stat1").fetchall())


def test_statistics_that_are_off_by_ten_times_are_found(grown: apsw.Connection) -> None:
    (stale,) = stale_tables(grown)
    assert (stale.table, stale.recorded_rows, stale.rows) == ("t", 10, 5000)
    run(grown, ANALYZE)
    assert stale_tables(grown) == []


def test_a_database_without_statistics_has_no_stale_ones(memory: apsw.Connection) -> None:
    memory.execute("CREATE TABLE t(a)")
    assert stale_tables(memory) == []


def test_old_statistics_come_back_exactly(grown: apsw.Connection) -> None:
    before = content(grown)
    undo = restoring(grown)
    run(grown, ANALYZE)
    assert content(grown) != before
    run(grown, undo)
    assert content(grown) == before


def test_where_there_were_none_there_are_none_afterwards(memory: apsw.Connection) -> None:
    memory.execute("CREATE TABLE t(a); CREATE INDEX i ON t(a); INSERT INTO t VALUES (1)")
    before = memory.execute("SELECT * FROM sqlite_schema").fetchall()
    undo = restoring(memory)
    run(memory, ANALYZE)
    run(memory, undo)
    assert memory.execute("SELECT * FROM sqlite_schema").fetchall() == before


def test_new_statistics_stay_where_the_workload_gains(grown: apsw.Connection) -> None:
    workload = from_sql("SELECT count(*) FROM t WHERE a = 1 AND b = 1")
    meter = Meter(grown, Silent())
    base = meter.measure_all(workload.statements)
    costs = try_analyze(meter, workload.statements, base, base)
    assert costs is not None
    assert costs["q1"].steps < base["q1"].steps


def test_new_statistics_that_bring_nothing_are_taken_back(memory: apsw.Connection) -> None:
    memory.execute("CREATE TABLE t(a); CREATE INDEX i ON t(a); INSERT INTO t VALUES (1)")
    workload = from_sql("SELECT * FROM t WHERE a = 1")
    meter = Meter(memory, Silent())
    base = meter.measure_all(workload.statements)
    assert try_analyze(meter, workload.statements, base, base) is None
    assert memory.execute("SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_stat1'").get is None


def test_an_index_of_a_collation_that_is_not_here_costs_no_plan(memory: apsw.Connection) -> None:
    memory.create_collation("mine", lambda a, b: (a > b) - (a < b))
    memory.execute("CREATE TABLE t(a COLLATE mine); INSERT INTO t VALUES ('x'), ('y')")
    memory.execute("CREATE INDEX i ON t(a)")
    memory.create_collation("mine", None)
    assert try_analyze(Meter(memory, Silent()), (), {}, {}) is None
