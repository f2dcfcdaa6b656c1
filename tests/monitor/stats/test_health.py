"""Whether all is well, as a health endpoint asks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import apsw
import pytest

from dbtool.backup.repository import Repository
from dbtool.errors import Locked
from dbtool.monitor.stats.health import HealthCheck, HealthReport, health_report
from dbtool.monitor.stats.report import StatsProviders
from tests.monitor.stats.conftest import Make, rows
from tests.monitor.stats.test_report import Ticking, encrypted


@pytest.fixture
def sound(make: Make) -> Path:
    return make(
        "CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE t(id INTEGER PRIMARY KEY, v)",
        "CREATE TABLE c(p REFERENCES p(id)); CREATE INDEX tv ON t(v); CREATE VIEW w AS SELECT 1",
        rows(100),
    )


@pytest.fixture
def repository(sound: Path, tmp_path: Path) -> Repository:
    repository = Repository.create(tmp_path / "repo")
    repository.backup(sound)
    repository.verify(read_data=1.0)
    return repository


def checks(report: HealthReport) -> dict[str, str]:
    return {check.name: check.status for check in report.checks}


def test_all_is_well(sound: Path, repository: Repository) -> None:
    report = health_report(
        sound, providers=StatsProviders(lambda: repository), max_backup_age_s=3600
    )
    assert checks(report) == {"integrity": "pass", "foreign_keys": "pass", "backup": "pass"}
    assert (report.status, report.issues) == ("pass", ())
    assert (report.tables, report.indexes, report.views, report.rows) == (3, 1, 1, 100)
    assert report.backup_age_s is not None
    assert report.backup_age_s < 600
    assert report.lag_s is None


def test_without_a_backup_it_is_a_remark(sound: Path) -> None:
    report = health_report(sound)
    assert report.status == "warn"
    assert [(check.name, check.command) for check in report.issues] == [
        ("backup", "dbtool backup DB")
    ]


def test_a_backup_beyond_its_limit_fails(sound: Path, repository: Repository) -> None:
    class Later:
        def now(self) -> datetime:
            return datetime.now(UTC) + timedelta(days=2)

        def monotonic(self) -> float:
            return 1.0

    report = health_report(
        sound, providers=StatsProviders(lambda: repository), max_backup_age_s=86400, clock=Later()
    )
    assert checks(report)["backup"] == "fail"
    assert report.status == "fail"


def test_references_to_nothing_fail(sound: Path) -> None:
    connection = apsw.Connection(str(sound))
    connection.execute("INSERT INTO c VALUES (1), (2)")
    connection.close()
    report = health_report(sound)
    assert checks(report)["foreign_keys"] == "fail"
    assert "2 rows refer to nothing: c (2)" in report.issues[0].text


def test_damage_fails(sound: Path) -> None:
    connection = apsw.Connection(str(sound))
    root = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'tv'").get
    connection.close()
    with sound.open("r+b") as stream:
        stream.seek((root - 1) * 4096)
        stream.write(b"\xff" * 600)
    report = health_report(sound)
    assert checks(report)["integrity"] == "fail"
    assert report.issues[0].name == "integrity"
    assert "dbtool verify" in report.issues[0].command


def test_what_cannot_be_opened_fails_and_is_said_once(sound: Path) -> None:
    encrypted(sound)
    report = health_report(sound)
    assert report.status == "fail"
    assert [check.status for check in report.checks].count("fail") == 1
    assert report.tables is None


def test_what_takes_too_long_is_unknown(make: Make) -> None:
    path = make("CREATE TABLE t(id INTEGER PRIMARY KEY, v)", rows(30_000))
    report = health_report(path, deadline_s=0.5, clock=Ticking())  # type: ignore[arg-type]
    assert checks(report)["integrity"] == "unknown"
    assert report.status == "warn"


def test_an_empty_database_is_sound(tmp_path: Path) -> None:
    path = tmp_path / "empty.db"
    path.touch()
    assert checks(health_report(path))["integrity"] == "pass"


def test_alerts_are_checks_and_their_failure_is_one_too(sound: Path) -> None:
    alert = HealthCheck("reader-pins-wal", "fail", "process 7 pins the WAL", "kill 7")

    def unknown() -> tuple[HealthCheck, ...]:
        raise Locked("database-locked", "the samples are locked")

    told = health_report(sound, alerts=lambda: (alert,))
    assert checks(told)["reader-pins-wal"] == "fail"
    assert told.alerts == (alert,)
    assert checks(health_report(sound, alerts=unknown))["alerts"] == "unknown"


def test_a_foreign_key_that_cannot_be_checked_is_unknown(make: Make) -> None:
    path = make(
        "CREATE TABLE p(a); CREATE TABLE c(x REFERENCES p(nokey)); INSERT INTO c VALUES (1)"
    )
    assert checks(health_report(path))["foreign_keys"] == "unknown"
