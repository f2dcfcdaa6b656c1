"""The whole plan."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from dbtool.core.clock import SystemClock
from dbtool.core.progress import Silent
from dbtool.errors import NotFound
from dbtool.optimize.advisor import AdviceOptions, make_plan
from dbtool.optimize.model import Plan
from dbtool.optimize.workload import Workload, from_sql
from tests.benchmarks.shop_workload import QUERIES

QUIET = AdviceOptions(settings=False)


def plan_for(path: Path, sql: str = "", options: AdviceOptions = QUIET) -> Plan:
    workload = from_sql(sql) if sql else Workload(())
    return make_plan(path, workload, options, progress=Silent(), clock=SystemClock())


def test_the_plan_for_a_shop_saves_four_fifths_with_the_same_answers(shop: Path) -> None:
    before = shop.read_bytes()
    plan = plan_for(shop, QUERIES)
    assert plan.after <= plan.before / 5
    for query in plan.queries:
        assert query.same_answer is not False
        if query.same_answer:
            assert query.after_steps <= 1.05 * query.before_steps
    assert {action.kind for action in plan.actions} <= {"index", "statistics"}
    assert shop.read_bytes() == before
    assert not list(shop.parent.glob("shop.db-*"))


def test_without_a_workload_children_of_foreign_keys_are_looked_at(shop: Path) -> None:
    titles = [action.title for action in plan_for(shop).actions]
    assert "index order_items(order_id)" in titles


def test_what_cannot_run_is_left_out_and_told(shop: Path) -> None:
    plan = plan_for(
        shop, "SELECT nope(1); SELECT * FROM gone; SELECT id FROM customers WHERE id = 3;"
    )
    assert [query.id for query in plan.queries] == ["q3"]
    assert sum("left out" in note for note in plan.notes) == 2


def test_an_empty_database_has_nothing_to_do(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE t(a)")
    connection.close()
    assert plan_for(path, "SELECT * FROM t WHERE a = 1").actions == ()


def test_a_database_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        plan_for(tmp_path / "none.db")
