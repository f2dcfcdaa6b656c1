"""The curve of a database's size over time, with what the forecast makes of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from dbtool.cli.stats.drawing.palette import safe
from dbtool.core.quantities import format_size
from dbtool.monitor.stats.model import GrowthPoint, GrowthStats

__all__ = ["growth_curve"]

_WIDTH, _HEIGHT = 960, 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 80, 16, 16, 30
_AHEAD = 0.5
"""How far ahead the forecast is drawn, as a share of what was seen."""
_MOST_POINTS = 600
_LINES = 4


def growth_curve(found: GrowthStats) -> str:
    """Return the curve as an SVG element; empty where there are not two moments to join."""
    points = _thinned(found.points)
    begin, last = points[0], points[-1]
    span = last.at - begin.at
    if span <= timedelta(0):
        return ""
    ahead = found.forecast
    end = last.at + span * _AHEAD if ahead.per_day_bytes is not None else last.at
    days = (end - last.at).total_seconds() / 86400
    rates = [rate for rate in (ahead.low_bytes, ahead.per_day_bytes, ahead.high_bytes) if rate]
    sizes = [point.size_bytes for point in points]
    sizes += [max(0, round(last.size_bytes + rate * days)) for rate in rates]
    scale = _Scale(begin.at, end, max(sizes) * 1.05 or 1.0)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="drawing" role="img" '
        f'viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}">',
        "<title>Size of the database over time</title>",
        *scale.rules(),
        f'<polyline class="curve" points="{_joined(scale, points)}"/>',
    ]
    if ahead.per_day_bytes is not None:
        low, middle, high = (
            last.size_bytes + (rate or 0) * days
            for rate in (ahead.low_bytes, ahead.per_day_bytes, ahead.high_bytes)
        )
        here = scale.place(last.at, last.size_bytes)
        band = " ".join([here, scale.place(end, high), scale.place(end, low)])
        parts.append(
            f'<polygon class="band" points="{band}"><title>quiet to busy weeks</title></polygon>'
            f'<polyline class="ahead" points="{here} {scale.place(end, middle)}"/>'
        )
    parts.append("</svg>")
    return "".join(parts)


class _Scale:
    def __init__(self, begin: datetime, end: datetime, top: float) -> None:
        self._begin, self._end, self._top = begin, end, top

    def place(self, at: datetime, size_bytes: float) -> str:
        """Return the coordinates of a point."""
        share = (at - self._begin) / (self._end - self._begin)
        x = _LEFT + share * (_WIDTH - _LEFT - _RIGHT)
        high = _HEIGHT - _TOP - _BOTTOM
        y = _TOP + high * (1 - min(1.0, max(0.0, size_bytes / self._top)))
        return f"{x:.1f},{y:.1f}"

    def rules(self) -> list[str]:
        """Return horizontal lines with their sizes, and the first and last day."""
        parts = []
        for line in range(_LINES + 1):
            size_bytes = self._top * line / _LINES
            y = self.place(self._begin, size_bytes).partition(",")[2]
            parts.append(
                f'<line class="rule" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y}" y2="{y}"/>'
                f'<text class="soft" x="{_LEFT - 8}" y="{float(y) + 4:.1f}" text-anchor="end">'
                f"{safe(format_size(round(size_bytes)))}</text>"
            )
        for at, anchor, x in (
            (self._begin, "start", _LEFT),
            (self._end, "end", _WIDTH - _RIGHT),
        ):
            day = at.astimezone().strftime("%Y-%m-%d")
            parts.append(
                f'<text class="soft" x="{x}" y="{_HEIGHT - 8}" text-anchor="{anchor}">{day}</text>'
            )
        return parts


def _joined(scale: _Scale, points: Sequence[GrowthPoint]) -> str:
    return " ".join(scale.place(point.at, point.size_bytes) for point in points)


def _thinned(points: Sequence[GrowthPoint]) -> Sequence[GrowthPoint]:
    """Return so few points that the file stays small, the first and last among them."""
    if len(points) <= _MOST_POINTS:
        return points
    step = (len(points) - 1) / (_MOST_POINTS - 1)
    return [points[round(place * step)] for place in range(_MOST_POINTS)]
