"""Saved statistics read, within limits, and none of them ends the others."""

from __future__ import annotations

from collections.abc import Iterator

import apsw
import pytest

from dbtool.core.connection import open_readonly
from dbtool.errors import UsageError
from dbtool.monitor.stats.saved import SavedResult, SavedStatistic, run_saved, saved_statistics
from tests.monitor.stats.conftest import Make, rows

ENDLESS = "WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"


@pytest.fixture
def connection(make: Make) -> Iterator[apsw.Connection]:
    path = make("CREATE TABLE t(id INTEGER PRIMARY KEY, v)", rows(50))
    found = open_readonly(path, busy_timeout_s=1)
    yield found
    found.close()


def run(connection: apsw.Connection, *queries: str, **limits: float) -> list[SavedResult]:
    statistics = [SavedStatistic(f"s{n}", sql) for n, sql in enumerate(queries)]
    return list(run_saved(connection, statistics, **limits))  # type: ignore[arg-type]


def test_they_are_taken_from_the_configuration_in_its_order() -> None:
    found = saved_statistics(
        {"b": {"sql": "SELECT 1", "description": "one"}, "a": {"sql": "SELECT 2"}}
    )
    assert [(one.name, one.description) for one in found] == [("b", "one"), ("a", "")]


def test_one_without_sql_is_incomplete() -> None:
    with pytest.raises(UsageError) as caught:
        saved_statistics({"files": {"description": "nothing"}})
    assert caught.value.code == "config-incomplete"


def test_an_answer_has_columns_and_rows(connection: apsw.Connection) -> None:
    (found,) = run(connection, "SELECT count(*) AS files, max(id) AS newest FROM t")
    assert (found.columns, found.rows, found.problem) == (("files", "newest"), ((50, 50),), None)


def test_rows_beyond_the_limit_are_left_out_and_said_to_be(connection: apsw.Connection) -> None:
    (found,) = run(connection, "SELECT id FROM t", most_rows=3)
    assert len(found.rows) == 3
    assert found.truncated


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("DELETE FROM t", "statement-writes"),
        ("ATTACH 'other.db' AS other", "statement-writes"),
        ("SELECT 1; SELECT 2", "several-statements"),
        ("SELECT nope FROM t", "sql-invalid"),
        ("SELECT :x", "parameter-missing"),
        ("", "sql-missing"),
    ],
)
def test_what_fails_is_told_and_the_next_one_runs(
    connection: apsw.Connection, sql: str, code: str
) -> None:
    failed, fine = run(connection, sql, "SELECT 1 AS one")
    assert failed.problem is not None
    assert failed.problem.code == code
    assert fine.rows == ((1,),)


def test_one_that_never_ends_is_stopped(connection: apsw.Connection) -> None:
    endless, fine = run(connection, ENDLESS, "SELECT 2 AS two", time_limit_s=0.05)
    assert endless.problem is not None
    assert endless.problem.code == "query-timeout"
    assert fine.rows == ((2,),)
