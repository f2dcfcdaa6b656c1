# ruff: noqa: E501 - statements read best on one line
"""Plans carried out and undone."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import apsw
import pytest

from dbtool.core.clock import SystemClock
from dbtool.core.progress import Silent
from dbtool.errors import Locked, NotFound, Refused, StorageFailed, UsageError
from dbtool.optimize import apply as module
from dbtool.optimize.advisor import AdviceOptions, make_plan
from dbtool.optimize.apply import Applied, ApplyOptions, apply_plan, choose_actions, undo_plan
from dbtool.optimize.model import Plan
from dbtool.optimize.planfile import load_plan, plan_path
from dbtool.optimize.workload import from_sql

SQL = (
    "SELECT * FROM orders WHERE customer_id = 7; SELECT count(*) FROM order_items WHERE order_id = 9;"
    "SELECT * FROM events WHERE lower(kind) = 'zoo';"
)


@pytest.fixture(scope="module")
def measured(shop_once: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Plan, Path]:
    """Measure once for all tests of this file."""
    path = Path(shutil.copy(shop_once, tmp_path_factory.mktemp("measured") / "shop.db"))
    run(
        path, "CREATE INDEX twice ON customers(email); CREATE INDEX again ON customers(email, name)"
    )
    options = AdviceOptions(settings=False)
    plan = make_plan(path, from_sql(SQL), options, progress=Silent(), clock=SystemClock())
    return plan, path


@pytest.fixture
def plan(measured: tuple[Plan, Path], shop: Path) -> Plan:
    """Return the plan, for a shop of this test's own."""
    shutil.copy(measured[1], shop)
    return replace(measured[0], database=str(shop))


def run(path: Path, sql: str) -> list:
    connection = apsw.Connection(str(path))
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def schema(path: Path) -> list:
    return run(path, "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name")


def carry_out(plan: Plan, options: ApplyOptions = ApplyOptions(), **more: object) -> Applied:  # noqa: B008
    return apply_plan(
        plan, options, plan_file=plan_path(plan), progress=Silent(), clock=SystemClock(), **more
    )


def test_apply_and_undo_leave_the_text_of_the_schema_as_it_was(plan: Plan, shop: Path) -> None:
    before, rows = schema(shop), run(shop, "SELECT count(*), sum(total) FROM orders")
    done = carry_out(plan)
    assert {action.kind for action, _ in done.done} >= {"index", "drop"}
    assert schema(shop) != before
    assert done.plan_file is not None
    undo_plan(load_plan(done.plan_file), done.plan_file, progress=Silent())
    assert schema(shop) == before
    assert run(shop, "SELECT count(*), sum(total) FROM orders") == rows
    with pytest.raises(NotFound):
        undo_plan(load_plan(done.plan_file), done.plan_file, progress=Silent())


def test_a_stale_plan_is_refused_and_nothing_is_changed(plan: Plan, shop: Path) -> None:
    run(shop, "CREATE TABLE meanwhile(a)")
    before = schema(shop)
    with pytest.raises(Refused) as caught:
        carry_out(plan)
    assert caught.value.code == "plan-stale"
    assert schema(shop) == before


def test_only_what_was_asked_for_is_done_with_what_it_needs(plan: Plan, shop: Path) -> None:
    first = plan.actions[0]
    done = carry_out(plan, ApplyOptions(only=(first.id,)))
    assert [action.id for action, _ in done.done] == [first.id]
    with pytest.raises(UsageError):
        choose_actions(plan, ["index-nope"])
    needing = replace(plan.actions[1], requires=(first.id,))
    chosen = choose_actions(replace(plan, actions=(first, needing)), [needing.id])
    assert {action.id for action in chosen} == {first.id, needing.id}


def test_a_run_that_was_broken_off_goes_on_and_can_be_undone(plan: Plan, shop: Path) -> None:
    before = schema(shop)

    class Stops(Silent):
        started = 0

        def start(self, phase: str, total: int | None, unit: str) -> None:
            self.started += 1
            if self.started == 2:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        apply_plan(
            plan, ApplyOptions(), plan_file=plan_path(plan), progress=Stops(), clock=SystemClock()
        )
    # As after a kill between the commit and the record of it: the plan itself knows of nothing.
    done = carry_out(plan)
    assert len(done.already) == 1
    assert len(done.done) == len(plan.actions) - 1
    undo_plan(load_plan(plan_path(plan)), plan_path(plan), progress=Silent())
    assert schema(shop) == before


def test_what_locks_longer_than_allowed_is_left_out(plan: Plan, shop: Path) -> None:
    slow = tuple(replace(action, lock_s=3.0) for action in plan.actions)
    done = carry_out(replace(plan, actions=slow), ApplyOptions(max_lock_s=2.0))
    assert not done.done
    assert len(done.skipped) == len(slow)


def test_what_takes_longer_than_it_said_is_rolled_back(plan: Plan, shop: Path) -> None:
    action = next(action for action in plan.actions if action.kind == "index")
    late = replace(action, lock_s=0.0)
    before = schema(shop)
    done = carry_out(replace(plan, actions=(late,)), ApplyOptions(max_lock_s=1e-9))
    assert [action.id for action, _ in done.skipped] == [late.id]
    assert schema(shop) == before


@pytest.mark.parametrize("undo", [False, True])
@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM orders",
        "CREATE INDEX fine ON orders(total); DELETE FROM orders",
        "ATTACH ':memory:' AS other",
        "PRAGMA writable_schema = 1",
        "PRAGMA journal_mode = off",
        "DROP TABLE orders",
        "VACUUM INTO 'x.db'",
    ],
)
def test_a_plan_that_somebody_wrote_more_into_does_nothing_of_it(
    plan: Plan, shop: Path, sql: str, undo: bool
) -> None:
    action = next(each for each in plan.actions if each.kind == "index")
    before, rows = schema(shop), run(shop, "SELECT count(*) FROM orders")
    if undo:
        entry = {"id": action.id, "time": 0.0, "inverse": [sql]}
        run(shop, action.sql[0])  # so that there is something to undo
        before = schema(shop)
        forged = replace(plan, actions=(action,), applied=(entry,))
        with pytest.raises(Refused) as caught:
            undo_plan(forged, plan_path(plan), progress=Silent())
    else:
        forged = replace(plan, actions=(replace(action, sql=(sql,)),))
        with pytest.raises(Refused) as caught:
            carry_out(forged)
    assert caught.value.code == "plan-not-allowed"
    assert (schema(shop), run(shop, "SELECT count(*) FROM orders")) == (before, rows)


def test_a_full_disk_is_found_before_anything_is_changed(
    plan: Plan, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_SPARE_BYTES", 1 << 62)
    before = shop.read_bytes()
    with pytest.raises(StorageFailed) as caught:
        carry_out(plan, protect=lambda: pytest.fail("no snapshot for nothing"))
    assert caught.value.code == "no-space"
    assert shop.read_bytes() == before


def test_a_disk_that_fills_up_meanwhile_rolls_the_action_back(
    plan: Plan, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    action = next(each for each in plan.actions if each.kind == "index")
    before = schema(shop)
    full = [lambda connection: connection.pragma("max_page_count", 1)]
    monkeypatch.setattr(apsw, "connection_hooks", full)
    with pytest.raises(StorageFailed) as caught:
        carry_out(replace(plan, actions=(action,)))
    monkeypatch.undo()
    assert caught.value.code == "no-space"
    assert schema(shop) == before
    assert run(shop, "PRAGMA integrity_check") == [("ok",)]


def test_the_snapshot_comes_before_the_first_change_and_only_if_there_is_one(
    plan: Plan, shop: Path
) -> None:
    seen: list[list] = []
    before = schema(shop)
    carry_out(plan, protect=lambda: seen.append(schema(shop)))
    assert seen == [before]
    carry_out(load_plan(plan_path(plan)), protect=lambda: seen.append([]))
    assert seen == [before]


def test_a_locked_database_is_left_as_it_is(plan: Plan, shop: Path) -> None:
    other = apsw.Connection(str(shop))
    other.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(Locked):
            carry_out(plan, ApplyOptions(busy_timeout_s=0.05))
    finally:
        other.close()


def test_a_setting_that_sqlite_does_not_take_is_an_error() -> None:
    memory = apsw.Connection(":memory:")
    with pytest.raises(Refused) as caught:
        module.run_statements(memory, ["PRAGMA journal_mode = wal"])
    assert caught.value.code == "setting-not-taken"
    memory.close()


def test_the_journal_mode_is_changed_and_changed_back(plan: Plan, shop: Path) -> None:
    wal = replace(
        plan.actions[0],
        id="setting-1",
        kind="setting",
        sql=("PRAGMA journal_mode = wal",),
        inverse=("PRAGMA journal_mode = delete",),
        evidence={},
    )
    one = replace(plan, actions=(wal,))
    carry_out(one)
    assert run(shop, "PRAGMA journal_mode") == [("wal",)]
    undo_plan(load_plan(plan_path(one)), plan_path(one), progress=Silent())
    assert run(shop, "PRAGMA journal_mode") == [("delete",)]
