"""Growth in words and blocks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from dbtool.cli.stats.growth import growth_lines, growth_tables, signed_size
from dbtool.monitor.stats.forecast import forecast
from dbtool.monitor.stats.model import GrowthPoint, GrowthStats, TableGrowth

NOW = datetime(2026, 11, 26, tzinfo=UTC)
MB = 1 << 20


def lines(*sizes: int, free: int = 10_000 * MB) -> dict[str, str]:
    points = tuple(
        GrowthPoint(NOW - timedelta(days=len(sizes) - 1 - day), size * MB, "samples")
        for day, size in enumerate(sizes)
    )
    found = GrowthStats(points, forecast(points, now=NOW, free_bytes=free))
    return dict(growth_lines(found, NOW, 80))


def test_steady_growth_is_a_straight_line() -> None:
    found = lines(*range(100, 160))
    assert found["pace"].startswith("+1.0 MiB a day (median)")
    assert found["forecast"] == "the disk lasts for years at this pace"
    assert found["curve"][0] == "▁"
    assert found["curve"][-1] == "█"
    assert found["seen"] == "100 MiB to 159 MiB in 59 days (+59.0 MiB)"


def test_a_disk_that_fills_up_is_told_in_days() -> None:
    assert "full in about 20 days" in lines(*range(0, 600, 10), free=200 * MB)["forecast"]


def test_without_growth_the_line_is_flat() -> None:
    found = lines(*[50] * 20)
    assert set(found["curve"]) == {"█"}
    assert "does not fill up" in found["forecast"]


def test_a_short_history_says_so() -> None:
    assert lines(1, 2)["forecast"] == "unknown: 1 day of history, and a forecast takes 14"


@pytest.mark.parametrize(("size", "text"), [(0, "no change"), (MB, "+1.0 MiB"), (-MB, "-1.0 MiB")])
def test_differences_have_their_sign(size: int, text: str) -> None:
    assert signed_size(size) == text


def test_tables_that_came_or_went_are_told() -> None:
    tables = (TableGrowth("a", None, 5, 0, 4096), TableGrowth("b", 3, None, 4096, 0))
    point = GrowthPoint(NOW, 1, "samples")
    found = GrowthStats((point,), forecast((point,), now=NOW), tables)
    shown = {
        column.title: [column.show(table) for table in tables] for column in growth_tables(found)
    }
    assert shown["rows"] == ["new", "gone"]
