"""The forecast on series that are known: steady, with steps, with VACUUM, with noise, with gaps."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dbtool.monitor.stats.forecast import forecast
from dbtool.monitor.stats.model import Forecast, GrowthPoint

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
MB = 1_000_000


def series(size: Callable[[int], float], *, days: int = 60, step: int = 1) -> list[GrowthPoint]:
    """Return a point a day; `size` takes days since the first."""
    return [
        GrowthPoint(NOW - timedelta(days=days - day), round(size(day)), "samples")
        for day in range(0, days + 1, step)
    ]


def ahead(points: list[GrowthPoint], free: int | None = 1000 * MB) -> Forecast:
    return forecast(points, now=NOW, free_bytes=free)


def test_steady_growth_is_what_it_is() -> None:
    found = ahead(series(lambda day: 100 * MB + 10 * MB * day))
    assert found.per_day_bytes == found.low_bytes == found.high_bytes == 10 * MB
    assert found.days_until_full == found.days_at_worst == 100
    assert found.days_seen == 60


@pytest.mark.parametrize("step_day", [1, 20, 40, 59])
def test_one_import_does_not_make_a_trend(step_day: int) -> None:
    found = ahead(series(lambda day: 10 * MB * day + (5000 * MB if day >= step_day else 0)))
    assert found.per_day_bytes == 10 * MB
    assert found.high_bytes == 10 * MB


@pytest.mark.parametrize("vacuum_day", [1, 30, 59])
def test_one_vacuum_does_not_hide_the_growth(vacuum_day: int) -> None:
    def size(day: int) -> int:
        return 900 * MB + 10 * MB * day - (800 * MB if day >= vacuum_day else 0)

    found = ahead(series(size))
    assert found.per_day_bytes == 10 * MB
    assert found.low_bytes == 10 * MB


def test_a_load_every_sunday_shows_in_the_band() -> None:
    found = ahead(series(lambda day: 70 * MB * (day // 7)))
    assert found.per_day_bytes == 0
    assert found.days_until_full is None
    assert found.high_bytes == pytest.approx(10 * MB)
    assert found.days_at_worst == pytest.approx(100)


def test_what_shrinks_fills_no_disk() -> None:
    found = ahead(series(lambda day: 900 * MB - MB * day))
    assert found.per_day_bytes == -MB
    assert (found.days_until_full, found.days_at_worst) == (None, None)


@pytest.mark.parametrize("days", [0, 1, 13])
def test_under_fourteen_days_nothing_is_forecast(days: int) -> None:
    found = ahead(series(lambda day: day * MB, days=days))
    assert found.per_day_bytes is None
    assert found.days_until_full is None
    assert "14" in found.reason


def test_fourteen_days_are_enough() -> None:
    assert ahead(series(lambda day: day * MB, days=14)).per_day_bytes == MB


def test_without_points_nothing_is_known() -> None:
    assert ahead([]).reason


def test_older_points_than_sixty_days_do_not_count() -> None:
    old = series(lambda day: 100 * MB * day, days=400)[:300]
    recent = series(lambda day: 40_000 * MB + MB * day, days=59)
    assert ahead([*old, *recent]).per_day_bytes == MB


def test_points_of_a_clock_that_was_ahead_are_left_out() -> None:
    points = series(lambda day: MB * day)
    wrong = GrowthPoint(NOW + timedelta(days=400), 1, "samples")
    assert ahead([*points, wrong]) == ahead(points)


def test_gaps_are_bridged_evenly() -> None:
    found = ahead(series(lambda day: 10 * MB * day, step=5))
    assert found.per_day_bytes == pytest.approx(10 * MB)


def test_many_points_a_day_change_nothing() -> None:
    hourly = [
        GrowthPoint(NOW - timedelta(hours=hours), (60 * 24 - hours) * MB, "samples")
        for hours in range(60 * 24 + 1)
    ]
    assert ahead(hourly).per_day_bytes == pytest.approx(24 * MB, rel=0.01)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    per_day=st.integers(1, 50),
    steps=st.integers(0, 1),
    vacuums=st.integers(0, 1),
)
def test_noise_with_a_step_and_a_vacuum_leaves_the_trend(
    seed: int, per_day: int, steps: int, vacuums: int
) -> None:
    draw = random.Random(seed)
    jumps = {draw.randint(1, 59): 3000 * MB for _ in range(steps)}
    jumps |= {draw.randint(1, 59): -2000 * MB for _ in range(vacuums)}
    size, sizes = 9000.0 * MB, []
    for day in range(61):
        size += jumps.get(day, 0) + per_day * MB * draw.uniform(0.5, 1.5)
        sizes.append(size)
    found = ahead(series(lambda day: sizes[day]))
    assert found.per_day_bytes == pytest.approx(per_day * MB, rel=0.25)
    assert found.low_bytes is not None
    assert found.high_bytes is not None
    assert found.low_bytes <= found.per_day_bytes <= found.high_bytes


@given(st.lists(st.tuples(st.integers(-(10**9), 10**9), st.integers(0, 2**62)), max_size=30))
def test_any_series_gives_an_answer(points: list[tuple[int, int]]) -> None:
    made = [GrowthPoint(NOW + timedelta(seconds=s), size, "snapshots") for s, size in points]
    found = ahead(made)
    assert (found.per_day_bytes is None) == bool(found.reason)
