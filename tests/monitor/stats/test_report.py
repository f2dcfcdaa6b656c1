"""A report always comes, whatever the file is; what cannot be had says why."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

from dbtool.backup.repository import Repository
from dbtool.core.progress import Silent
from dbtool.errors import NotFound, Unreachable, UsageError
from dbtool.monitor.stats.model import (
    SECTIONS,
    BackupStats,
    GrowthStats,
    StorageStats,
    TablesStats,
    Unavailable,
)
from dbtool.monitor.stats.report import StatsOptions, StatsProviders, stats_report
from tests.monitor.stats.conftest import Make, rows
from tests.pages.databases import listing


def truncated(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def scrambled_schema(path: Path) -> None:
    connection = apsw.Connection(str(path))
    connection.execute("PRAGMA writable_schema = 1; UPDATE sqlite_schema SET sql = 'nonsense'")
    connection.close()


def encrypted(path: Path) -> None:
    path.write_bytes(random.Random(1).randbytes(8192))


def test_every_section_is_there_in_its_order(make: Make) -> None:
    report = stats_report(make("CREATE TABLE t(id INTEGER PRIMARY KEY, v)", rows(100)))
    assert tuple(report.sections) == SECTIONS
    assert isinstance(report.sections["storage"], StorageStats)
    assert isinstance(report.sections["workload"], Unavailable)
    assert report.problem is None


def test_only_what_was_asked_for_is_there(make: Make) -> None:
    report = stats_report(make("CREATE TABLE t(a)"), StatsOptions(("indexes", "storage")))
    assert tuple(report.sections) == ("storage", "indexes")


def test_nothing_is_changed_by_looking(make: Make) -> None:
    path = make("PRAGMA journal_mode = wal", "CREATE TABLE t(id INTEGER PRIMARY KEY, v)", rows(100))
    before = listing(path.parent)
    stats_report(path)
    assert listing(path.parent) == before


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (truncated, "database-truncated"),
        (encrypted, "database-encrypted"),
    ],
)
def test_what_cannot_be_opened_is_reported(
    make: Make, damage: Callable[[Path], None], code: str
) -> None:
    path = make("CREATE TABLE t(id INTEGER PRIMARY KEY, v)", rows(1000))
    damage(path)
    report = stats_report(path)
    assert report.problem is not None
    assert report.problem.code == code
    assert report.file.file_bytes == path.stat().st_size
    for name in ("storage", "tables", "indexes", "writes"):
        assert isinstance(report.sections[name], Unavailable)


def test_a_schema_that_sqlite_refuses_leaves_the_storage(make: Make) -> None:
    path = make("CREATE TABLE t(a)")
    scrambled_schema(path)
    report = stats_report(path)
    storage = report.sections["storage"]
    assert isinstance(storage, StorageStats)
    assert storage.packed_bytes is None
    tables = report.sections["tables"]
    assert isinstance(tables, Unavailable)
    assert "malformed" in tables.reason or "damaged" in tables.reason


def test_a_database_that_somebody_locks_is_reported(make: Make) -> None:
    path = make("CREATE TABLE t(a)")
    writer = apsw.Connection(str(path))
    writer.execute("BEGIN EXCLUSIVE")
    report = stats_report(path, StatsOptions(busy_timeout_s=0.05))
    writer.close()
    assert report.problem is not None
    assert report.problem.code == "database-locked"


@pytest.mark.parametrize("make_wrong", ["missing", "folder", "text"])
def test_what_is_no_database_is_an_error(tmp_path: Path, make_wrong: str) -> None:
    path = tmp_path / "wrong"
    if make_wrong == "folder":
        path.mkdir()
    elif make_wrong == "text":
        path.write_text("hello " * 100, encoding="utf-8")
    with pytest.raises((NotFound, UsageError)):
        stats_report(path)


def test_an_empty_file_has_empty_sections(tmp_path: Path) -> None:
    path = tmp_path / "empty.db"
    path.touch()
    report = stats_report(path)
    tables = report.sections["tables"]
    assert isinstance(tables, TablesStats)
    assert tables.tables == ()
    assert not path.stat().st_size


def test_a_repository_gives_backups_and_growth(make: Make, tmp_path: Path) -> None:
    path = make("CREATE TABLE t(id INTEGER PRIMARY KEY, v)", rows(100))
    repository = Repository.create(tmp_path / "repo")
    repository.backup(path)
    connection = apsw.Connection(str(path))
    connection.execute("DELETE FROM t WHERE id > 50")
    connection.close()
    repository.backup(path)
    report = stats_report(
        path,
        StatsOptions(compare_snapshots=True),
        providers=StatsProviders(repository=lambda: repository),
    )
    growth = report.sections["growth"]
    assert isinstance(report.sections["backups"], BackupStats)
    assert isinstance(growth, GrowthStats)
    assert len(growth.points) >= 2
    assert {t.name: (t.rows_then, t.rows_now) for t in growth.tables} == {"t": (100, 50)}


def test_a_store_that_does_not_answer_ends_nothing_else(make: Make) -> None:
    def unreachable() -> Repository:
        raise Unreachable("store-unreachable", "the store does not answer", hint="try again")

    report = stats_report(
        make("CREATE TABLE t(a)"), providers=StatsProviders(repository=unreachable)
    )
    assert report.sections["backups"] == Unavailable("the store does not answer", "try again")
    assert isinstance(report.sections["tables"], TablesStats)
    assert report.problem is None


def test_a_trace_that_is_not_there_is_told(make: Make, tmp_path: Path) -> None:
    options = StatsOptions(("workload",), trace=tmp_path / "no.log")
    found = stats_report(make("CREATE TABLE t(a)"), options).sections["workload"]
    assert isinstance(found, Unavailable)
    assert "no.log" in found.reason


class Ticking:
    """A clock that goes on by a second at every look."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> object:
        from datetime import UTC, datetime

        return datetime(2026, 11, 26, tzinfo=UTC)

    def monotonic(self) -> float:
        self.seconds += 1
        return self.seconds


def test_after_the_deadline_the_rest_is_left_out(make: Make) -> None:
    path = make("CREATE TABLE t(id INTEGER PRIMARY KEY, v)", rows(20_000))
    report = stats_report(path, StatsOptions(deadline_s=0.5), clock=Ticking())  # type: ignore[arg-type]
    for name in ("tables", "growth", "backups"):
        found = report.sections[name]
        assert isinstance(found, Unavailable)
        assert "0.5 s" in found.reason


def test_whoever_asked_can_stop_it(make: Make) -> None:
    class Stopping(Silent):
        def advance(self, amount: int) -> None:
            raise KeyboardInterrupt

    path = make("CREATE TABLE t(id INTEGER PRIMARY KEY, v)", rows(50_000))
    with pytest.raises(KeyboardInterrupt):
        stats_report(path, progress=Stopping())


def test_samples_are_a_curve_though_the_repository_cannot_be_opened(make: Make) -> None:
    from datetime import UTC, datetime

    from dbtool.monitor.stats.model import GrowthPoint

    asked = []

    def unreachable() -> Repository:
        asked.append(1)
        raise Unreachable("store-unreachable", "the store does not answer")

    points = (GrowthPoint(datetime(2026, 11, 1, tzinfo=UTC), 4096, "samples"),)
    providers = StatsProviders(repository=unreachable, samples=lambda: points)
    report = stats_report(make("CREATE TABLE t(a)"), providers=providers)
    assert isinstance(report.sections["growth"], GrowthStats)
    assert isinstance(report.sections["backups"], Unavailable)
    assert len(asked) == 1
