"""How a report on a database looks to people: what needs attention first, then the sections."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from dbtool.cli.painter import Painter, named, share_bar
from dbtool.cli.render import Column
from dbtool.cli.stats.activity import (
    show_backups,
    show_growth,
    show_saved,
    show_workload,
    show_writes,
)
from dbtool.cli.stats.pagemap import show_map
from dbtool.cli.views import brief, counted, local_time
from dbtool.cli.visible import Painted
from dbtool.core.quantities import format_age, format_size
from dbtool.monitor.stats.model import (
    IndexesStats,
    IndexStats,
    StatsReport,
    StorageStats,
    TablesStats,
    TableStats,
    Unavailable,
)

if TYPE_CHECKING:
    from dbtool.cli.context import Session
    from dbtool.monitor.stats.advice import Advice
    from dbtool.monitor.stats.saved import SavedResult

__all__ = ["show_report"]


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
        show_saved(painter, result, every=not report.sections)
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
        first, *rest = painter.folded(one.text, 2)
        output.line(Painted(f"{mark} {first}"))
        for line in rest:
            output.line(Painted(f"  {line}"))
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
        painter.listed(tables, _table_columns(tables, total), "tables")


def _table_columns(tables: Sequence[TableStats], total: int) -> list[Column]:
    columns = [
        Column("table", lambda t: t.name, wraps=True),
        Column("rows", lambda t: "n/a" if t.rows is None else f"{t.rows:,}", right=True),
        Column("size", lambda t: format_size(t.size_bytes), right=True),
        Column(
            "indexes", lambda t: format_size(t.index_bytes) if t.index_count else "", right=True
        ),
        Column("share", lambda t: share_bar(t.size_bytes + t.index_bytes, total), spare=4),
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


def _per_row(table: TableStats) -> str:
    return format_size(table.payload_bytes // table.rows) if table.rows else ""


def _indexes(painter: Painter, found: IndexesStats, _report: StatsReport) -> None:
    size = format_size(sum(index.size_bytes for index in found.indexes))
    note = f"{len(found.indexes):,} in all, {size}" if found.indexes else "none"
    if found.indexes and not found.analyzed:
        note += "; ANALYZE was never run"
    painter.heading("Indexes", note)
    if found.indexes:
        painter.listed(found.indexes, _index_columns(found.indexes), "indexes")


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


_SECTIONS: dict[str, Callable[[Painter, Any, StatsReport], None]] = {
    "storage": _storage,
    "tables": _tables,
    "indexes": _indexes,
    "growth": show_growth,
    "workload": show_workload,
    "writes": show_writes,
    "backups": show_backups,
    "map": show_map,
}
