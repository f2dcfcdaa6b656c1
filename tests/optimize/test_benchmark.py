"""A workload against its baseline."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import apsw
import pytest

from dbtool.core.progress import Silent
from dbtool.errors import NotFound, UsageError
from dbtool.optimize.benchmark import (
    BenchmarkResult,
    baseline_path,
    compare,
    load_baseline,
    quantile,
    run_benchmark,
    save_baseline,
)
from dbtool.optimize.workload import from_sql

SQL = "SELECT * FROM orders WHERE customer_id = 7; SELECT count(*) FROM reviews;"


def run(shop: Path, sql: str = SQL) -> BenchmarkResult:
    return run_benchmark(shop, from_sql(sql), runs=3, temp=None, progress=Silent())


def test_the_same_database_has_no_regression_and_a_lost_index_is_one(shop: Path) -> None:
    connection = apsw.Connection(str(shop))
    connection.execute("CREATE INDEX i ON orders(customer_id)")
    first = run(shop)
    assert compare(run(shop), first, 0.0) == ([], [])
    connection.execute("DROP INDEX i")
    connection.close()
    regressions, _ = compare(run(shop), first, 0.05)
    assert {(each.query, each.counter) for each in regressions} == {
        ("q1", "steps"),
        ("q1", "scan_steps"),
    }
    assert compare(first, run(shop), 0.05) == ([], [])


def test_growth_within_the_tolerance_is_none(shop: Path) -> None:
    first = run(shop)
    more = replace(
        first, queries=tuple(replace(q, steps=int(q.steps * 1.04)) for q in first.queries)
    )
    assert compare(more, first, 0.05)[0] == []
    assert compare(more, first, 0.01)[0] != []


def test_a_statement_that_does_not_run_any_more_is_a_regression(shop: Path) -> None:
    first = run(shop)
    connection = apsw.Connection(str(shop))
    connection.execute("DROP TABLE reviews")
    connection.close()
    regressions, _ = compare(run(shop), first, 5.0)
    assert [each.counter for each in regressions] == ["error"]


def test_statements_that_only_one_side_has_are_told(shop: Path) -> None:
    odd = compare(run(shop, "SELECT 1 FROM orders;"), run(shop), 0.05)[1]
    assert len(odd) == 3


def test_a_baseline_comes_back_as_it_was(shop: Path) -> None:
    first, path = run(shop), baseline_path(shop, "release-1")
    with pytest.raises(NotFound):
        load_baseline(path, "release-1")
    save_baseline(first, path)
    assert load_baseline(path, "release-1") == first
    path.write_text("{}")
    with pytest.raises(UsageError) as caught:
        load_baseline(path, "release-1")
    assert caught.value.code == "baseline-invalid"


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "a b"])
def test_a_name_is_a_simple_word(shop: Path, name: str) -> None:
    with pytest.raises(UsageError):
        baseline_path(shop, name)


def test_quantiles_are_times_that_were_measured() -> None:
    times = [float(n) for n in range(1, 101)]
    assert (quantile(times, 0.95), quantile(times, 0.99), quantile([7.0], 0.99)) == (95, 99, 7)


def test_a_workload_of_which_nothing_runs_is_no_baseline(shop: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        save_baseline(run(shop, "SELECT * FROM nowhere"), tmp_path / "x" / "baseline-b.json")
    assert not (tmp_path / "x").exists()
