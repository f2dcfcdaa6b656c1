"""Indexes that can go."""

from __future__ import annotations

import apsw
import pytest

from dbtool.core.progress import Silent
from dbtool.optimize.measure import Meter
from dbtool.optimize.superfluous import find_superfluous
from dbtool.optimize.workload import Workload, from_sql

DAYS = 8 * 86400.0


def found(connection: apsw.Connection, sql: str = "", covered_s: float = 0.0) -> list[str]:
    statements = from_sql(sql).statements if sql else ()
    workload = Workload(statements, covered_s)
    meter = Meter(connection, Silent())
    costs = meter.measure_all(statements)
    names = [each.name for each in find_superfluous(meter, workload, costs, spared=())[0]]
    left = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema")}
    assert not left & set(names)
    return sorted(names)


@pytest.fixture
def table(memory: apsw.Connection) -> apsw.Connection:
    memory.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, a, b, c TEXT)")
    memory.executemany("INSERT INTO t(a, b, c) VALUES (?, ?, ?)", ((n, n, n) for n in range(500)))
    return memory


@pytest.mark.parametrize(
    ("indexes", "expected"),
    [
        ("CREATE INDEX i ON t(a); CREATE INDEX j ON t(a, b)", ["i"]),
        ("CREATE INDEX i ON t(a); CREATE INDEX j ON t(a)", ["j"]),
        ("CREATE INDEX i ON t(a DESC); CREATE INDEX j ON t(a, b)", []),
        ("CREATE INDEX i ON t(c COLLATE NOCASE); CREATE INDEX j ON t(c, b)", []),
        ("CREATE INDEX i ON t(a) WHERE b > 3; CREATE INDEX j ON t(a, b)", []),
        ("CREATE UNIQUE INDEX i ON t(a); CREATE INDEX j ON t(a, b)", []),
        ("CREATE INDEX i ON t(lower(c)); CREATE INDEX j ON t(lower(c), a)", ["i"]),
        ("CREATE INDEX i ON t(id)", ["i"]),
    ],
)
def test_an_index_that_another_one_serves_goes(
    table: apsw.Connection, indexes: str, expected: list[str]
) -> None:
    table.execute(indexes)
    assert found(table) == expected


def test_an_index_that_no_statement_of_a_week_uses_goes(table: apsw.Connection) -> None:
    table.execute(
        "CREATE INDEX used ON t(a); CREATE INDEX unused ON t(b); CREATE UNIQUE INDEX u ON t(c)"
    )
    sql = "SELECT * FROM t WHERE a = 3"
    assert found(table, sql, covered_s=86400.0) == []
    assert found(table, sql, covered_s=DAYS) == ["unused"]


def test_an_index_for_a_foreign_key_stays_though_no_statement_names_it(
    table: apsw.Connection,
) -> None:
    table.execute("CREATE TABLE child(t_id REFERENCES t(id)); CREATE INDEX c ON child(t_id)")
    assert found(table, "SELECT * FROM t", covered_s=DAYS) == []


def test_the_inverse_brings_index_and_statistics_back(table: apsw.Connection) -> None:
    table.execute("CREATE INDEX i ON t(a); CREATE INDEX j ON t(a, b); ANALYZE")
    schema = "SELECT name, sql FROM sqlite_schema ORDER BY name"
    before = table.execute(schema).fetchall(), sorted(table.execute("SELECT * FROM sqlite_stat1"))
    meter = Meter(table, Silent())
    (one,), _, _ = find_superfluous(meter, Workload(()), {}, spared=())
    assert one.size_bytes >= 0
    for sql in one.inverse:
        table.execute(sql).fetchall()
    after = table.execute(schema).fetchall(), sorted(table.execute("SELECT * FROM sqlite_stat1"))
    assert after == before


def test_an_index_that_a_statement_names_stays(table: apsw.Connection) -> None:
    table.execute("CREATE INDEX i ON t(a); CREATE INDEX j ON t(a, b)")
    assert found(table, "SELECT b FROM t INDEXED BY i WHERE a = 3") == []


def test_a_trigger_of_the_same_name_is_not_taken_for_the_index(table: apsw.Connection) -> None:
    table.execute("CREATE TRIGGER j AFTER INSERT ON t BEGIN SELECT 1; END")
    table.execute("CREATE INDEX i ON t(a); CREATE INDEX j ON t(a)")
    (one,) = find_superfluous(Meter(table, Silent()), Workload(()), {}, spared=())[0]
    assert one.inverse[0] == "CREATE INDEX j ON t(a)"
