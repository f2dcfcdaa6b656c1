"""One statement that reads."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from dbtool.core.query import QueryOptions, more_than_reading, run_query
from dbtool.errors import Damaged, DbtoolError, Refused, UsageError

ENDLESS = "WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n) SELECT "


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[apsw.Connection]:
    """Return a read-only connection to a database of all sorts."""
    path = str(tmp_path / "a.db")
    writer = apsw.Connection(path)
    writer.execute(
        "CREATE TABLE person(id INTEGER PRIMARY KEY, name TEXT, x);"
        "INSERT INTO person VALUES(1, 'Ann', 1.5), (3, 'Z', 7);"
        "INSERT INTO person VALUES(2, CAST(x'41ff42' AS TEXT), x'00');"
        "CREATE VIRTUAL TABLE box USING rtree(id, low, high); INSERT INTO box VALUES(1, 2, 3);"
        "CREATE VIRTUAL TABLE words USING fts5(text); INSERT INTO words VALUES('hello');"
        "CREATE VIEW v AS SELECT name FROM person"
    )
    writer.close()
    connection = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READONLY)
    yield connection
    connection.close()


def rows(connection: apsw.Connection, sql: str, **options: object) -> list[tuple[object, ...]]:
    """Return all rows of a statement."""
    return list(run_query(connection, sql, QueryOptions(**options)).rows)  # type: ignore[arg-type]


def test_columns_have_names_and_declared_types(connection: apsw.Connection) -> None:
    answer = run_query(connection, "SELECT id, name AS called, id + 1 FROM person WHERE id = 1")
    assert answer.columns == [("id", "INTEGER"), ("called", "TEXT"), ("id + 1", None)]
    assert list(answer.rows) == [(1, "Ann", 2)]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT name FROM v LIMIT 1",
        "SELECT count(*) FROM box",
        "SELECT text FROM words WHERE words MATCH 'hello'",
        "SELECT name FROM pragma_table_info('person')",
        "PRAGMA table_info(person)",
        "PRAGMA journal_mode",
        "PRAGMA integrity_check(3)",
        "EXPLAIN QUERY PLAN DELETE FROM person",
        "EXPLAIN DELETE FROM person",
        "VALUES(1), (2)",
        "; ; SELECT 1; -- and so on\n /* ; */ ;",
    ],
)
def test_what_reads_is_run(connection: apsw.Connection, sql: str) -> None:
    assert rows(connection, sql) or sql.startswith("EXPLAIN QUERY")


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM person",
        "INSERT INTO person VALUES(9, 'x', NULL) RETURNING id",
        "WITH q AS (SELECT 1) DELETE FROM person",
        "CREATE TEMP TABLE mine(a)",
        "BEGIN",
        "COMMIT",
        "SAVEPOINT a",
        "ATTACH 'other.db' AS other",
        "DETACH main",
        "VACUUM",
        "VACUUM INTO 'copy.db'",
        "ANALYZE",
        "REINDEX",
        "PRAGMA user_version = 5",
        "PRAGMA writable_schema = 1",
        "PRAGMA query_only = 0",
        "PRAGMA optimize",
        "PRAGMA wal_checkpoint",
        "SELECT load_extension('x')",
    ],
)
def test_what_does_more_is_refused(connection: apsw.Connection, sql: str) -> None:
    with pytest.raises(Refused) as error:
        rows(connection, sql)
    assert error.value.code == "statement-writes"
    assert error.value.exit_code == 5


def test_it_is_refused_even_where_the_connection_could(tmp_path: Path) -> None:
    connection = apsw.Connection(str(tmp_path / "w.db"))
    connection.execute("CREATE TABLE t(a)")
    with pytest.raises(Refused):
        rows(connection, "INSERT INTO t VALUES(1)")
    assert rows(connection, "SELECT count(*) FROM t") == [(0,)]
    connection.close()


@pytest.mark.parametrize("sql", ["", "  \n", "-- nothing", "/* */ ;"])
def test_nothing_is_no_statement(connection: apsw.Connection, sql: str) -> None:
    with pytest.raises(UsageError) as error:
        rows(connection, sql)
    assert error.value.code == "sql-missing"


def test_of_two_statements_none_is_run(connection: apsw.Connection) -> None:
    with pytest.raises(UsageError) as error:
        rows(connection, "SELECT 1; SELECT 2")
    assert error.value.code == "several-statements"
    assert error.value.context.endswith("SELECT 2")


def test_parameters_have_names_or_numbers(connection: apsw.Connection) -> None:
    given = {":a": 1, "2": b"x", "3": "t", "b": None}
    assert rows(connection, "SELECT :a, ?2, ?, @b", parameters=given) == [(1, b"x", "t", None)]
    assert rows(connection, "SELECT :a, ?2, :a", parameters={"a": 1, "2": 2.5}) == [(1, 2.5, 1)]


def test_a_parameter_without_a_value_is_an_error(connection: apsw.Connection) -> None:
    with pytest.raises(UsageError, match="wants a value for name") as error:
        rows(connection, "SELECT :name")
    assert error.value.code == "parameter-missing"


def test_a_value_without_a_parameter_is_an_error(connection: apsw.Connection) -> None:
    with pytest.raises(UsageError) as error:
        rows(connection, "SELECT :name", parameters={"nmae": 1})
    assert error.value.code == "parameter-unknown"
    assert error.value.hint == "did you mean name?"


def test_wrong_sql_shows_its_place(connection: apsw.Connection) -> None:
    with pytest.raises(UsageError, match="no such column: nam") as error:
        rows(connection, "SELECT nam FROM person")
    assert error.value.context == "SELECT nam FROM person\n       ^"
    assert error.value.hint == "did you mean name?"


def test_a_failure_while_running_is_the_users_too(connection: apsw.Connection) -> None:
    with pytest.raises(UsageError, match="malformed JSON"):
        rows(connection, "SELECT json(name) FROM person")


def test_rows_come_one_by_one_and_the_limit_stops_them(connection: apsw.Connection) -> None:
    endless = run_query(connection, f"{ENDLESS} i FROM n")
    assert list(itertools.islice(endless.rows, 3)) == [(1,), (2,), (3,)]
    limited = run_query(connection, f"{ENDLESS} i FROM n", QueryOptions(limit=2))
    assert list(limited.rows) == [(1,), (2,)]
    assert limited.truncated
    exact = run_query(connection, "VALUES(1), (2)", QueryOptions(limit=2))
    assert list(exact.rows) == [(1,), (2,)]
    assert not exact.truncated


def test_time_runs_out_before_the_first_row_and_between_rows(connection: apsw.Connection) -> None:
    with pytest.raises(DbtoolError) as error:
        rows(connection, f"{ENDLESS} max(i) FROM n", timeout_s=0.05)
    assert error.value.code == "query-timeout"
    answer = run_query(connection, f"{ENDLESS} i FROM n", QueryOptions(timeout_s=0.05))
    with pytest.raises(DbtoolError) as error:
        for _ in answer.rows:
            pass
    assert error.value.code == "query-timeout"


def test_text_that_is_not_utf8_comes_with_its_bytes(connection: apsw.Connection) -> None:
    found = rows(connection, "SELECT id, name, x FROM person ORDER BY id -- all")
    assert found == [(1, "Ann", 1.5), (2, "A\udcffB", b"\0"), (3, "Z", 7)]
    assert rows(connection, "SELECT name FROM person WHERE id = ?", parameters={"1": 2}) == [
        ("A\udcffB",)
    ]


def test_a_failure_of_the_database_is_named_by_the_caller(tmp_path: Path) -> None:
    path = tmp_path / "d.db"
    writer = apsw.Connection(str(path))
    writer.execute("CREATE TABLE t(a); INSERT INTO t VALUES(zeroblob(20000))")
    writer.close()
    data = bytearray(path.read_bytes())
    data[4096:4200] = b"\xff" * 104
    path.write_bytes(data)
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    answer = Damaged("database-damaged", "named")
    with pytest.raises(Damaged, match="named"):
        list(run_query(connection, "SELECT * FROM t", failed=lambda _error: answer).rows)
    with pytest.raises(DbtoolError) as error:
        rows(connection, "SELECT * FROM t")
    assert error.value.code == "sqlite-failed"
    connection.close()


def test_all_rows_are_of_one_moment(connection: apsw.Connection) -> None:
    found = run_query(connection, "SELECT id FROM person").rows
    assert next(found) == (1,)
    assert connection.in_transaction


def test_reading_asks_for_nothing_that_is_denied() -> None:
    assert more_than_reading(apsw.SQLITE_PRAGMA, "journal_mode", None) == ""
    assert more_than_reading(apsw.SQLITE_PRAGMA, "journal_mode", "off") == "PRAGMA journal_mode"
    assert more_than_reading(apsw.SQLITE_READ, "t", "a") == ""
    assert more_than_reading(apsw.SQLITE_ATTACH, "x", None) == "ATTACH"
