"""Whether a plan is still about the database."""

from __future__ import annotations

import apsw
import pytest

from dbtool.errors import Refused
from dbtool.optimize.model import Action, Plan
from dbtool.optimize.staleness import cookie_of, require_fresh, schema_digests


@pytest.fixture
def plan(memory: apsw.Connection) -> Plan:
    memory.execute("CREATE TABLE t(a); CREATE INDEX old ON t(a)")
    sql = "CREATE INDEX new ON t(a DESC)"
    made = Action("i", "index", "", (sql,), (), {"index": "new"})
    dropped = Action("d", "drop", "", (), (), {"index": "old"})
    return Plan("x", 0.0, cookie_of(memory), schema_digests(memory), (made, dropped))


def test_its_own_actions_do_not_make_a_plan_stale(memory: apsw.Connection, plan: Plan) -> None:
    require_fresh(plan, memory)
    memory.execute("CREATE INDEX new ON t(a DESC); DROP INDEX old; ANALYZE")
    require_fresh(plan, memory)


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE u(b)",
        "ALTER TABLE t ADD COLUMN b",
        "CREATE INDEX other ON t(a)",
        "DROP TABLE t",
    ],
)
def test_anybody_elses_change_does(memory: apsw.Connection, plan: Plan, sql: str) -> None:
    memory.execute(sql)
    with pytest.raises(Refused) as caught:
        require_fresh(plan, memory)
    assert caught.value.code == "plan-stale"


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE INDEX new ON t(a)",
        "DROP INDEX old; CREATE UNIQUE INDEX old ON t(a)",
    ],
)
def test_another_index_of_the_same_name_does(memory: apsw.Connection, plan: Plan, sql: str) -> None:
    memory.execute(sql)
    with pytest.raises(Refused):
        require_fresh(plan, memory)


def test_another_file_of_the_same_cookie_does(plan: Plan) -> None:
    other = apsw.Connection(":memory:")
    other.execute("CREATE TABLE u(a); CREATE INDEX old ON u(a)")
    assert cookie_of(other) == plan.cookie
    with pytest.raises(Refused):
        require_fresh(plan, other)
    other.close()
