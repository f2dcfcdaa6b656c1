"""Differences between two tables, value by value."""

from __future__ import annotations

from typing import Any

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbtool.transfer.differences import STAGED, Comparison, TableDifference, compare, unequal

Rows = list[tuple[Any, ...]]


def found(source: Rows, database: Rows, key: tuple[str, ...] = ("k",)) -> TableDifference:
    """Return how a table of two columns differs."""
    connection = apsw.Connection(":memory:")
    connection.execute(f"ATTACH ':memory:' AS {STAGED}")
    for schema, rows in (("main", database), (STAGED, source)):
        connection.execute(f'CREATE TABLE {schema}."t ""1"""(k, "v ""2""" COLLATE NOCASE)')
        connection.executemany(f'INSERT INTO {schema}."t ""1""" VALUES (?, ?)', rows)
    return compare(connection, Comparison('t "1"', ("k", 'v "2"'), key))


def test_rows_are_missing_changed_and_extra() -> None:
    made = found([(1, "a"), (2, "b"), (4, "d")], [(1, "a"), (2, "c"), (3, "x")])

    assert (made.missing, made.changed, made.extra) == (1, 1, 1)
    assert made.columns == {'v "2"': 1}
    assert made.examples == {"missing": ((4,),), "changed": ((2,),), "extra": ((3,),)}
    assert not made.equal


@pytest.mark.parametrize(
    ("one", "other"),
    [("a", "A"), (1, 1.0), (1, "1"), ("", None), (b"a", "a"), (b"", None), (0, None)],
)
def test_values_are_equal_only_if_type_and_bytes_are(one: Any, other: Any) -> None:
    assert found([(1, one)], [(1, other)]).changed == 1
    assert found([(1, one)], [(1, one)]).equal
    by_row = found([(1, one)], [(1, other)], ())
    assert (by_row.missing, by_row.extra) == (1, 1)


def test_rows_without_a_key_are_counted_with_their_copies() -> None:
    made = found([(1, "a"), (1, "a"), (2, "b")], [(1, "a"), (2, "b"), (2, "b"), (2, "b")], ())

    assert (made.missing, made.extra) == (1, 2)


def test_a_condition_over_many_columns_is_not_too_deep() -> None:
    names = [f"c{n}" for n in range(1_900)]
    connection = apsw.Connection(":memory:")
    columns = ", ".join(names)
    sql = f"SELECT 1 FROM d, s WHERE {unequal(names)}"
    connection.execute(f"CREATE TABLE d({columns}); CREATE TABLE s({columns})")

    assert connection.execute(sql).fetchall() == []


VALUES = st.none() | st.integers(-3, 3) | st.sampled_from(["a", "A", "1", 1.0, b"a"])


@given(st.dictionaries(st.integers(0, 5), VALUES), st.dictionaries(st.integers(0, 5), VALUES))
def test_the_counts_are_those_of_dictionaries(
    source: dict[int, Any], database: dict[int, Any]
) -> None:
    made = found(list(source.items()), list(database.items()))
    both = source.keys() & database.keys()
    differing = [k for k in both if repr(source[k]) != repr(database[k])]

    assert made.missing == len(source.keys() - database.keys())
    assert made.extra == len(database.keys() - source.keys())
    assert made.changed == len(differing)
