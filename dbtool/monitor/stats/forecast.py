"""Where the size of a database goes: the median of its daily differences, with a band.

A median passes over what happens rarely: an import doubles the file once, VACUUM halves it, and
neither says what tomorrow brings. What happens every week, such as a load on Sundays, a median of
days would miss; the band shows it, since it is made of means over seven days.

Under 14 days of history nothing is forecast. A day without a point is bridged: what came between
two points is spread evenly over the days between them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Final

from dbtool.monitor.stats.model import Forecast, GrowthPoint

__all__ = ["LEAST_DAYS", "WINDOW_DAYS", "forecast"]

WINDOW_DAYS: Final = 60
LEAST_DAYS: Final = 14
_WEEK: Final = 7
_LOW: Final = 0.15
_HIGH: Final = 0.85
"""A single step lies within 7 of up to 54 weeks, so these quantiles pass over it."""
_DAY_S: Final = 86400.0


def forecast(
    points: Sequence[GrowthPoint], *, now: datetime, free_bytes: int | None = None
) -> Forecast:
    """Forecast the growth from points of any spacing.

    Args:
        points: in any order; those after `now`, of a clock that was wrong, are left out.
        now: end of the window of 60 days.
        free_bytes: what the file system still has; None: not known.
    """
    begin = now - timedelta(days=WINDOW_DAYS)
    used = sorted((p for p in points if begin <= p.at <= now), key=lambda point: point.at)
    span_days = (used[-1].at - used[0].at).total_seconds() / _DAY_S if used else 0.0
    if span_days < LEAST_DAYS:
        return _unknown(span_days)
    sizes = _daily(used)
    days = [after - before for before, after in pairwise(sizes)]
    weeks = sorted(
        (after - before) / _WEEK for before, after in zip(sizes, sizes[_WEEK:], strict=False)
    )
    middle = median(days)
    low = min(_quantile(weeks, _LOW), middle)
    high = max(_quantile(weeks, _HIGH), middle)
    return Forecast(
        per_day_bytes=middle,
        low_bytes=low,
        high_bytes=high,
        days_until_full=_days(free_bytes, middle),
        days_at_worst=_days(free_bytes, high),
        days_seen=span_days,
    )


def _daily(points: Sequence[GrowthPoint]) -> list[float]:
    """Return the size at the end of each day of 24 hours before the last point, oldest first."""
    last = points[-1].at
    sizes: list[float] = []
    position = len(points) - 1
    for back in range(WINDOW_DAYS + 1):
        moment = last - timedelta(days=back)
        if moment < points[0].at:
            break
        while points[position].at > moment:
            position -= 1
        before, after = points[position], points[min(position + 1, len(points) - 1)]
        gap_s = (after.at - before.at).total_seconds()
        share = (moment - before.at).total_seconds() / gap_s if gap_s else 0.0
        # Within a day the size is that of the point before; over a longer gap nobody knows.
        share = share if gap_s > _DAY_S else 0.0
        sizes.append(before.size_bytes + share * (after.size_bytes - before.size_bytes))
    return sizes[::-1]


def _quantile(ordered: Sequence[float], share: float) -> float:
    return ordered[round(share * (len(ordered) - 1))]


def _days(free_bytes: int | None, per_day_bytes: float) -> float | None:
    if free_bytes is None or per_day_bytes <= 0:
        return None
    return free_bytes / per_day_bytes


def _unknown(span_days: float) -> Forecast:
    days = int(span_days)
    seen = f"{days} day{'s' if days > 1 else ''}" if days else "less than a day"
    reason = f"{seen} of history, and a forecast takes {LEAST_DAYS}"
    return Forecast(None, None, None, None, None, span_days, reason)
