"""What deserves attention, and above all what does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dbtool.errors import WrongKey
from dbtool.monitor.alerts import AlertLimits
from dbtool.monitor.stats.advice import Advice, advice
from dbtool.monitor.stats.model import (
    BackupStats,
    FileStats,
    Forecast,
    GrowthPoint,
    GrowthStats,
    IndexesStats,
    IndexStats,
    ObjectProblem,
    StatsReport,
    StorageStats,
    TablesStats,
    Unavailable,
)

NOW = datetime(2026, 11, 26, tzinfo=UTC)
MB = 1 << 20
FILE = FileStats(Path("app.db"), 400 * MB, None, NOW, 10_000 * MB, 20_000 * MB)
STORAGE = StorageStats(
    None, 4096, 400 * MB // 4096, 0, 390 * MB, "UTF-8", "wal", "none", 1, 0, 0, "3.54.1"
)  # fmt: skip
BACKUPS = BackupStats(
    "repo", False, 3, NOW, "a" * 32, NOW - timedelta(hours=2), NOW, 1, 10, 100, 20, 1, NOW, 86400.0
)  # fmt: skip


def told(file: FileStats = FILE, **sections: object) -> dict[str, Advice]:
    return {one.code: one for one in advice(StatsReport(file, NOW, sections))}


def growth(days: float | None, worst: float | None) -> GrowthStats:
    ahead = Forecast(10.0 * MB, 5.0 * MB, 20.0 * MB, days, worst, 60.0)
    return GrowthStats((GrowthPoint(NOW, 1, "samples"),), ahead)


def test_where_all_is_well_nothing_is_said() -> None:
    assert told(storage=STORAGE, backups=BACKUPS, growth=growth(900, 400)) == {}


def test_space_is_worth_a_word_from_a_quarter_and_64_mib() -> None:
    assert "space-reclaimable" in told(storage=replace(STORAGE, packed_bytes=290 * MB))
    assert "space-reclaimable" not in told(storage=replace(STORAGE, packed_bytes=310 * MB))
    small = replace(STORAGE, page_count=1000, packed_bytes=4096)
    assert "space-reclaimable" not in told(storage=small)


@pytest.mark.parametrize(
    ("days", "worst", "urgent"), [(29.0, 10.0, True), (31.0, 29.0, False), (None, 29.0, False)]
)
def test_a_disk_that_fills_up_soon_is_told(days: float, worst: float, urgent: bool) -> None:
    assert told(growth=growth(days, worst))["disk-full-soon"].urgent == urgent


def test_a_disk_too_small_for_a_second_copy_is_told() -> None:
    assert "disk-free-low" in told(replace(FILE, disk_free_bytes=700 * MB))


@pytest.mark.parametrize(("wal_mb", "said"), [(61, False), (100, True), (41, False)])
def test_a_large_wal_is_told(wal_mb: int, said: bool) -> None:
    assert ("wal-large" in told(replace(FILE, wal_bytes=wal_mb * MB))) == said


def test_backups_that_are_missing_stale_damaged_or_unproven_are_told() -> None:
    nothing = Unavailable("there is no repository", "dbtool backup DB")
    assert told(backups=nothing)["backup-missing"].urgent
    stale = replace(BACKUPS, seen=NOW - timedelta(days=2))
    assert told(backups=stale)["backup-stale"].urgent
    assert told(backups=replace(stale, max_age_s=None)) == {}
    assert "snapshot-damaged" in told(backups=replace(BACKUPS, damaged=("broken",)))
    assert "verify-stale" in told(backups=replace(BACKUPS, verified=None))
    assert "verify-stale" in told(backups=replace(BACKUPS, verified=NOW - timedelta(days=8)))


def test_a_repository_that_cannot_be_reached_is_no_missing_backup() -> None:
    assert told(backups=Unavailable("the store does not answer", "try again")) == {}


def test_superfluous_indexes_and_stale_statistics_are_told() -> None:
    index = IndexStats("a", "t", "x", False, False, "c", 5000, 1, 2 * MB, 0, covered_by="b")
    found = told(indexes=IndexesStats((index,), analyzed=True, stale={"t": (10, 1000)}))
    assert "the beginning of b" in found["index-redundant"].text
    assert "1,000" in found["statistics-stale"].text
    same = IndexesStats((replace(index, duplicate=True),), analyzed=True)
    assert "the same terms as b" in told(indexes=same)["index-redundant"].text


def test_damage_is_urgent_and_a_failing_view_is_not() -> None:
    damaged = TablesStats((), 0, 0, (ObjectProblem("t", "tree", "2 pages"),))
    assert told(tables=damaged)["object-failing"].urgent
    failing = TablesStats((), 1, 0, tuple(ObjectProblem(f"v{n}", "view", "no") for n in range(9)))
    report = StatsReport(FILE, NOW, {"tables": failing})
    assert [one.urgent for one in advice(report)] == [False] * 4
    assert "6 more" in advice(report)[-1].text


def test_what_cannot_be_opened_comes_first() -> None:
    problem = WrongKey("database-encrypted", "app.db is encrypted", hint="decrypt it\nor not")
    nothing = Unavailable("there is no repository of it", "dbtool backup DB")
    report = StatsReport(FILE, NOW, {"backups": nothing}, 0.0, problem)
    assert [(one.code, one.command) for one in advice(report)] == [
        ("database-encrypted", "decrypt it")
    ]


def test_the_urgent_comes_first() -> None:
    found = told(
        replace(FILE, disk_free_bytes=MB),
        backups=replace(BACKUPS, seen=NOW - timedelta(days=9)),
    )
    assert next(iter(found)) == "backup-stale"


def test_a_superfluous_index_of_a_few_rows_is_not_worth_a_word() -> None:
    index = IndexStats("a", "t", "x", False, False, "c", 999, 1, 4096, 0, covered_by="b")
    assert told(indexes=IndexesStats((index,), analyzed=True)) == {}


def test_many_superfluous_indexes_are_summed() -> None:
    index = IndexStats("a", "t", "x", False, False, "c", 5000, 1, 2 * MB, 0, covered_by="b")
    every = IndexesStats((index,) * 10, analyzed=True)
    found = advice(StatsReport(FILE, NOW, {"indexes": every}))
    assert len(found) == 4
    assert found[-1].text.startswith("7 more indexes are superfluous; 14.0 MiB")


def test_limits_can_be_others_than_the_usual_ones() -> None:
    report = StatsReport(FILE, NOW, {"growth": growth(60, 50)})
    assert advice(report) == ()
    limits = AlertLimits(full_within_s=90 * 86400.0, disk_free=0.6)
    assert {one.code for one in advice(report, limits)} == {"disk-full-soon", "disk-free-low"}
    assert "60% of the disk" in advice(report, limits)[-1].text
