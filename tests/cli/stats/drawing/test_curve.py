"""The curve of growth and its forecast."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

from dbtool.cli.stats.drawing.curve import growth_curve
from dbtool.monitor.stats.model import Forecast, GrowthPoint, GrowthStats

NOW = datetime(2026, 11, 26, tzinfo=UTC)
UNKNOWN = Forecast(None, None, None, None, None, 3.0, "too short")
KNOWN = Forecast(100.0, 50.0, 300.0, 10.0, 3.0, 60.0)


def stats(count: int, ahead: Forecast) -> GrowthStats:
    points = (
        GrowthPoint(NOW - timedelta(days=count - n), 1000 + 10 * n, "samples") for n in range(count)
    )
    return GrowthStats(tuple(points), ahead)


def test_a_forecast_has_its_band() -> None:
    drawing = growth_curve(stats(60, KNOWN))
    ElementTree.fromstring(drawing)
    assert 'class="band"' in drawing
    assert 'class="ahead"' in drawing


def test_without_a_forecast_there_is_the_curve_alone() -> None:
    drawing = growth_curve(stats(3, UNKNOWN))
    assert 'class="curve"' in drawing
    assert 'class="ahead"' not in drawing


def test_one_moment_makes_no_curve() -> None:
    assert growth_curve(stats(1, UNKNOWN)) == ""


def test_years_of_samples_make_a_small_picture() -> None:
    drawing = growth_curve(stats(20_000, UNKNOWN))
    assert len(drawing) < 20_000
