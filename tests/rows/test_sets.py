"""Sets of page numbers and of rowids."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from dbtool.rows.sets import HIGHEST, LOWEST, Bits, Ranges

NUMBERS = st.sets(st.integers(1, 200))
ENDS = st.one_of(
    st.integers(-20, 20), st.integers(LOWEST, HIGHEST), st.sampled_from([LOWEST, HIGHEST])
)


@given(NUMBERS, NUMBERS, st.integers(1, 200))
def test_bits_are_a_set(one: set[int], other: set[int], number: int) -> None:
    a, b = Bits(200, one), Bits(200, other)
    assert list(a) == sorted(one)
    assert len(a) == len(one)
    assert list(a.without(b)) == sorted(one - other)
    assert list(a.within(b)) == sorted(one & other)
    assert list(a.up_to(number)) == sorted(n for n in one if n <= number)
    assert (number in a) == (number in one)
    assert a.among([*other, 10_000]) == one & other
    assert a.discard(number) == (number in one)
    assert list(a) == sorted(one - {number})
    assert len(a) == len(one - {number})


def test_numbers_beyond_the_last_page_are_left_out() -> None:
    bits = Bits(8, [3, 4000])
    assert list(bits) == [3]
    assert 4000 not in bits
    assert not Bits(8)


@given(st.lists(st.tuples(ENDS, ENDS)), st.lists(st.tuples(ENDS, ENDS)))
def test_merged_ranges_hold_what_they_held_and_do_not_touch(
    one: list[tuple[int, int]], other: list[tuple[int, int]]
) -> None:
    a, b = Ranges(), Ranges()
    for first, last in one:
        a.add(first, last)
    for first, last in other:
        b.add(first, last)
    merged = list(a.merged(b))
    for (_, last), (first, _) in pairwise(merged):
        assert last + 1 < first
    for number in {n + d for pair in [*one, *other] for n in pair for d in (-1, 0, 1)}:
        held = any(first <= number <= last for first, last in [*one, *other])
        assert held == any(first <= number <= last for first, last in merged)


def test_a_part_of_ranges_is_told_by_number() -> None:
    ranges = Ranges()
    for first in (1, 10, 20):
        ranges.add(first, first + 2)
    assert list(ranges.part(1, 3)) == [(10, 12), (20, 22)]
    assert list(ranges.part(3, 6)) == []


def test_covers_asks_for_the_whole_range() -> None:
    ranges = Ranges()
    ranges.add(1, 5)
    ranges.add(10, HIGHEST)
    ranges = ranges.merged()
    assert ranges.covers(1, 5)
    assert ranges.covers(11, HIGHEST)
    assert not ranges.covers(4, 6)
    assert not ranges.covers(LOWEST, 3)
    assert not Ranges().covers(1, 1)
