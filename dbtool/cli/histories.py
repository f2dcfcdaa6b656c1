"""Where the samples of a database lie, and what they say to other commands."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from dbtool.config import state_folder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dbtool.cli.context import Session
    from dbtool.monitor.stats.health import HealthCheck
    from dbtool.monitor.stats.model import GrowthPoint

__all__ = ["alert_checks", "growth_samples", "history_of"]

_RECENT = timedelta(hours=1)
_HOURLY = timedelta(days=90)
_DAY_S = 86400
_EVER = datetime(2000, 1, 1, tzinfo=UTC)


def history_of(session: Session, path: Path) -> Path:
    """Return where the samples of a database lie, or would."""
    from dbtool.monitor.history import history_beside, history_file

    if session.config.get("monitor.history_beside"):
        return history_beside(path)
    return history_file(state_folder(), path)


def growth_samples(session: Session, path: Path) -> Sequence[GrowthPoint]:
    """Return the sizes of a database that `monitor` stored, by the hour and by the day.

    Raises:
        DbtoolError: the samples cannot be read.
    """
    from dbtool.monitor.history import read_series
    from dbtool.monitor.stats.model import GrowthPoint

    place, now = history_of(session, path), datetime.now(UTC)
    hours = read_series(place, "database_bytes", since=now - _HOURLY, resolution="hour")
    first = hours[0].at if hours else now
    days = read_series(place, "database_bytes", since=_EVER, until=first, resolution="day")
    points = []
    for point in (*days, *hours):
        end = min(now, point.at + timedelta(seconds=point.interval_s))
        if point.at <= now and (point.interval_s < _DAY_S or end <= first):
            points.append(GrowthPoint(end, int(point.value), "samples"))
    return points


def alert_checks(session: Session, path: Path) -> Sequence[HealthCheck]:
    """Return the alerts that fired when `monitor` last looked, within an hour, as checks.

    Raises:
        DbtoolError: the samples cannot be read.
    """
    from dbtool.monitor.sampler import kept_alerts
    from dbtool.monitor.stats.health import HealthCheck

    kept = kept_alerts(history_of(session, path))
    if kept is None or datetime.now(UTC) - kept.at > _RECENT:
        return ()
    return [
        HealthCheck(
            alert.code,
            "fail" if alert.severity == "critical" else "warn",
            alert.evidence,
            alert.command,
        )
        for alert in kept.alerts
        if alert.state == "firing"
    ]
