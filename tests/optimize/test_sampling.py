"""Guesses from samples."""

from __future__ import annotations

from collections import Counter

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbtool.optimize.definition import IndexDefinition, Term
from dbtool.optimize.sampling import Samples, distinct


@given(st.lists(st.integers(0, 50), min_size=1), st.integers(1, 1000))
def test_the_number_of_values_is_possible(sample: list[int], more: int) -> None:
    keys = Counter(sample)
    rows = len(sample) + more
    assert len(keys) - 1e-9 <= max(distinct(keys, rows), len(keys)) <= rows
    assert 1 <= distinct(keys, rows) <= rows


def test_a_small_table_is_counted_exactly(memory: apsw.Connection) -> None:
    memory.execute("CREATE TABLE t(a, b)")
    memory.executemany("INSERT INTO t VALUES (?, ?)", ((n % 10, n) for n in range(500)))
    one = IndexDefinition("t", (Term("a"), Term("b")))
    part = IndexDefinition("t", (Term("b"),), '"a" = 3', "partial", "a")
    bad = IndexDefinition("t", (Term("nope(a)", is_expression=True),))
    samples = Samples(memory, [one, part, bad])
    assert samples.stat1(one) == "500 50 1"
    assert samples.stat1(part) == "50 1"
    assert samples.stat1(bad) is None
    assert samples.common_value(part)


def test_a_large_table_is_guessed_within_a_factor_of_two(memory: apsw.Connection) -> None:
    memory.execute("CREATE TABLE t(a, b)")
    memory.executemany("INSERT INTO t VALUES (?, ?)", ((n % 40, n) for n in range(20_000)))
    one = IndexDefinition("t", (Term("a"), Term("b")))
    rows, per_a, per_b = map(int, (Samples(memory, [one]).stat1(one) or "").split())
    assert rows == 20_000
    assert 250 <= per_a <= 1000
    assert per_b <= 2


@pytest.mark.parametrize(
    ("values", "common"),
    [(["x"] * 90 + ["y"] * 10, False), (list("xy") * 50, True), (range(100), True)],
)
def test_only_a_rare_one_of_few_values_is_singled_out(
    memory: apsw.Connection, values: list, common: bool
) -> None:
    memory.execute("CREATE TABLE t(a)")
    memory.executemany("INSERT INTO t VALUES (?)", ((value,) for value in values))
    part = IndexDefinition("t", (Term("a"),), "\"a\" = 'y'", "partial", "a")
    assert Samples(memory, [part]).common_value(part) is common
