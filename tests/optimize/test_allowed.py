"""What statements of a plan may do."""

from __future__ import annotations

import apsw
import pytest

from dbtool.errors import Refused
from dbtool.optimize.allowed import only_upkeep


@pytest.fixture
def table(memory: apsw.Connection) -> apsw.Connection:
    memory.execute("CREATE TABLE t(a); INSERT INTO t VALUES (1); CREATE INDEX old ON t(a); ANALYZE")
    return memory


def run(connection: apsw.Connection, sql: str) -> None:
    with only_upkeep(connection, sql):
        connection.execute(sql, can_cache=False).fetchall()


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE UNIQUE INDEX i ON t(lower(a) DESC) WHERE a > 3",
        'DROP INDEX "old"',
        "PRAGMA analysis_limit = 2000",
        "ANALYZE",
        'ANALYZE "old"',
        "DELETE FROM sqlite_stat1",
        "INSERT INTO sqlite_stat1 VALUES ('t', 'old', '1 1')",
        "DROP TABLE IF EXISTS sqlite_stat1",
        "ANALYZE sqlite_schema",
        "REINDEX old",
        "VACUUM",
        "PRAGMA incremental_vacuum",
        "PRAGMA journal_mode = wal",
    ],
)
def test_what_plans_hold_runs(table: apsw.Connection, sql: str) -> None:
    run(table, sql)


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM t",
        "ANALYZE; DELETE FROM t",
        "CREATE TABLE x(a)",
        "CREATE TRIGGER x AFTER INSERT ON t BEGIN DELETE FROM t; END",
        "ATTACH ':memory:' AS x",
        "PRAGMA user_version = 5",
        "PRAGMA journal_mode = off",
        "VACUUM INTO 'x'",
        "CREATE TEMP TABLE x(a)",
        "COMMIT",
    ],
)
def test_anything_else_is_refused(table: apsw.Connection, sql: str) -> None:
    with pytest.raises(Refused):
        run(table, sql)
    assert table.execute("SELECT a FROM t").get == 1
    assert table.authorizer is None
