"""What columns hold, and comparisons with them."""

from __future__ import annotations

from datetime import UTC, datetime

import apsw
import pytest

from dbtool.search.kinds import ColumnKind, compare, kind_of, within
from dbtool.search.subjects import subjects_of

NOW = datetime(2026, 3, 31, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("decltype", "values", "kind"),
    [
        ("INTEGER", "(1), (2)", ColumnKind("number")),
        ("INTEGER", "(1767225600), (1769904000)", ColumnKind("number", unit="s")),
        ("", "(1767225600000)", ColumnKind("number", unit="ms")),
        ("REAL", "(2461041.5)", ColumnKind("number", unit="julian")),
        ("TEXT", "('2026-01-01'), ('2026-01-02')", ColumnKind("date")),
        ("TEXT", "('2026-01-01T10:00:00Z')", ColumnKind("date", "T")),
        ("TEXT", "('12'), ('-3.5')", ColumnKind("digits")),
        ("TEXT", "('12'), ('x')", ColumnKind("text")),
        ("", "(12), ('x')", ColumnKind("text", mixed=True)),
        ("INTEGER", "(NULL)", ColumnKind("number")),
        ("TEXT", "(NULL)", ColumnKind("text")),
        ("BLOB", "(x'00')", ColumnKind("text")),
    ],
)
def test_the_content_decides_what_a_column_holds(decltype: str, values: str, kind) -> None:
    connection = apsw.Connection(":memory:")
    connection.execute(f"CREATE TABLE t(c {decltype}); INSERT INTO t VALUES {values}")
    (subject,) = subjects_of(connection).tables
    assert kind_of(connection, subject, "c") == kind


def matching(kind: ColumnKind, values: list[object], operator: str, value: str) -> list[object]:
    """Return the values for which a comparison holds."""
    condition = compare("c", kind, operator, value, NOW)
    connection = apsw.Connection(":memory:")
    connection.execute("CREATE TABLE t(c)")
    connection.executemany("INSERT INTO t VALUES(?)", [(v,) for v in values])
    rows = connection.execute(
        f"SELECT c FROM t WHERE {condition.sql} ORDER BY rowid", condition.values
    )
    return [row[0] for row in rows]


DAYS = ["2025-12-31", "2026-01-01", "2026-01-31 23:59:59", "2026-02-01 00:00:00", "2026-03-30"]


@pytest.mark.parametrize(
    ("operator", "value", "rows"),
    [
        ("=", "2026-01", [1, 2]),
        ("!=", "2026-01", [0, 3, 4]),
        ("<=", "2026-01", [0, 1, 2]),
        (">", "2026-01", [3, 4]),
        ("<", "2026", [0]),
        (">=", "2026-01-31T23:00", [2, 3, 4]),
        ("=", "yesterday", [4]),
        (">=", "7d", [4]),
        (">=", "3mo", [1, 2, 3, 4]),
        ("=", "2026-02-01T00:00", [3]),
    ],
)
def test_a_date_stands_for_all_of_its_time(operator: str, value: str, rows: list[int]) -> None:
    assert matching(ColumnKind("date"), DAYS, operator, value) == [DAYS[row] for row in rows]


def test_dates_are_compared_with_seconds_and_julian_days() -> None:
    seconds = [1767225599, 1767225600, 1767311999, 1767312000]
    assert matching(ColumnKind("number", unit="s"), seconds, "=", "2026-01-01") == seconds[1:3]
    days = [2461041.4, 2461041.5, 2461042.4, 2461042.5]
    assert matching(ColumnKind("number", unit="julian"), days, "=", "2026-01-01") == days[1:3]
    milliseconds = [second * 1000 for second in seconds]
    assert matching(ColumnKind("number", unit="ms"), milliseconds, "<", "2026") == milliseconds[:1]


def test_numbers_text_and_nothing() -> None:
    assert matching(ColumnKind("number"), [1, 2.5, None], ">", "1") == [2.5]
    assert matching(ColumnKind("number"), [0, 1, None], "=", "true") == [1]
    assert matching(ColumnKind("digits"), ["9", "10"], ">", "9") == ["10"]
    assert matching(ColumnKind("text"), ["Paid", "PAID", "open", None], "=", "paid") == [
        "Paid",
        "PAID",
    ]
    assert matching(ColumnKind("text"), ["a", None], "!=", "b") == ["a", None]
    assert matching(ColumnKind("text"), ["a", None], "=", "NULL") == [None]
    assert matching(ColumnKind("number"), [1, None], "!=", "NULL") == [1]


ALL_SORTS = [5, 500, "N/A", "700", "2026-02-01", b"\x00", None]


@pytest.mark.parametrize(
    ("kind", "operator", "value", "rows"),
    [
        (ColumnKind("number"), ">", "100", [500]),
        (ColumnKind("number"), "<", "100", [5]),
        (ColumnKind("number", unit="s"), ">", "1960-01-01", [5, 500]),
        (ColumnKind("digits"), ">", "100", [500, "700"]),
        (ColumnKind("digits"), "<", "100", [5]),
        (ColumnKind("date"), ">", "2025", ["2026-02-01"]),
        (ColumnKind("text"), ">", "2", ["N/A", "700", "2026-02-01"]),
        (ColumnKind("text", mixed=True), ">", "100", [500]),
        (ColumnKind("text", mixed=True), "=", "n/a", ["N/A"]),
    ],
)
def test_a_value_of_another_kind_is_neither_less_nor_more(
    kind: ColumnKind, operator: str, value: str, rows: list[object]
) -> None:
    assert matching(kind, ALL_SORTS, operator, value) == rows


@pytest.mark.parametrize(
    ("kind", "operator", "value"),
    [
        (ColumnKind("number"), ">", "abc"),
        (ColumnKind("number"), ">", "2026-01-01"),
        (ColumnKind("date"), "=", "abc"),
        (ColumnKind("date"), "=", "2026-13-01"),
        (ColumnKind("text"), "<", "NULL"),
    ],
)
def test_what_cannot_be_compared_says_why(kind: ColumnKind, operator: str, value: str) -> None:
    with pytest.raises(ValueError, match=r"\w+"):
        compare("c", kind, operator, value, NOW)


def test_a_range_holds_both_ends_and_may_lack_one() -> None:
    condition = within("c", ColumnKind("number"), "1", "3", NOW)
    assert condition.values == (1, 3)
    assert within("c", ColumnKind("number"), "", "3", NOW).values == (3,)
