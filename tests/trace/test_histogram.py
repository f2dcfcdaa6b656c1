"""Latency buckets hold what they say, and quantiles are off by an eighth at most."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from dbtool.trace.histogram import bucket_bounds, bucket_of, merged, quantile_s


@settings(deadline=None)
@given(st.integers(0, 1 << 60))
def test_a_duration_lies_within_the_bounds_of_its_bucket(duration_ns: int) -> None:
    least, end = bucket_bounds(bucket_of(duration_ns))
    assert least <= duration_ns < end


@settings(deadline=None)
@given(st.integers(8, 1 << 60))
def test_a_bucket_is_no_wider_than_a_quarter_of_its_start(duration_ns: int) -> None:
    least, end = bucket_bounds(bucket_of(duration_ns))
    assert end - least <= least / 4


def test_a_clock_that_went_back_counts_as_no_time() -> None:
    assert bucket_of(-5) == bucket_of(0)


@settings(deadline=None)
@given(st.lists(st.integers(1_000, 10**10), min_size=1, max_size=200), st.floats(0.01, 1))
def test_a_quantile_is_off_by_an_eighth_at_most(durations: list[int], share: float) -> None:
    histogram: dict[int, int] = {}
    for duration in durations:
        histogram = merged(histogram, {bucket_of(duration): 1})
    needed = next(d for i, d in enumerate(sorted(durations), 1) if i >= share * len(durations))
    found = quantile_s(histogram, share)
    assert found is not None
    assert abs(found * 1e9 - needed) <= needed / 8 + 1


def test_no_calls_have_no_quantile() -> None:
    assert quantile_s({}, 0.5) is None
