"""Samples are taken in tiers, remembered, and go on where the last process stopped."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dbtool.errors import DbtoolError, Unreachable
from dbtool.monitor.alerts import ALERTS, AlertLimits
from dbtool.monitor.daily import Daily
from dbtool.monitor.history import Recorder, read_series
from dbtool.monitor.sampler import BackupFacts, Sampler, Sources
from tests.monitor.lookstands import KNOWN, NOW, SetClock
from tests.monitor.programs import Program, wal_database


class Tiers:
    """Slower facts, and how often they were asked for."""

    def __init__(self) -> None:
        self.daily_calls = 0
        self.backup_calls = 0
        self.backup_at: datetime | None = NOW
        self.error: DbtoolError | None = None

    def daily(self, look: Any) -> Daily:
        self.daily_calls += 1
        if self.error:
            raise self.error
        return replace(KNOWN, at=look.at)

    def backups(self) -> BackupFacts:
        self.backup_calls += 1
        if self.error:
            raise self.error
        return BackupFacts(self.backup_at, NOW, NOW)

    @property
    def sources(self) -> Sources:
        return Sources(daily=self.daily, backups=self.backups)


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def make(tmp_path: Path, clock: SetClock) -> Callable[..., Sampler]:
    path = wal_database(tmp_path / "app.db")

    def make(**options: Any) -> Sampler:
        recorder = Recorder.open(tmp_path / "h.db")
        options = {"recorder": recorder, "limits": AlertLimits(), "clock": clock, **options}
        return Sampler(path, **options)

    return make


def series(tmp_path: Path, metric: str) -> list[float]:
    points = read_series(tmp_path / "h.db", metric, since=NOW - timedelta(days=9))
    return [point.value for point in points]


def test_looks_are_stored_by_the_minute_and_at_the_end(
    make: Callable[..., Sampler], clock: SetClock, tmp_path: Path
) -> None:
    with make() as sampler, Program(tmp_path / "app.db") as program:
        sampler.sample()
        for key in range(1, 13):
            program.run(f"INSERT INTO t VALUES({key}, 'x')")
            clock.go(10)
            sampling = sampler.sample()
            assert sampling.commits_per_s == pytest.approx(0.1)
        assert sampling.totals["commits"] == 12
        program.run("INSERT INTO t VALUES(99, 'x')")
        clock.go(10)
        sampler.sample()
    assert sum(series(tmp_path, "commits")) == 13
    assert series(tmp_path, "database_bytes")[-1] == 8192
    assert sum(series(tmp_path, "frames")) == 12  # the rest within the next minute


def test_the_next_process_counts_from_where_the_last_one_stopped(
    make: Callable[..., Sampler], clock: SetClock, tmp_path: Path
) -> None:
    with Program(tmp_path / "app.db") as program:
        program.run("SELECT * FROM t")
        with make() as sampler:
            assert sampler.sample().commits_per_s is None
        program.run("INSERT INTO t VALUES(1, 'x')", "INSERT INTO t VALUES(2, 'x')")
        clock.go(300)
        clock.seconds = 5.0  # of another process
        with make() as sampler:
            sampling = sampler.sample()
    assert sampling.look is not None
    assert sampling.look.commits == 2
    assert sampling.commits_per_s == pytest.approx(2 / 300)
    assert sum(series(tmp_path, "commits")) == 2


def test_an_alert_takes_its_time_over_processes_too(
    make: Callable[..., Sampler], clock: SetClock, tmp_path: Path
) -> None:
    limits = AlertLimits(wal_bytes=1, wal_share=0.0001)
    with Program(tmp_path / "app.db") as program:
        program.run("INSERT INTO t VALUES(1, 'x')")
        states = []
        for _ in range(3):
            with make(limits=limits) as sampler:
                sampling = sampler.sample()
            states.append(next(a.state for a in sampling.alerts if a.code == "wal-large"))
            clock.go(200)
    assert states == ["pending", "pending", "firing"]


def test_a_database_that_is_gone_is_an_alert_and_no_error(
    make: Callable[..., Sampler], clock: SetClock, tmp_path: Path
) -> None:
    with make() as sampler:
        sampler.sample()
        (tmp_path / "app.db").rename(tmp_path / "kept")
        sampling = sampler.sample()
        assert sampling.look is None
        assert [alert.code for alert in sampling.firing] == ["database-unreadable"]
        (tmp_path / "kept").rename(tmp_path / "app.db")
        clock.go(100)
        assert not sampler.sample().firing


def test_the_tiers_are_asked_as_often_as_they_cost(
    make: Callable[..., Sampler], clock: SetClock
) -> None:
    tiers = Tiers()
    with make(sources=tiers.sources) as sampler:
        for _ in range(36):
            sampler.sample()
            clock.go(100)
    assert (tiers.daily_calls, tiers.backup_calls) == (1, 6)
    clock.go(86400)
    with make(sources=tiers.sources) as sampler:
        sampler.sample()
    assert tiers.daily_calls == 2


def test_a_new_backup_is_heard_of_within_minutes(
    make: Callable[..., Sampler], clock: SetClock
) -> None:
    tiers = Tiers()
    tiers.backup_at = NOW - timedelta(hours=3)
    with make(sources=tiers.sources, limits=AlertLimits(backup_age_s=3600)) as sampler:
        assert [alert.code for alert in sampler.sample().firing] == ["backup-stale"]
        tiers.backup_at = NOW
        clock.go(601)
        assert not sampler.sample().firing


def test_sources_that_fail_leave_their_alerts_unknown_and_are_asked_again(
    make: Callable[..., Sampler], clock: SetClock
) -> None:
    tiers = Tiers()
    tiers.error = Unreachable("store-unreachable", "the store does not answer")
    with make(sources=tiers.sources, limits=AlertLimits(backup_age_s=60)) as sampler:
        sampling = sampler.sample()
        unknown = {alert.code for alert in sampling.alerts if alert.state == "unknown"}
        assert {"backup-stale", "verify-stale", "space-reclaimable"} <= unknown
        assert {a.evidence for a in sampling.alerts if a.code in unknown} == {
            "the store does not answer"
        }
        tiers.error = None
        clock.go(3700)
        assert not [alert for alert in sampler.sample().alerts if alert.state == "unknown"]


def test_alerts_that_are_not_wanted_are_none(make: Callable[..., Sampler]) -> None:
    with make(ignored=["wal-large"]) as sampler:
        codes = [alert.code for alert in sampler.sample().alerts]
    assert codes == [code for code in ALERTS if code != "wal-large"]


def test_without_a_recorder_it_looks_all_the_same(make: Callable[..., Sampler]) -> None:
    with make(recorder=None) as sampler:
        assert not sampler.recording
        assert sampler.sample().look is not None


def test_a_history_that_cannot_be_written_does_not_stop_the_looks(
    make: Callable[..., Sampler],
    clock: SetClock,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with make() as sampler:
        sampler.sample()
        with Program(tmp_path / "h.db") as program, caplog.at_level(logging.WARNING):
            program.run("BEGIN IMMEDIATE")
            clock.go(61)
            assert sampler.sample().look is not None
            assert "locked" in caplog.text
        clock.go(61)
        sampler.sample()
    assert len(series(tmp_path, "database_bytes")) == 2


def test_a_process_that_begins_before_the_last_look_knows_no_rate(
    make: Callable[..., Sampler], clock: SetClock
) -> None:
    with make() as sampler:
        sampler.sample()
    clock.time -= timedelta(days=1)
    with make() as sampler:
        assert sampler.sample().commits_per_s is None


def test_a_wall_clock_that_jumps_changes_no_rate(
    make: Callable[..., Sampler], clock: SetClock, tmp_path: Path
) -> None:
    with make() as sampler, Program(tmp_path / "app.db") as program:
        program.run("SELECT * FROM t")
        sampler.sample()
        program.run("INSERT INTO t VALUES(1, 'x')")
        clock.time += timedelta(days=400)
        clock.seconds += 10
        assert sampler.sample().commits_per_s == pytest.approx(0.1)
        clock.time -= timedelta(days=800)
        clock.seconds += 10
        assert sampler.sample().commits_per_s == 0


def test_where_another_process_records_it_is_the_one_that_tells_until_it_ends(
    make: Callable[..., Sampler], clock: SetClock, tmp_path: Path
) -> None:
    limits = AlertLimits(disk_free=1 << 62)
    first = make(limits=limits, tells=True)
    first.sample()
    with make(recorder=tmp_path / "h.db", limits=limits) as second:
        assert second.sample().changed
        assert second.told_elsewhere
        assert not second.recording
        first.close()
        clock.go(61)
        assert not second.sample().changed, "it was told already"
        assert second.recording
        assert not second.told_elsewhere


def test_a_recorder_that_tells_nobody_silences_nobody(
    make: Callable[..., Sampler], tmp_path: Path
) -> None:
    with make() as first, make(recorder=tmp_path / "h.db") as second:
        first.sample()
        second.sample()
        assert not second.told_elsewhere


@pytest.mark.parametrize(
    "state",
    [
        {"alerts": {"wal-large": [1]}, "looked_at": "xx", "observer": 5, "daily": []},
        {"alerts": [], "looked_at": 7, "observer": {"commits": [], "wal": [1]}, "daily": "[]"},
        {"alerts": 1, "looked_at": "2026-01-01T00:00:00", "observer": {"wal": ["zz", 1, 2]}},
        {"alerts": {"wal-large": ["melting", "", 0, 0, None]}},
        {"observer": {"commits": {"shm": 5, "commits": "x", "changes": "y", "database": [1, 2]}}},
    ],
)
def test_what_another_version_noted_does_no_harm(
    make: Callable[..., Sampler], tmp_path: Path, state: dict[str, Any]
) -> None:
    recorder = Recorder.open(tmp_path / "h.db")
    assert recorder is not None
    with recorder:
        recorder.write_all([], {"sampler": json.dumps(state)})
    with make() as sampler:
        assert sampler.sample().look is not None
        assert sampler.sample().look is not None
