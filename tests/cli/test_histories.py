"""What samples say to other commands."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from dbtool.cli.context import Session
from dbtool.cli.histories import alert_checks, growth_samples, history_of
from dbtool.config import state_folder
from dbtool.monitor.history import Recorder, Sample
from tests.cli.conftest import Run

NOW = datetime.now(UTC)


def test_samples_lie_in_the_state_folder_or_beside() -> None:
    assert history_of(Session([]), Path("app.db")).parent == state_folder() / "history"
    Path("dbtool.toml").write_text("[monitor]\nhistory_beside = true\n")
    assert history_of(Session([]), Path("app.db")).name == "app.db.history.db"


def test_growth_is_read_by_the_hour_and_before_that_by_the_day() -> None:
    session = Session([])
    assert growth_samples(session, Path("app.db")) == []
    recorder = Recorder.open(history_of(session, Path("app.db")))
    assert recorder is not None
    with recorder:
        for days in range(200, -1, -1):
            at = NOW - timedelta(days=days)
            recorder.write([Sample("database_bytes", 1000 - days)], at)
    points = growth_samples(session, Path("app.db"))
    assert [point.size_bytes for point in points] == sorted(point.size_bytes for point in points)
    assert len({point.at for point in points}) == len(points)
    assert (points[0].size_bytes, points[-1].size_bytes) == (800, 1000)
    assert len(points) >= 199
    assert points[-1].at <= datetime.now(UTC)


def test_alerts_of_the_last_look_are_checks_of_the_health(run: Run, database: Path) -> None:
    Path("dbtool.toml").write_text('[alerts]\ndisk_free = "99.99%"\n')
    assert alert_checks(Session([]), database) == ()
    assert run("monitor", "app.db").code == 4
    (check,) = alert_checks(Session([]), database)
    assert (check.name, check.status, check.command) == ("disk-free-low", "fail", "df -h .")
    done = run("stats", "--health", "--json", "app.db")
    assert done.code == 4
    assert "disk-free-low" in {one["name"] for one in done.data["checks"]}
