"""How a report on a database looks to people: what needs attention first, then the sections."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from dbtool.cli.render import Column
from dbtool.cli.resultset import write_rows
from dbtool.cli.statsgrowth import growth_lines, growth_tables
from dbtool.cli.views import brief, counted, local_time, pasted, short
from dbtool.cli.visible import Painted, visible
from dbtool.core.quantities import format_age, format_duration, format_size
from dbtool.monitor.stats.model import (
    BackupStats,
    GrowthStats,
    IndexesStats,
    IndexStats,
    StatsReport,
    StorageStats,
    TablesStats,
    TableStats,
    Unavailable,
    WriteStats,
)
from dbtool.trace.log import Workload

if TYPE_CHECKING:
    from dbtool.cli.context import Session
    from dbtool.monitor.stats.advice import Advice
    from dbtool.monitor.stats.saved import SavedResult
    from dbtool.trace.log import StatementUse

__all__ = ["Painter", "named", "show_report"]

_MOST = 15
"""Rows of a list without --verbose."""
_BAR = 10
_EIGHTHS = " ▏▎▍▌▋▊▉█"


def named(text: str, db: str) -> str:
    """Return a hint of the library with the database in the place of DB."""
    return re.sub(r"\bDB\b", lambda _: pasted(db), text)


class Painter:
    """Writes headings and lines in colour where there is a terminal."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._color = session.color(1)

    def paint(self, text: str, code: str) -> str:
        """Return visible text in a colour, or as it is."""
        shown = visible(text)
        return Painted(f"\x1b[{code}m{shown}\x1b[0m" if self._color else shown)

    def heading(self, text: str, note: str = "") -> None:
        """Write the heading of a section after an empty line."""
        self.session.output.line()
        dim = f"  {self.paint(note, '2')}" if note else ""
        self.session.output.line(Painted(f"{self.paint(text, '1')}{dim}"))

    def pairs(self, lines: Sequence[tuple[str, str]]) -> None:
        """Write aligned lines of label and text, folded at the end of the terminal."""
        from textwrap import wrap

        width = max((len(label) for label, _ in lines), default=0)
        columns = self.session.width()
        room = max(20, columns - width - 4) if columns else 0
        shown = [
            (f"  {label if not number else ''}", part)
            for label, text in lines
            for number, part in enumerate(wrap(visible(text), room) if room else [text])
        ]
        self.session.output.report("", {}, shown, always=True)

    def listed(self, rows: Sequence[Any], columns: Sequence[Column], what: str) -> None:
        """Write a list, cut short without --verbose."""
        shown = rows if self.session.verbose else rows[:_MOST]
        self.session.output.table("", shown, (), columns)
        rest = len(rows) - len(shown)
        if rest:
            text = f"and {counted(rest, what)} more (all with --verbose)"
            self.session.output.line(self.paint(text, "2"))


def show_report(
    session: Session,
    report: StatsReport,
    found: Sequence[Advice],
    saved: Sequence[SavedResult],
    db: str,
) -> None:
    """Write a report for people."""
    painter = Painter(session)
    _title(painter, report)
    _advice(painter, found, db)
    for name, section in report.sections.items():
        if not isinstance(section, Unavailable):
            _SECTIONS[name](painter, section, report)
    for result in saved:
        _saved(painter, result)
    _unavailable(painter, report, db)


# -- the head


def _title(painter: Painter, report: StatsReport) -> None:
    file = report.file
    parts = [format_size(file.file_bytes)]
    storage = report.sections.get("storage")
    if isinstance(storage, StorageStats) and storage.page_count:
        mode = "WAL" if storage.journal_mode == "wal" else "rollback journal"
        pages = f"{counted(storage.page_count, 'page')} of {format_size(storage.page_size)}"
        parts += [pages, mode, storage.encoding]
    name = painter.paint(brief(file.path), "1;36")
    painter.session.output.line(Painted(f"{name}  {painter.paint(', '.join(parts), '2')}"))


def _advice(painter: Painter, found: Sequence[Advice], db: str) -> None:
    if not found:
        return
    output = painter.session.output
    output.line()
    for one in found:
        mark = painter.paint("✗", "1;31") if one.urgent else painter.paint("!", "1;33")
        output.line(Painted(f"{mark} {visible(one.text)}"))
        if one.command:
            output.line(Painted(f"    {painter.paint(named(one.command, db), '36')}"))


def _unavailable(painter: Painter, report: StatsReport, db: str) -> None:
    """Write what cannot be told, sections of one reason together."""
    by_reason: dict[Unavailable, list[str]] = {}
    for name, section in report.sections.items():
        if isinstance(section, Unavailable):
            by_reason.setdefault(section, []).append(name)
    if not by_reason:
        return
    painter.heading("Not available")
    lines = []
    for section, names in by_reason.items():
        lines.append((", ".join(names), section.reason))
        lines += [("", named(line, db)) for line in section.how.split("\n") if line]
    painter.pairs(lines)


def _first_upper(text: str) -> str:
    return text[:1].upper() + text[1:]


# -- storage


def _storage(painter: Painter, storage: StorageStats, report: StatsReport) -> None:
    file = report.file
    size = storage.size_bytes
    lines = [("size", _size(storage))]
    gain = storage.reclaimable_bytes
    if gain is not None and size:
        after = format_size(storage.packed_bytes or 0)
        part = f"{gain / size:.0%}" if gain / size >= 0.01 else "under 1%"  # noqa: PLR2004 - it rounds to
        text = f"{format_size(gain)} ({part}); VACUUM would leave {after}"
        lines.append(("unused", text if gain else "nothing that VACUUM would give back"))
    if file.wal_bytes:
        pending = storage.wal_pending_bytes
        rest = f", {format_size(pending)} not checkpointed yet" if pending else ""
        lines.append(("wal", f"{format_size(file.wal_bytes)}{rest}"))
    share = file.disk_free_bytes / file.disk_bytes if file.disk_bytes else 0.0
    free = f"{format_size(file.disk_free_bytes)} free of {format_size(file.disk_bytes)}"
    lines.append(("disk", f"{free} ({share:.0%})"))
    written = f"{format_age(file.modified, report.taken)}, {local_time(file.modified)}"
    by = f", by SQLite {storage.written_by}" if storage.written_by else ""
    lines.append(("written", f"{written}{by}"))
    lines.append(("settings", ", ".join(_settings(storage))))
    painter.heading("Storage")
    painter.pairs(lines)


def _size(storage: StorageStats) -> str:
    if not storage.page_count:
        return "empty: no page was ever written"
    text = f"{format_size(storage.size_bytes)} in {counted(storage.page_count, 'page')}"
    if storage.freelist_pages:
        text += f", {counted(storage.freelist_pages, 'page')} on the freelist"
    return text


def _settings(storage: StorageStats) -> list[str]:
    found = [
        f"page size {storage.page_size:,}",
        f"auto_vacuum {storage.auto_vacuum}",
        f"schema version {storage.schema_version}",
        f"user_version {storage.user_version}",
    ]
    if storage.application_id:
        found.append(f"application_id {storage.application_id:#x}")
    return found


# -- tables and indexes


def _tables(painter: Painter, found: TablesStats, _report: StatsReport) -> None:
    every = painter.session.verbose
    tables = [table for table in found.tables if every or table.kind not in ("shadow", "system")]
    hidden = len(found.tables) - len(tables)
    parts = [counted(len(tables), "table")]
    parts += [counted(found.views, "view")] if found.views else []
    parts += [counted(found.triggers, "trigger")] if found.triggers else []
    parts += [f"{hidden} of SQLite's own with --verbose"] if hidden else []
    painter.heading("Tables", ", ".join(parts))
    total = sum(t.size_bytes + t.index_bytes for t in found.tables if t.kind != "shadow")
    if tables:
        painter.listed(tables, _table_columns(tables, total), "table")


def _table_columns(tables: Sequence[TableStats], total: int) -> list[Column]:
    columns = [
        Column("table", lambda t: t.name, wraps=True),
        Column("rows", lambda t: "n/a" if t.rows is None else f"{t.rows:,}", right=True),
        Column("size", lambda t: format_size(t.size_bytes), right=True),
        Column(
            "indexes", lambda t: format_size(t.index_bytes) if t.index_count else "", right=True
        ),
        Column("share", lambda t: _share(t.size_bytes + t.index_bytes, total), spare=4),
        Column("fill", lambda t: f"{t.fill:.0%}" if t.pages else "", right=True, spare=1),
        Column("row", _per_row, right=True, spare=3),
    ]
    if any(t.overflow_pages for t in tables):
        show: Callable[[Any], str] = lambda t: f"{t.overflow:.0%}" if t.overflow_pages else ""  # noqa: E731
        columns.append(Column("overflow", show, right=True, spare=2))
    if any(t.reclaimable_bytes for t in tables):
        gain: Callable[[Any], str] = (  # noqa: E731
            lambda t: format_size(t.reclaimable_bytes) if t.reclaimable_bytes else ""
        )
        columns.append(Column("to reclaim", gain, right=True, spare=2))
    if any(t.kind != "table" for t in tables):
        columns.append(Column("kind", lambda t: t.module or t.kind, spare=5))
    return columns


def _share(part: int, total: int) -> str:
    share = part / total if total else 0.0
    eighths = round(share * _BAR * 8)
    bar = "█" * (eighths // 8) + (_EIGHTHS[eighths % 8] if eighths % 8 else "")
    return f"{bar:<{_BAR}} {share:4.0%}"


def _per_row(table: TableStats) -> str:
    return format_size(table.payload_bytes // table.rows) if table.rows else ""


def _indexes(painter: Painter, found: IndexesStats, _report: StatsReport) -> None:
    size = format_size(sum(index.size_bytes for index in found.indexes))
    note = f"{len(found.indexes):,} in all, {size}" if found.indexes else "none"
    if found.indexes and not found.analyzed:
        note += "; ANALYZE was never run"
    painter.heading("Indexes", note)
    if found.indexes:
        painter.listed(found.indexes, _index_columns(found.indexes), "index")


def _index_columns(indexes: Sequence[IndexStats]) -> list[Column]:
    columns = [
        Column("index", lambda i: i.name, wraps=True),
        Column("on", lambda i: f"{i.table}({i.terms})" if i.terms else i.table, wraps=True),
        Column("entries", lambda i: f"{i.entries:,}", right=True, spare=2),
        Column("size", lambda i: format_size(i.size_bytes), right=True),
        Column("fill", lambda i: f"{i.fill:.0%}", right=True, spare=1),
    ]
    if any(_remarks(index) for index in indexes):
        columns.append(Column("note", _remarks, wraps=True))
    return columns


def _remarks(index: IndexStats) -> str:
    found = []
    if index.covered_by:
        relation = "duplicate of" if index.duplicate else "within"
        found.append(f"{relation} {index.covered_by}")
    if index.named_in:
        found.append(f"named in {index.named_in[0]}")
    made_by = {"u": "UNIQUE", "pk": "PRIMARY KEY"}.get(index.made_by)
    if made_by or index.unique:
        found.append(made_by or "unique")
    if index.partial:
        found.append("partial")
    return ", ".join(found)


# -- growth, workload, writes


def _growth(painter: Painter, found: GrowthStats, report: StatsReport) -> None:
    painter.heading("Growth")
    painter.pairs(growth_lines(found, report.taken, painter.session.width() or 80))
    if found.tables:
        painter.session.output.line()
        painter.listed(found.tables, growth_tables(found), "table")


def _workload(painter: Painter, found: Workload, _report: StatsReport) -> None:
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
    painter.listed(found.statements, columns, "statement")


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


def _writes(painter: Painter, found: WriteStats, _report: StatsReport) -> None:
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
        Column("share", lambda item: _share(item.frames, found.frames), spare=2),
    ]
    painter.listed(found.objects, columns, "object")


# -- backups and saved statistics


def _backups(painter: Painter, found: BackupStats, report: StatsReport) -> None:
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


def _saved(painter: Painter, result: SavedResult) -> None:
    statistic = result.statistic
    painter.heading(_first_upper(statistic.name.replace("_", " ")), statistic.description)
    if result.problem is not None:
        context = result.problem.context.split("\n") if result.problem.context else []
        painter.pairs([("n/a", result.problem.message), *(("", line) for line in context)])
        return
    if not result.rows:
        painter.session.output.line(painter.paint("no rows", "2"))
        return
    session = painter.session
    width = session.width()
    write_rows(result.columns, result.rows, "table", schema="", width=width, color=session.color(1))
    if result.truncated:
        painter.session.output.line(painter.paint("there are more rows", "2"))


_SECTIONS: dict[str, Callable[[Painter, Any, StatsReport], None]] = {
    "storage": _storage,
    "tables": _tables,
    "indexes": _indexes,
    "growth": _growth,
    "workload": _workload,
    "writes": _writes,
    "backups": _backups,
}
