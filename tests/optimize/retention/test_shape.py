"""What moving needs to know of a table."""

from __future__ import annotations

from datetime import UTC, datetime

import apsw
import pytest

from dbtool.errors import NotFound, Refused, UsageError
from dbtool.optimize.retention.rule import RetentionRule
from dbtool.optimize.retention.shape import row_time, table_of

CUTOFF = datetime(2026, 1, 10, 15, tzinfo=UTC)


def rule(table: str = "t", column: str = "at") -> RetentionRule:
    return RetentionRule(table, column, 1.0, "a.db", None, False, ())


def old(connection: apsw.Connection, values: list) -> list:
    connection.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, at)")
    connection.executemany("INSERT INTO t(at) VALUES (?)", ((value,) for value in values))
    table = table_of(connection, rule(), CUTOFF)
    return [at for (at,) in connection.execute(f"SELECT at FROM t WHERE {table.condition}")]


def test_text_counts_by_the_day_and_what_is_no_date_stays(memory: apsw.Connection) -> None:
    values = [
        "2026-01-09",
        "2026-01-10T01:00",
        "2025-12-31 23:59:59Z",
        None,
        "",
        "0",
        "2025-99-99",
        5,
    ]
    assert old(memory, values) == ["2026-01-09", "2025-12-31 23:59:59Z"]


@pytest.mark.parametrize("unit", [1, 1000])
def test_numbers_are_seconds_or_milliseconds(memory: apsw.Connection, unit: int) -> None:
    limit = int(CUTOFF.timestamp()) * unit
    assert old(memory, [limit - 1, limit, limit + 1, None, "2020-01-01"]) == [limit - 1]


def test_times_are_seconds_since_1970() -> None:
    assert row_time("1970-01-02T05:00", "text") == 86400
    assert row_time(86_400_000, "milliseconds") == row_time(86400, "seconds") == 86400


def test_rows_that_others_refer_to_stay(memory: apsw.Connection) -> None:
    memory.execute(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, at); CREATE TABLE c(t REFERENCES t(id));"
        "INSERT INTO t VALUES (1, '2020-01-01'), (2, '2020-01-01'); INSERT INTO c VALUES (1)"
    )
    table = table_of(memory, rule(), CUTOFF)
    assert memory.execute(f"SELECT id FROM t WHERE {table.condition}").fetchall() == [(2,)]
    assert table.referenced == ("c",)


def test_a_large_child_without_an_index_is_refused(memory: apsw.Connection) -> None:
    memory.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, at); CREATE TABLE c(t REFERENCES t(id))")
    memory.executemany("INSERT INTO c VALUES (?)", ((None,) for _ in range(1500)))
    with pytest.raises(Refused):
        table_of(memory, rule(), CUTOFF)
    memory.execute("CREATE INDEX i ON c(t)")
    assert table_of(memory, rule(), CUTOFF).name == "t"


def test_what_cannot_be_moved_is_an_error(memory: apsw.Connection) -> None:
    memory.execute(
        "CREATE TABLE t(at); INSERT INTO t VALUES ('soon'); CREATE VIEW v AS SELECT * FROM t;"
        "CREATE TABLE h(rowid, _rowid_, oid, at)"
    )
    for table, column, error in (
        ("gone", "at", NotFound), ("v", "at", Refused), ("t", "gone", UsageError),
        ("t", "at", UsageError), ("h", "at", Refused),
    ):  # fmt: skip
        with pytest.raises(error):
            table_of(memory, rule(table, column), CUTOFF)


def test_a_table_without_rowid_goes_by_its_key(memory: apsw.Connection) -> None:
    memory.execute("CREATE TABLE t(b, at, a, PRIMARY KEY(a, b)) WITHOUT ROWID")
    assert table_of(memory, rule(), CUTOFF).key_columns == ("a", "b")


def test_a_key_compares_as_its_index_does(memory: apsw.Connection) -> None:
    memory.execute(
        "CREATE TABLE t(k TEXT COLLATE NOCASE, at, PRIMARY KEY(k COLLATE BINARY)) WITHOUT ROWID"
    )
    assert table_of(memory, rule(), CUTOFF).key == ('"k" COLLATE "BINARY"',)


def test_a_child_refers_by_the_collation_of_its_parent(memory: apsw.Connection) -> None:
    memory.execute(
        "CREATE TABLE t(k TEXT COLLATE NOCASE PRIMARY KEY, at);"
        "CREATE TABLE c(k TEXT REFERENCES t(k) ON DELETE CASCADE);"
        "INSERT INTO t VALUES ('A', '2020-01-01'); INSERT INTO c VALUES ('a')"
    )
    condition = table_of(memory, rule(), CUTOFF).condition
    assert memory.execute(f"SELECT k FROM t WHERE {condition}").fetchall() == []


def test_days_that_no_calendar_has_stay(memory: apsw.Connection) -> None:
    assert old(memory, ["2025-02-30", "0000-01-01", "2025-02-28"]) == ["2025-02-28"]


@pytest.mark.parametrize("value", [2461000.5, 20260614, 2024, 45000], ids=str)
def test_numbers_that_are_no_times_since_1970_are_an_error(
    memory: apsw.Connection, value: float
) -> None:
    with pytest.raises(UsageError):
        old(memory, [value])


def test_seconds_among_milliseconds_and_infinities_stay(memory: apsw.Connection) -> None:
    values = [1_700_000_000_000, 1_700_000_000, float("-inf"), -(1 << 62), 0]
    assert old(memory, values) == [1_700_000_000_000]


def test_names_that_the_archive_needs_are_refused(memory: apsw.Connection) -> None:
    memory.execute("CREATE TABLE _dbtool_batches(at); CREATE TABLE t(at, _DBTOOL_batch)")
    for table in ("_dbtool_batches", "t"):
        with pytest.raises(Refused):
            table_of(memory, rule(table), CUTOFF)
