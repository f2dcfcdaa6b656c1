"""The facts of a day are those of the report, and what it lacks is unknown with the reason."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import apsw
import pytest

from dbtool.errors import Locked
from dbtool.monitor.dailylook import SECTIONS, daily_of
from dbtool.monitor.stats.model import GrowthPoint
from dbtool.monitor.stats.report import StatsOptions, StatsProviders, stats_report
from tests.monitor.lookstands import NOW, SetClock


def report(path: Path, *points: GrowthPoint, busy_timeout_s: float = 5.0):
    return stats_report(
        path,
        StatsOptions(sections=SECTIONS, busy_timeout_s=busy_timeout_s),
        providers=StatsProviders(samples=lambda: points),
        clock=SetClock(),
    )


def fill(path: Path) -> Path:
    with apsw.Connection(str(path)) as connection:
        connection.execute("CREATE TABLE big(a, b); CREATE INDEX i ON big(a); CREATE TABLE e(x)")
        connection.executemany("INSERT INTO big VALUES(?, ?)", [(n, "x" * 99) for n in range(50)])
        connection.execute("ANALYZE")
        connection.executemany("INSERT INTO big VALUES(?, ?)", [(n, "x" * 99) for n in range(999)])
    connection.close()
    return path


def test_a_report_becomes_facts(tmp_path: Path) -> None:
    path = fill(tmp_path / "app.db")
    size = path.stat().st_size
    points = [
        GrowthPoint(NOW - timedelta(days=days), size - 1000 * days, "samples") for days in range(40)
    ]
    daily = daily_of(report(path, *points))
    assert daily.at == NOW
    assert daily.size_bytes == size
    assert daily.reclaimable_bytes is not None
    assert daily.stale_tables == {"big": (50, 1049)}
    assert daily.tables["big"].rows == 1049
    assert daily.tables["e"].rows == 0
    assert daily.growth_per_day_bytes == 1000
    assert daily.grown_bytes == 1000
    assert daily.days_until_full is not None
    assert not daily.unknown


def test_a_young_history_says_so(tmp_path: Path) -> None:
    path = fill(tmp_path / "app.db")
    daily = daily_of(report(path, GrowthPoint(NOW - timedelta(hours=5), 1, "samples")))
    assert daily.growth_per_day_bytes is None
    assert "14" in daily.unknown["growth_per_day_bytes"]
    assert daily.unknown["grown_bytes"] == "there is no sample of a day ago"
    assert daily_of(report(path)).unknown["grown_bytes"].startswith("there are neither samples")


def test_a_database_that_cannot_be_opened_leaves_all_unknown(tmp_path: Path) -> None:
    path = fill(tmp_path / "app.db")
    path.write_bytes(path.read_bytes()[:-5000])
    daily = daily_of(report(path))
    assert daily.reclaimable_bytes is None
    assert daily.stale_tables is None
    assert set(daily.unknown) >= {"reclaimable_bytes", "stale_tables"}
    assert all(daily.unknown.values())
    assert daily.problem.endswith("is cut short")


def test_a_lock_is_no_fact_of_the_day(tmp_path: Path) -> None:
    path = fill(tmp_path / "app.db")
    other = apsw.Connection(str(path))
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(Locked):
        daily_of(report(path, busy_timeout_s=0.0))
    other.close()
