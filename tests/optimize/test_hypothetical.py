"""What the planner would use."""

from __future__ import annotations

import apsw

from dbtool.optimize.definition import IndexDefinition, Term
from dbtool.optimize.hypothetical import existing_definitions, survivors
from dbtool.optimize.workload import Statement


def test_only_what_the_planner_uses_survives(memory: apsw.Connection) -> None:
    memory.execute("CREATE TABLE t(a, b, c); CREATE INDEX there ON t(c)")
    memory.executemany("INSERT INTO t VALUES (?, ?, ?)", ((n, n % 2, n) for n in range(2000)))
    good, bad = IndexDefinition("t", (Term("a"),)), IndexDefinition("t", (Term("b"),))
    found = survivors(
        memory, [Statement("q1", "SELECT * FROM t WHERE a = 1 AND b = 0")], [good, bad]
    )
    assert good in found
    assert found[good] == {"q1"}
    assert [name for name, _ in existing_definitions(memory)] == ["there"]


def test_a_schema_that_needs_an_application_does_no_harm(memory: apsw.Connection) -> None:
    memory.create_scalar_function("mine", lambda value: value, deterministic=True)
    memory.execute(
        "CREATE TABLE t(a, b AS (mine(a))); CREATE INDEX i ON t(mine(a)); CREATE TABLE u(x)"
    )
    memory.executemany("INSERT INTO u VALUES (?)", ((n,) for n in range(1000)))
    good = IndexDefinition("u", (Term("x"),))
    assert good in survivors(memory, [Statement("q1", "SELECT * FROM u WHERE x = 1")], [good])
