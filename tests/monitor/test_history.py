"""Samples become minutes, hours and days, and come back as one series."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dbtool.monitor.history import (
    Recorder,
    Sample,
    SeriesName,
    history_beside,
    history_file,
    read_series,
    series_names,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def opened(path: Path, aside: list[Path] | None = None) -> Recorder:
    recorder = Recorder.open(path, aside=aside)
    assert recorder is not None
    return recorder


def values(path: Path, metric: str, **given: object) -> list[float]:
    return [point.value for point in read_series(path, metric, since=LONG_AGO, **given)]


def test_samples_of_a_minute_become_one_value_as_the_metric_says(tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    with opened(path) as recorder:
        for second, value in ((0, 5), (10, 9), (20, 7)):
            recorder.write(
                [
                    Sample("size", value),
                    Sample("age", value, "greatest"),
                    Sample("commits", value, "sum"),
                ],
                NOON + timedelta(seconds=second),
            )
    for resolution in ("minute", "hour", "day"):
        assert values(path, "size", resolution=resolution) == [7]
        assert values(path, "age", resolution=resolution) == [9]
        assert values(path, "commits", resolution=resolution) == [21]


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 99)), min_size=1, max_size=30))
def test_the_sums_of_every_resolution_are_the_sum_of_the_samples(
    tmp_path_factory: pytest.TempPathFactory, samples: list[tuple[int, int]]
) -> None:
    path = tmp_path_factory.mktemp("h") / "h.db"
    with opened(path) as recorder:
        for second, value in samples:
            at = NOON + timedelta(seconds=second)
            recorder.write([Sample("commits", value, "sum")], at)
    expected = sum(value for _, value in samples)
    for resolution in ("minute", "hour", "day"):
        assert sum(values(path, "commits", resolution=resolution)) == expected


def test_the_finest_that_is_left_is_given_and_nothing_twice(tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    with opened(path) as recorder:
        for hours in range(24 * 100, -1, -1):
            recorder.write([Sample("size", hours)], NOON - timedelta(hours=hours))
        while recorder.prune(NOON):
            pass
    points = read_series(path, "size", since=LONG_AGO)
    assert [point.at for point in points] == sorted({point.at for point in points})
    spans = {point.interval_s: point.at for point in reversed(points)}
    assert NOON - spans[60] == timedelta(days=7)
    assert timedelta(days=89) < NOON - spans[3600] <= timedelta(days=90)
    assert points[0].interval_s == 86400
    assert points[-1].value == 0
    recent = read_series(path, "size", since=NOON - timedelta(hours=3), until=NOON)
    assert [point.value for point in recent] == [3, 2, 1]


def test_a_clock_that_jumps_a_year_ahead_for_an_hour_costs_hours_not_all(tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    with opened(path) as recorder:
        for hours in range(24 * 6):
            recorder.write([Sample("size", hours)], NOON + timedelta(hours=hours))
        recorder.prune(NOON + timedelta(days=366))
    assert len(values(path, "size", resolution="minute")) >= 24 * 6 - 3


def test_a_clock_that_goes_back_leaves_what_came_later(tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    with opened(path) as recorder:
        recorder.write([Sample("size", 1)], NOON)
        recorder.write([Sample("size", 2)], NOON - timedelta(days=1))
    assert values(path, "size", resolution="minute") == [2, 1]


def test_tables_have_series_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    with opened(path) as recorder:
        recorder.write([Sample("rows", 1, label="a"), Sample("rows", 2, label='b"\n')], NOON)
    assert values(path, "rows", label='b"\n') == [2]
    assert series_names(path) == (SeriesName("rows", "a"), SeriesName("rows", 'b"\n'))


def test_one_process_records_and_everybody_reads(tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    with opened(path) as recorder:
        assert Recorder.open(path) is None
        recorder.write([Sample("size", 1)], NOON)
        assert values(path, "size", resolution="day") == [1]
    opened(path).close()


def test_the_next_run_goes_on_from_what_was_noted(tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    with opened(path) as recorder:
        assert recorder.state("wal") is None
        recorder.write_all([], {"wal": "1"})
        recorder.write_all([(NOON, [Sample("size", 1)])], {"wal": "2"})
    with opened(path) as recorder:
        assert recorder.state("wal") == "2"


def test_no_history_is_an_empty_series(tmp_path: Path) -> None:
    assert read_series(tmp_path / "h.db", "size", since=LONG_AGO) == ()
    (tmp_path / "h.db").touch()
    assert read_series(tmp_path / "h.db", "size", since=LONG_AGO) == ()
    assert series_names(tmp_path / "h.db") == ()


def test_a_row_takes_less_than_18_bytes(tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    with opened(path) as recorder, recorder._connection:
        for minute in range(5000):
            at = NOON + timedelta(minutes=minute)
            recorder.write([Sample(f"m{n}", 123456789 + n * 7919) for n in range(4)], at)
    rows = 4 * (5000 + 5000 // 60)
    assert path.stat().st_size / rows < 20  # what is not full yet included


def test_databases_have_histories_of_their_own(tmp_path: Path) -> None:
    one, two = tmp_path / "one.db", tmp_path / "two.db"
    (tmp_path / "link.db").symlink_to(one)
    assert history_file(tmp_path, one) != history_file(tmp_path, two)
    assert history_file(tmp_path, one) == history_file(tmp_path, tmp_path / "link.db")
    assert history_beside(one) == one.with_name("one.db.history.db")
