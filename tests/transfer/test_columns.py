"""Columns and conversions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import apsw
import pytest

from dbtool.core.schema import read_schema
from dbtool.errors import DbtoolError
from dbtool.transfer.columns import TablePlan, affinity, plan_table
from dbtool.transfer.conversions import CONVERSIONS
from dbtool.transfer.kinds import Seen, TextSeen, ValueSeen
from dbtool.transfer.options import ImportOptions


def plan(
    values: Mapping[str, list[Any]], *, textual: bool = False, into: str = "", **options: Any
) -> TablePlan:
    seen: dict[str, Seen] = {}
    for name, column in values.items():
        made = TextSeen() if textual else ValueSeen()
        made.add(column)
        seen[name] = made
    existing = None
    if into:
        connection = apsw.Connection(":memory:")
        connection.execute(into)
        existing = read_schema(connection, "main").tables["t"]
    return plan_table("t", seen, ImportOptions(**options), existing)


def test_a_table_is_made_to_fit() -> None:
    made = plan({"id": [1], 'na"me': ["x"], "any": ["x", 1]}, pk=("id",))
    assert made.create_sql() == (
        'CREATE TABLE "t" (\n  "id" INTEGER PRIMARY KEY,\n  "na""me" TEXT,\n  "any"\n)'
    )


def test_a_key_of_several_columns_is_declared() -> None:
    assert plan({"a": [1], "b": [2]}, pk=("a", "b")).create_sql().endswith('("a", "b")\n)')


@pytest.mark.parametrize(
    ("values", "options", "code"),
    [
        ({"a": [1], "A": [1]}, {}, "column-twice"),
        ({"a\0": [1]}, {}, "column-name-invalid"),
        ({"a": [1]}, {"pk": ("b",)}, "column-unknown"),
        ({"a": [1]}, {"mode": "upsert"}, "key-missing"),
        ({"a": [1]}, {"into": "CREATE TABLE t(a)", "pk": ("a",), "mode": "replace"}, "key-missing"),
        ({"a": [1]}, {"into": "CREATE TABLE t(a)", "pk": ("a",), "mode": "upsert"}, "key-missing"),
        ({"a": [1]}, {"into": "CREATE TABLE t(a)", "pk": ("a",), "mode": "ignore"}, "key-missing"),
        (
            {"a": [1]},
            {"into": "CREATE TABLE t(b PRIMARY KEY, a)", "mode": "replace"},
            "key-missing",
        ),
        ({"a": [1]}, {"types": {"a": "date"}}, "type-unknown"),
        ({"a": [1]}, {"renames": {"a": None}}, "source-empty"),
        ({"a": [1]}, {"into": "CREATE TABLE t(b)"}, "column-unknown"),
        ({"a": [1]}, {"into": "CREATE TABLE t(b, a AS (b))"}, "column-unknown"),
        ({"a": [1]}, {"into": "CREATE VIRTUAL TABLE t USING fts5(a)"}, "table-kind"),
        ({f"c{n}": [1] for n in range(2001)}, {}, "too-many-columns"),
    ],
)
def test_what_cannot_be_is_refused(
    values: dict[str, list[Any]], options: dict[str, Any], code: str
) -> None:
    with pytest.raises(DbtoolError) as caught:
        plan(values, **options)
    assert caught.value.code == code


@pytest.mark.parametrize("name", ["sqlite_x", "_dbtool_import", "", "a\0b"])
def test_reserved_names_of_tables_are_refused(name: str) -> None:
    with pytest.raises(DbtoolError) as caught:
        plan_table(name, {"a": ValueSeen()}, ImportOptions(), None)
    assert caught.value.code == "table-name-invalid"


@pytest.mark.parametrize(
    ("declared", "expected"),
    [("BIGINT", "integer"), ("VARCHAR(9)", "text"), ("", "blob"), ("DOUBLE", "real"),
     ("DECIMAL", "numeric"), ("FLOATING POINT", "integer")],
)  # fmt: skip
def test_affinity_is_as_sqlite_has_it(declared: str, expected: str) -> None:
    assert affinity(declared) == expected


TABLE = "CREATE TABLE t(i INTEGER, r REAL, n NUMERIC, x TEXT, b)"
VALUES = [
    "007",
    "1.0",
    "abc",
    "5",
    "1e3",
    "+1",
    "9223372036854775808",
    "0.1",
    "-0",
    "",
    "1.10",
    "nan",
    "inf",
    "-Infinity",
    "1_000",
    "1e400",
    "9007199254740993",
]


@pytest.mark.parametrize("others", [[], [1.5], ["zz"]])
def test_an_integer_that_no_float_holds_is_refused_by_a_column_of_floats(others: list[Any]) -> None:
    made = plan({"r": [2**53 + 1, *others]}, into=TABLE)
    convert = CONVERSIONS[made.columns[0].conversion]
    with pytest.raises(ValueError, match="exactly"):
        convert([2**53 + 1])
    assert convert([2**53]) == [2.0**53]


@pytest.mark.parametrize("column", ["i", "r", "n", "x", "b"])
@pytest.mark.parametrize("value", VALUES)
def test_no_text_is_changed_by_the_column_of_a_table_that_is_there(column: str, value: str) -> None:
    made = plan({column: [value, "zz"]}, textual=True, into=TABLE)
    connection = apsw.Connection(":memory:")
    connection.execute(TABLE)
    try:
        (bound,) = CONVERSIONS[made.columns[0].conversion]([value])
    except ValueError:
        return  # refused, which is not changed
    connection.execute(f"INSERT INTO t({column}) VALUES (?)", (bound,))
    stored = connection.execute(f"SELECT {column} FROM t").get
    assert str(stored) == value or (column == "r" and stored == float(value))
