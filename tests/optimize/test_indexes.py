"""Which indexes pay: the trap set. What must be recommended, and what must not."""

from __future__ import annotations

from collections.abc import Callable

import apsw
import pytest

from dbtool.core.progress import Silent
from dbtool.optimize.candidates import candidates
from dbtool.optimize.copy import ScratchCopy
from dbtool.optimize.definition import IndexDefinition, Term
from dbtool.optimize.hypothetical import survivors
from dbtool.optimize.indexes import IndexAdvice, advise_indexes, same_answer, total
from dbtool.optimize.measure import Meter
from dbtool.optimize.mirror import Mirror
from dbtool.optimize.workload import from_sql
from tests.benchmarks.shop_workload import QUERIES

ROWS = 3000
Advise = Callable[[str], list[str]]


@pytest.fixture
def traps(memory: apsw.Connection) -> apsw.Connection:
    """Return a table where each column is a trap of its own."""
    memory.execute(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, three TEXT, code TEXT UNIQUE, name TEXT, "
        "grp INT, at INT, rare INT, mail TEXT COLLATE NOCASE)"
    )
    memory.executemany(
        "INSERT INTO t VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            (n, "abc"[n % 3], f"c{n}", f"Name {n}", n % 20, (n * 7919) % ROWS,
             1 if n % 100 == 0 else None, f"User{n}@x.org")
            for n in range(1, ROWS + 1)
        ),
    )  # fmt: skip
    return memory


def advise(connection: apsw.Connection, sql: str) -> tuple[list[IndexAdvice], dict, dict]:
    workload = from_sql(sql)
    meter = Meter(connection, Silent())
    base = meter.measure_all(workload.statements)
    found = candidates(connection, Mirror(connection), workload.statements)
    used = survivors(connection, workload.statements, found)
    advice, costs, _ = advise_indexes(meter, workload.statements, base, used, progress=Silent())
    return advice, base, costs


def recommended(connection: apsw.Connection, sql: str) -> list[str]:
    advice, base, costs = advise(connection, sql)
    for key, cost in costs.items():
        assert cost.writes or cost.steps <= 1.05 * base[key].steps
        assert cost.writes or cost.digest == base[key].digest
    return [each.built.sql.partition(" ON ")[2] for each in advice]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT * FROM t WHERE grp = 7", '"t"("grp")'),
        ("SELECT * FROM t WHERE grp = 7 AND at > 2500", '"t"("grp", "at")'),
        ("SELECT * FROM t WHERE mail = 'user7@X.org'", '"t"("mail")'),
        ("SELECT * FROM t WHERE lower(name) = 'name 7'", '"t"(lower(name))'),
        ("SELECT id, at FROM t ORDER BY at DESC LIMIT 5", '"t"("at")'),
        ("SELECT max(at) FROM t", '"t"("at")'),
    ],
)
def test_what_helps_is_recommended(traps: apsw.Connection, sql: str, expected: str) -> None:
    assert recommended(traps, sql) == [expected]


@pytest.mark.parametrize(
    "sql", ["SELECT * FROM t WHERE rare = 1", "SELECT * FROM t WHERE rare IS NOT NULL"]
)
def test_a_rare_value_gets_an_index_that_is_small(traps: apsw.Connection, sql: str) -> None:
    advice, base, costs = advise(traps, sql)
    assert len(advice) == 1
    assert costs["q1"].steps < base["q1"].steps / 5
    assert advice[0].built.size_bytes <= 16 * 4096


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM t WHERE id = 7",
        "SELECT * FROM t WHERE rowid = 7",
        "SELECT * FROM t WHERE code = 'c9'",
        "SELECT * FROM t",
        "SELECT count(*) FROM t WHERE name LIKE '%7%'",
        "SELECT * FROM t WHERE id > 5 ORDER BY id",
    ],
    ids=str,
)
def test_what_is_served_already_or_cannot_be_gets_nothing(traps: apsw.Connection, sql: str) -> None:
    assert recommended(traps, sql) == []


def test_a_column_of_three_values_gets_no_index_for_whole_rows(traps: apsw.Connection) -> None:
    listed = recommended(traps, "SELECT id, name, mail, code, at FROM t WHERE three <> 'a'")
    assert listed == []


def test_writes_that_cost_more_than_reads_gain_keep_an_index_away(traps: apsw.Connection) -> None:
    read = "SELECT id FROM t WHERE at = 5;"
    write = "UPDATE t SET at = at + 1 WHERE id < 2500;"
    assert recommended(traps, read) == ['"t"("at")']
    traps.execute("DROP INDEX t_at_idx")
    assert recommended(traps, f"{read}\n-- runs: 1000\n{write}") == []


def test_one_index_serves_two_statements_where_it_can(traps: apsw.Connection) -> None:
    sql = "SELECT * FROM t WHERE grp = 3 AND three = 'a'; SELECT * FROM t WHERE grp = 5;"
    assert len(recommended(traps, sql)) == 1


def test_a_smaller_index_is_taken_where_it_serves_as_well(traps: apsw.Connection) -> None:
    workload = from_sql("SELECT * FROM t WHERE grp = 7")
    meter = Meter(traps, Silent())
    base = meter.measure_all(workload.statements)
    wide = IndexDefinition("t", (Term("grp"), Term("name"), Term("mail"), Term("code")))
    narrow = IndexDefinition("t", (Term("grp"),))
    advice, _, rejected = advise_indexes(
        meter, workload.statements, base, {wide: {"q1"}, narrow: {"q1"}}, progress=Silent()
    )
    assert [each.built.definition for each in advice] == [narrow]
    assert [each.built.definition for each in rejected] == [wide]
    assert advice[0].before > advice[0].after


def test_an_index_that_cannot_be_built_is_passed_over(traps: apsw.Connection) -> None:
    workload = from_sql("SELECT * FROM t WHERE grp = 7")
    meter = Meter(traps, Silent())
    base = meter.measure_all(workload.statements)
    bad = IndexDefinition("t", (Term("random()", is_expression=True),))
    advice, _, _ = advise_indexes(
        meter, workload.statements, base, {bad: {"q1"}}, progress=Silent()
    )
    assert advice == []


def test_a_limit_without_a_whole_order_may_give_other_rows(traps: apsw.Connection) -> None:
    meter = Meter(traps, Silent())
    workload = from_sql("SELECT id FROM t WHERE grp < 9 LIMIT 3; SELECT id FROM t WHERE id < 3;")
    first = meter.measure_all(workload.statements)
    traps.execute("CREATE INDEX g ON t(grp)")
    second = meter.measure_all(workload.statements)
    q1, q2 = workload.statements
    assert same_answer(q1.sql, first["q1"], second["q1"]) is None
    assert same_answer(q2.sql, first["q2"], second["q2"]) is True
    assert same_answer(q2.sql, first["q2"], second["q1"]) is False


def test_the_shop_takes_a_fifth_of_its_steps_and_no_query_is_worse(copy: ScratchCopy) -> None:
    connection, workload = copy.connection, from_sql(QUERIES)
    advice, base, costs = advise(connection, QUERIES)
    assert total(costs, workload.statements) <= total(base, workload.statements) / 5
    for each in workload.statements:
        if not costs[each.id].writes:
            assert costs[each.id].steps <= 1.05 * base[each.id].steps, each.sql
            assert costs[each.id].digest == base[each.id].digest, each.sql
    assert all(each.before > each.after for each in advice)
