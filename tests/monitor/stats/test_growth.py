"""The curve out of samples and snapshots, and what the tables grew by."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import apsw
import pytest

from dbtool.backup.repository import Repository
from dbtool.core.progress import Silent
from dbtool.monitor.stats.growth import growth_stats, tables_over_time
from dbtool.monitor.stats.model import GrowthPoint, GrowthStats, Unavailable
from tests.monitor.stats.conftest import Make, rows

NOW = datetime(2026, 11, 26, tzinfo=UTC)


def test_without_points_it_says_how_to_get_them() -> None:
    found = growth_stats((), now=NOW, free_bytes=1)
    assert isinstance(found, Unavailable)
    assert "dbtool monitor" in found.how
    assert "dbtool backup" in found.how


def test_points_of_both_kinds_make_one_curve() -> None:
    points = [
        GrowthPoint(NOW - timedelta(days=days), 1000 - days, basis)
        for basis, range_ in (("samples", range(10)), ("snapshots", range(10, 40)))
        for days in range_
    ]
    found = growth_stats(points, now=NOW, free_bytes=100)
    assert isinstance(found, GrowthStats)
    assert [point.at for point in found.points] == sorted(point.at for point in points)
    assert found.forecast.per_day_bytes == 1
    assert found.forecast.days_until_full == 100


@pytest.fixture
def repository(make: Make, tmp_path: Path) -> Repository:
    path = make(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, v); CREATE TABLE gone(a); CREATE TABLE same(a)",
        rows(100),
    )
    repository = Repository.create(tmp_path / "repo")
    repository.backup(path)
    connection = apsw.Connection(str(path))
    connection.execute("DROP TABLE gone; CREATE TABLE fresh(a); INSERT INTO fresh VALUES (1)")
    connection.execute("INSERT INTO t SELECT id + 1000, v FROM t")
    connection.close()
    repository.backup(path)
    return repository


def test_tables_of_two_snapshots_are_compared(repository: Repository) -> None:
    oldest, newest = repository.snapshots()
    found = tables_over_time(oldest, newest, Silent(), lambda: False)
    assert {table.name: (table.rows_then, table.rows_now) for table in found} == {
        "t": (100, 200),
        "gone": (0, None),
        "fresh": (None, 1),
        "same": (0, 0),
    }
    assert found[0].name == "t"
