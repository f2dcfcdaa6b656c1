"""What a repository says of one of its databases."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import apsw

from dbtool.backup.model import BackupOptions
from dbtool.backup.repository import Repository
from dbtool.monitor.stats.backups import backup_stats, ends, growth_of_snapshots
from dbtool.monitor.stats.model import BackupStats, Unavailable
from tests.monitor.stats.conftest import Make, rows


def grown(path: Path, repository: Repository, times: int = 3) -> None:
    for _ in range(times):
        connection = apsw.Connection(str(path))
        connection.execute("INSERT INTO t(v) SELECT randomblob(900) FROM t LIMIT 100")
        connection.close()
        repository.backup(path)


def test_snapshots_are_counted_and_weighed(make: Make, tmp_path: Path) -> None:
    path = make("CREATE TABLE t(id INTEGER PRIMARY KEY, v)", rows(100))
    repository = Repository.create(tmp_path / "repo")
    grown(path, repository)
    found = backup_stats(repository, str(path.resolve()), max_age_s=60)
    listed = repository.snapshots()
    assert isinstance(found, BackupStats)
    assert found.count == 3
    assert found.newest_id == listed[-1].id
    assert found.added_bytes == sum(one.bytes_added for one in listed)
    assert found.size_bytes == sum(one.size_bytes for one in listed)
    assert found.ratio is not None
    assert found.ratio > 1
    assert found.repository_bytes >= found.added_bytes * 0.9
    assert (found.databases, found.encrypted, found.verified) == (1, False, None)
    assert (found.max_age_s, found.followed, found.damaged) == (60, False, ())


def test_a_proof_of_stored_data_is_remembered(make: Make, tmp_path: Path) -> None:
    path = make("CREATE TABLE t(id INTEGER PRIMARY KEY, v)", rows(100))
    repository = Repository.create(tmp_path / "repo")
    repository.backup(path)
    repository.verify(read_data=1.0)
    found = backup_stats(repository, str(path.resolve()))
    assert isinstance(found, BackupStats)
    assert found.verified is not None
    assert (datetime.now(UTC) - found.verified).total_seconds() < 600


def test_the_curve_has_a_point_for_each_snapshot(make: Make, tmp_path: Path) -> None:
    path = make("CREATE TABLE t(id INTEGER PRIMARY KEY, v)", rows(100))
    repository = Repository.create(tmp_path / "repo")
    grown(path, repository)
    points = growth_of_snapshots(repository, str(path.resolve()))
    sizes = [point.size_bytes for point in points]
    assert sizes == sorted(sizes)
    assert sizes[-1] == path.stat().st_size
    pair = ends(repository, str(path.resolve()))
    assert pair is not None
    assert pair[0].rank < pair[1].rank


def test_a_database_that_moved_is_known_by_its_old_path(make: Make, tmp_path: Path) -> None:
    path = make("CREATE TABLE t(id INTEGER PRIMARY KEY, v)", rows(10))
    repository = Repository.create(tmp_path / "repo")
    repository.backup(path)
    assert isinstance(backup_stats(repository, "/elsewhere/app.db"), BackupStats)
    repository.backup(make("CREATE TABLE t(a)", name="other.db"))
    nobody = backup_stats(repository, "/elsewhere/app.db")
    assert isinstance(nobody, Unavailable)
    assert "dbtool backup" in nobody.how


def test_one_snapshot_has_no_two_ends(make: Make, tmp_path: Path) -> None:
    path = make("CREATE TABLE t(a)")
    repository = Repository.create(tmp_path / "repo")
    repository.backup(path, options=BackupOptions(name="app"))
    assert ends(repository, "app") is None


def test_a_damaged_snapshot_is_named(make: Make, tmp_path: Path) -> None:
    path = make("CREATE TABLE t(id INTEGER PRIMARY KEY, v)", rows(100))
    repository = Repository.create(tmp_path / "repo")
    grown(path, repository)
    victim = sorted((tmp_path / "repo" / "snapshots").rglob("*"))[-1]
    victim.chmod(0o600)
    victim.write_bytes(b"x" * 100)
    found = backup_stats(Repository.open(tmp_path / "repo"), str(path.resolve()))
    assert isinstance(found, BackupStats)
    assert len(found.damaged) == 1
    assert found.count == 2
