"""How growth looks to people: a curve of one line, its pace, and when the disk is full."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from dbtool.cli.render import Column
from dbtool.cli.views import counted, local_time
from dbtool.core.quantities import format_duration, format_size
from dbtool.monitor.stats.model import Forecast, GrowthPoint, GrowthStats, TableGrowth

__all__ = ["growth_lines", "growth_tables", "signed_size"]

_LEVELS = "▁▂▃▄▅▆▇█"
_LABELS = 14
_FAR_DAYS = 3650


def growth_lines(found: GrowthStats, now: datetime, width: int) -> list[tuple[str, str]]:
    """Return label and text of each line.

    Args:
        found: the figures.
        now: the time of the report.
        width: columns that there are.
    """
    first, last = found.points[0], found.points[-1]
    lines = []
    if len(found.points) > 1:
        lines.append(("curve", _curve(found.points, min(60, max(10, width - _LABELS)))))
        change = signed_size(last.size_bytes - first.size_bytes)
        span = format_duration((last.at - first.at).total_seconds())
        sizes = f"{format_size(first.size_bytes)} to {format_size(last.size_bytes)}"
        lines.append(("seen", f"{sizes} in {span} ({change})"))
    else:
        lines.append(("seen", f"{format_size(last.size_bytes)}, once"))
    lines += _forecast(found.forecast)
    kinds = {
        basis: sum(p.basis == basis for p in found.points) for basis in ("samples", "snapshots")
    }
    basis = " and ".join(
        counted(count, f"point of {name}") if count == 1 else f"{count:,} points of {name}"
        for name, count in kinds.items()
        if count
    )
    lines.append(("from", f"{basis}, the newest {local_time(last.at)}"))
    if found.tables_since is not None and found.tables_until is not None:
        between = f"{local_time(found.tables_since)} and {local_time(found.tables_until)}"
        lines.append(("tables", f"compared between the snapshots of {between}"))
    return lines


def growth_tables(found: GrowthStats) -> list[Column]:
    """Return the columns of the tables that were compared."""
    assert found.tables

    def rows(table: TableGrowth) -> str:
        if table.rows_then is None or table.rows_now is None:
            return "new" if table.rows_then is None else "gone"
        return f"{table.rows_now - table.rows_then:+,}"

    return [
        Column("table", lambda t: t.name, wraps=True),
        Column("rows then", lambda t: _count(t.rows_then), right=True, spare=2),
        Column("rows now", lambda t: _count(t.rows_now), right=True),
        Column("rows", rows, right=True),
        Column("size now", lambda t: format_size(t.bytes_now), right=True),
        Column("size", lambda t: signed_size(t.bytes_now - t.bytes_then), right=True),
    ]


def signed_size(size_bytes: int) -> str:
    """Return a difference of sizes with its sign."""
    if not size_bytes:
        return "no change"
    return f"{'-' if size_bytes < 0 else '+'}{format_size(abs(size_bytes))}"


def _count(number: int | None) -> str:
    return "" if number is None else f"{number:,}"


def _forecast(ahead: Forecast) -> list[tuple[str, str]]:
    if ahead.per_day_bytes is None:
        return [("forecast", f"unknown: {ahead.reason}")]
    pace = f"{signed_size(round(ahead.per_day_bytes))} a day"
    band = (
        f"{signed_size(round(ahead.low_bytes or 0))} to {signed_size(round(ahead.high_bytes or 0))}"
    )
    lines = [("pace", f"{pace} (median), {band} over quiet and busy weeks")]
    lines.append(("forecast", _full(ahead)))
    return lines


def _full(ahead: Forecast) -> str:
    days, worst = ahead.days_until_full, ahead.days_at_worst
    if days is None and worst is None:
        return "the disk does not fill up at this pace"
    if days is None or days > _FAR_DAYS:
        text = "the disk lasts for years at this pace"
    else:
        text = f"the disk is full in about {days:,.0f} days"
    if worst is not None and worst < _FAR_DAYS:
        text += f", in {worst:,.0f} at that of busy weeks"
    return text


def _curve(points: Sequence[GrowthPoint], width: int) -> str:
    """Return the sizes over time as one line of blocks, each the last size of its part."""
    begin, end = points[0].at, points[-1].at
    span_s = (end - begin).total_seconds() or 1.0
    width = min(width, max(2, len(points)))
    sizes = [points[0].size_bytes] * width
    for point in points:
        place = min(width - 1, int((point.at - begin).total_seconds() / span_s * width))
        sizes[place:] = [point.size_bytes] * (width - place)
    top = max(sizes) or 1
    low = min(sizes)
    # A curve from 0 would hide what a large database grows by; one from its least size would make a
    # mountain of a page.
    base = low if top - low > top * 0.02 else max(0, top - round(top * 0.02))
    height = max(1, top - base)
    return "".join(_LEVELS[round((size - base) / height * (len(_LEVELS) - 1))] for size in sizes)
