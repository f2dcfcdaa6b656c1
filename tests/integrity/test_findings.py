"""Findings are plain values."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from dbtool.integrity.findings import Code, Finding, Kind, Level, Verdict, joined, united


@given(st.lists(st.integers(1, 60)))
def test_ranges_hold_the_same_pages(numbers: list[int]) -> None:
    ranges = joined(numbers)
    assert [n for first, last in ranges for n in range(first, last + 1)] == sorted(set(numbers))
    assert all(one[1] + 1 < other[0] for one, other in pairwise(ranges))


def test_a_finding_counts_its_pages() -> None:
    finding = Finding(
        Level.PAGES,
        Code.PAGE_ROTTED,
        Verdict.DATA_DAMAGE,
        Kind.TABLE,
        "t",
        "x",
        pages=((2, 4), (9, 9)),
    )
    assert finding.page_count == 4
    assert list(finding.page_numbers()) == [2, 3, 4, 9]


def test_verdicts_go_from_best_to_worst() -> None:
    assert next(iter(Verdict)) == Verdict.HEALTHY
    assert list(Verdict)[-1] == Verdict.DATA_DAMAGE


@given(st.lists(st.tuples(st.integers(1, 50), st.integers(0, 9))))
def test_united_ranges_hold_the_same_pages(spans: list[tuple[int, int]]) -> None:
    ranges = united((first, first + more) for first, more in spans)
    pages = {n for first, more in spans for n in range(first, first + more + 1)}
    assert [n for first, last in ranges for n in range(first, last + 1)] == sorted(pages)


def test_billions_of_pages_are_no_work() -> None:
    assert united([(2, 1 << 32), (7, 9)]) == ((2, 1 << 32),)
