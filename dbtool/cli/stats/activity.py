"""How growth, workload, writes, backups and saved statistics look to people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dbtool.cli.painter import Painter, share_bar
from dbtool.cli.render import Column
from dbtool.cli.stats.growth import growth_lines, growth_tables
from dbtool.cli.views import brief, counted, local_time, short
from dbtool.core.quantities import format_age, format_duration, format_size

if TYPE_CHECKING:
    from dbtool.monitor.stats.model import BackupStats, GrowthStats, StatsReport, WriteStats
    from dbtool.monitor.stats.saved import SavedResult
    from dbtool.trace.log import StatementUse, Workload

Value = int | float | str | bytes | None

__all__ = ["show_backups", "show_growth", "show_saved", "show_workload", "show_writes"]


# -- growth, workload, writes


def show_growth(painter: Painter, found: GrowthStats, report: StatsReport) -> None:
    """Write the curve, its pace, and what grew."""
    painter.heading("Growth")
    painter.pairs(growth_lines(found, report.taken, painter.session.width() or 80))
    if found.tables:
        painter.session.output.line()
        painter.listed(found.tables, growth_tables(found), "tables")


def show_workload(painter: Painter, found: Workload, _report: StatsReport) -> None:
    """Write the statements that took most of the time."""
    calls = sum(use.calls for use in found.statements)
    seconds = sum(use.seconds for use in found.statements)
    parts = [f"{calls:,} calls of {counted(len(found.statements), 'statement')}"]
    parts.append(f"{format_duration(seconds)} in {format_duration(found.covered_s)} traced")
    painter.heading("Workload", ", ".join(parts))
    columns = [
        Column("calls", lambda use: f"{use.calls:,}", right=True),
        Column("time", lambda use: f"{use.seconds / seconds:.0%}" if seconds else "", right=True),
        Column("p50", lambda use: _latency(use.quantile_s(0.5)), right=True, spare=2),
        Column("p95", lambda use: _latency(use.quantile_s(0.95)), right=True),
        Column("max", lambda use: _latency(use.longest_s), right=True, spare=3),
        Column("remarks", _uses, spare=1),
        Column("statement", lambda use: " ".join(use.sql.split()), wraps=True),
    ]
    painter.listed(found.statements, columns, "statements")


def _latency(seconds: float | None) -> str:
    if seconds is None:
        return "n/a"
    return f"{seconds * 1e6:.0f} us" if seconds < 0.001 else format_duration(seconds)  # noqa: PLR2004 - a millisecond


def _uses(use: StatementUse) -> str:
    counts = {
        "full scans": use.full_scans,
        "sorts": use.sorts,
        "automatic indexes": use.automatic_indexes,
        "busy": use.busy_errors,
        "errors": use.errors,
    }
    return ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)


def show_writes(painter: Painter, found: WriteStats, _report: StatsReport) -> None:
    """Write which tables the WAL holds pages of."""
    per = found.frames / found.transactions if found.transactions else 0.0
    size = format_size(found.frames * found.page_size)
    note = f"{counted(found.transactions, 'transaction')} in the WAL, {size}"
    painter.heading("Writes", f"{note}, {per:.1f} pages each")
    columns = [
        Column("object", lambda item: item.name or "(no object)", wraps=True),
        Column("kind", lambda item: item.kind, spare=1),
        Column("frames", lambda item: f"{item.frames:,}", right=True),
        Column("pages", lambda item: f"{item.pages:,}", right=True),
        Column("written", lambda item: format_size(item.frames * found.page_size), right=True),
        Column("share", lambda item: share_bar(item.frames, found.frames), spare=2),
    ]
    painter.listed(found.objects, columns, "objects")


# -- backups and saved statistics


def show_backups(painter: Painter, found: BackupStats, report: StatsReport) -> None:
    """Write how many snapshots there are, how old and how proven."""
    age = format_age(found.seen, report.taken)
    newest = f"{short(found.newest_id)} of {local_time(found.newest)}"
    limit = f"; the limit is {format_duration(found.max_age_s)}" if found.max_age_s else ""
    ratio = f", {found.ratio:.1f}x smaller" if found.ratio and found.ratio > 1 else ""
    copies = format_size(found.size_bytes)
    lines = [
        ("newest", f"{age} ({newest}){limit}"),
        ("snapshots", f"{found.count:,} since {local_time(found.oldest)}"),
        ("stored", f"{format_size(found.added_bytes)} for {copies} of copies{ratio}"),
        ("verified", format_age(found.verified, report.taken) if found.verified else "never"),
    ]
    kind = "encrypted" if found.encrypted else "not encrypted"
    others = f", {counted(found.databases, 'database')} in it" if found.databases > 1 else ""
    size = format_size(found.repository_bytes)
    lines.append(("repository", f"{brief(found.location)}, {size}, {kind}{others}"))
    if found.followed:
        lines.append(("followed", "yes, `dbtool follow` keeps it up to date"))
    painter.heading("Backups")
    painter.pairs(lines)


def show_saved(painter: Painter, result: SavedResult, *, every: bool) -> None:
    """Write what a saved statistic told, or why it did not."""
    statistic = result.statistic
    painter.heading(f"Saved: {statistic.name}", statistic.description)
    if result.problem is not None:
        context = result.problem.context.split("\n") if result.problem.context else []
        painter.pairs([("n/a", result.problem.message), *(("", line) for line in context)])
        return
    if not result.rows:
        painter.session.output.line(painter.paint("no rows", "2"))
        return
    columns = [_column(result, place) for place in range(len(result.columns))]
    if _fits(painter, result, columns):
        painter.listed(result.rows, columns, "rows", every=every)
    else:
        _records(painter, result, columns)
    if result.truncated:
        painter.session.output.line(painter.paint("there are more rows", "2"))


def _fits(painter: Painter, result: SavedResult, columns: Sequence[Column]) -> bool:
    width = painter.session.width()
    longest = [
        max([len(column.title), *(len(column.show(row)) for row in result.rows)])
        for column in columns
    ]
    return not width or sum(longest) + 2 * len(columns) - 2 <= width


def _records(painter: Painter, result: SavedResult, columns: Sequence[Column]) -> None:
    """Write one value a line where the terminal is too narrow for a table."""
    for number, row in enumerate(result.rows):
        if number:
            painter.session.output.line()
        painter.pairs([(column.title, column.show(row)) for column in columns])


def _column(result: SavedResult, place: int) -> Column:
    """Return how a column looks: numbers to the right, those of bytes as sizes."""
    name = result.columns[place]
    values = [row[place] for row in result.rows if row[place] is not None]
    numbers = bool(values) and all(isinstance(value, (int, float)) for value in values)
    size = name.lower() == "bytes" or name.lower().endswith("_bytes")
    return Column(
        name or "?", lambda row: _value(row[place], size=size), right=numbers, wraps=not numbers
    )


def _value(value: Value, *, size: bool) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        return f"x'{value.hex()}'"
    if size and isinstance(value, int) and value >= 0:
        return format_size(value)
    return str(value)
