"""The report as one page for a browser: no script, nothing from elsewhere, light and dark."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from dbtool.cli.painter import named
from dbtool.cli.stats.drawing.curve import growth_curve
from dbtool.cli.stats.drawing.palette import STYLE, safe
from dbtool.cli.stats.growth import growth_lines
from dbtool.cli.views import local_time, short
from dbtool.core.quantities import format_age, format_size
from dbtool.monitor.stats.advice import Advice
from dbtool.monitor.stats.model import (
    BackupStats,
    GrowthStats,
    IndexesStats,
    StatsReport,
    StorageStats,
    TablesStats,
    Unavailable,
    WriteStats,
)

__all__ = ["report_page"]

_MOST = 200
_FAR_DAYS = 3650
_CSS = """
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:960px;margin:0 auto;padding:32px 20px 64px}
h1{font-size:26px;margin:0;overflow-wrap:anywhere}h2{font-size:18px;margin:40px 0 10px}
p{margin:4px 0}.soft,.soft td{color:var(--soft)}code{font:13px ui-monospace,monospace}
.tiles{display:flex;flex-wrap:wrap;gap:12px;margin:20px 0}
.tile{flex:1 1 150px;background:var(--card);border-radius:8px;padding:12px 16px}
.tile b{display:block;font-size:22px;font-weight:600}.tile span{color:var(--soft);font-size:13px}
.advice{list-style:none;margin:16px 0;padding:0}
.advice li{border-left:4px solid var(--warn);background:var(--card);margin:8px 0;padding:8px 14px}
.advice li.urgent{border-color:var(--bad)}.advice b{margin-right:6px}
.advice .urgent b{color:var(--bad)}.advice b{color:var(--warn)}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:14px}
th{text-align:left;font-weight:600;color:var(--soft);border-bottom:1px solid var(--line)}
th,td{padding:5px 10px 5px 0;vertical-align:top}td{border-bottom:1px solid var(--line)}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
td:first-child{overflow-wrap:anywhere;min-width:84px}
.bar{display:inline-block;height:10px;border-radius:2px;background:var(--c0);min-width:1px}
.drawing{width:100%;height:auto;display:block}
""".replace("\n", "")


class _Cell(NamedTuple):
    text: str
    number: bool = False
    html: bool = False
    """Whether `text` was made here and is safe already."""


def report_page(
    report: StatsReport,
    found: Sequence[Advice],
    drawing: str,
    *,
    db: str,
    saved: Iterable[tuple[str, str, Sequence[str], Sequence[Sequence[str]]]] = (),
) -> str:
    """Return the page.

    Args:
        report: all sections.
        found: what deserves attention.
        drawing: the map of its pages; empty: there is none.
        db: the database as the user names it.
        saved: name, description, columns and rows of each saved statistic, as text.
    """
    file = report.file
    body = [
        f"<h1>{safe(file.path.name)}</h1>",
        f'<p class="soft">{safe(str(file.path.resolve()))}, {local_time(report.taken)}</p>',
        _tiles(report),
        _advice(found, db),
    ]
    if drawing:
        body.append(f'<h2>Pages of the file</h2><div class="scroll">{drawing}</div>')
    growth = report.sections.get("growth")
    if isinstance(growth, GrowthStats):
        body.append(_growth(growth, report))
    for section in report.sections.values():
        if isinstance(section, TablesStats):
            body.append(_tables(section))
        elif isinstance(section, IndexesStats):
            body.append(_indexes(section))
        elif isinstance(section, WriteStats):
            body.append(_writes(section))
        elif isinstance(section, BackupStats):
            body.append(_backups(section, report))
    for name, description, columns, rows in saved:
        cells = [[_Cell(text) for text in row] for row in rows]
        note = f'<p class="soft">{safe(description)}</p>' if description else ""
        body.append(f"<h2>{safe(name)}</h2>{note}{_table(columns, cells)}")
    body.append(_unavailable(report, db))
    title = safe(f"{file.path.name}: report of {local_time(report.taken)}")
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'\">"
        f"<title>{title}</title><style>{STYLE}{_CSS}</style></head>"
        f"<body><main>{''.join(body)}</main></body></html>\n"
    )


def _tiles(report: StatsReport) -> str:
    file, sections = report.file, report.sections
    tiles = [(format_size(file.file_bytes), "size of the file")]
    tables, storage = sections.get("tables"), sections.get("storage")
    if isinstance(tables, TablesStats):
        own = [table for table in tables.tables if table.kind not in ("system", "shadow")]
        rows = sum(table.rows or 0 for table in own)
        tiles.append((f"{rows:,}", f"rows in {len(own):,} tables"))
    if isinstance(storage, StorageStats) and storage.reclaimable_bytes is not None:
        tiles.append((format_size(storage.reclaimable_bytes), "VACUUM would give back"))
    growth = sections.get("growth")
    days = growth.forecast.days_until_full if isinstance(growth, GrowthStats) else None
    if days is not None and days < _FAR_DAYS:
        tiles.append((f"{days:,.0f} days", "until the disk is full"))
    else:
        tiles.append((format_size(file.disk_free_bytes), "free on the disk"))
    backups = sections.get("backups")
    newest = format_age(backups.seen, report.taken) if isinstance(backups, BackupStats) else "none"
    tiles.append((newest, "newest backup"))
    return "".join(
        [
            '<div class="tiles">',
            *(
                f'<div class="tile"><b>{safe(big)}</b><span>{safe(small)}</span></div>'
                for big, small in tiles
            ),
            "</div>",
        ]
    )


def _advice(found: Sequence[Advice], db: str) -> str:
    if not found:
        return '<p class="soft">Nothing needs attention.</p>'
    items = []
    for one in found:
        kind, mark = (' class="urgent"', "✗") if one.urgent else ("", "!")
        command = f"<br><code>{safe(named(one.command, db))}</code>" if one.command else ""
        items.append(f"<li{kind}><b>{mark}</b>{safe(one.text)}{command}</li>")
    return f'<ul class="advice">{"".join(items)}</ul>'


def _growth(found: GrowthStats, report: StatsReport) -> str:
    lines = [line for line in growth_lines(found, report.taken, 80) if line[0] != "curve"]
    rows = [[_Cell(label), _Cell(text)] for label, text in lines]
    return f"<h2>Growth</h2>{growth_curve(found)}{_table((), rows)}"


def _tables(found: TablesStats) -> str:
    total = max((t.size_bytes + t.index_bytes for t in found.tables), default=0) or 1
    rows = [
        [
            _Cell(table.name),
            _Cell("n/a" if table.rows is None else f"{table.rows:,}", number=True),
            _Cell(format_size(table.size_bytes), number=True),
            _Cell(format_size(table.index_bytes) if table.index_count else "", number=True),
            _bar((table.size_bytes + table.index_bytes) / total),
            _Cell(f"{table.fill:.0%}" if table.pages else "", number=True),
            _Cell(
                format_size(table.reclaimable_bytes) if table.reclaimable_bytes else "", number=True
            ),
            _Cell(table.module or table.kind),
        ]
        for table in found.tables[:_MOST]
    ]
    columns = ("table", "#rows", "#size", "#indexes", "", "#fill", "#to reclaim", "kind")
    return f"<h2>Tables</h2>{_table(columns, rows)}{_rest(len(found.tables))}"


def _indexes(found: IndexesStats) -> str:
    if not found.indexes:
        return ""
    largest = found.indexes[0].size_bytes or 1
    redundant = sorted(found.indexes, key=lambda index: not index.covered_by)
    rows = []
    for index in redundant[:_MOST]:
        relation = "duplicate of" if index.duplicate else "within"
        remark = f"{relation} {index.covered_by}" if index.covered_by else ""
        rows.append(
            [
                _Cell(index.name),
                _Cell(f"{index.table}({index.terms})"),
                _Cell(f"{index.entries:,}", number=True),
                _Cell(format_size(index.size_bytes), number=True),
                _bar(index.size_bytes / largest),
                _Cell(remark),
            ]
        )
    columns = ("index", "on", "#entries", "#size", "", "superfluous")
    return f"<h2>Indexes</h2>{_table(columns, rows)}{_rest(len(found.indexes))}"


def _writes(found: WriteStats) -> str:
    rows = [
        [
            _Cell(item.name or "(no object)"),
            _Cell(f"{item.frames:,}", number=True),
            _Cell(f"{item.pages:,}", number=True),
            _Cell(format_size(item.frames * found.page_size), number=True),
            _bar(item.frames / found.frames),
        ]
        for item in found.objects[:_MOST]
    ]
    note = f"{found.transactions:,} transactions in the WAL"
    columns = ("object", "#frames", "#pages", "#written", "")
    return f'<h2>Writes</h2><p class="soft">{note}</p>{_table(columns, rows)}'


def _backups(found: BackupStats, report: StatsReport) -> str:
    verified = format_age(found.verified, report.taken) if found.verified else "never"
    ratio = f"{found.ratio:.1f}x smaller" if found.ratio else ""
    pairs = (
        ("newest", f"{format_age(found.seen, report.taken)} ({short(found.newest_id)})"),
        ("snapshots", f"{found.count:,} since {local_time(found.oldest)}"),
        ("stored", f"{format_size(found.added_bytes)} {ratio}"),
        ("verified", verified),
        ("repository", f"{found.location}, {format_size(found.repository_bytes)}"),
    )
    rows = [[_Cell(label), _Cell(text)] for label, text in pairs]
    return f"<h2>Backups</h2>{_table((), rows)}"


def _unavailable(report: StatsReport, db: str) -> str:
    rows = [
        [_Cell(name), _Cell(section.reason), _Cell(named(section.how.split("\n")[0], db))]
        for name, section in report.sections.items()
        if isinstance(section, Unavailable)
    ]
    return f"<h2>Not available</h2>{_table((), rows)}" if rows else ""


# -- elements


def _bar(share: float) -> _Cell:
    width = round(100 * min(1.0, max(0.0, share)))
    return _Cell(f'<span class="bar" style="width:{width}px"></span>', html=True)


def _rest(count: int) -> str:
    more = count - _MOST
    return f'<p class="soft">and {more:,} more: dbtool stats -v</p>' if more > 0 else ""


def _cell(cell: _Cell) -> str:
    kind = ' class="n"' if cell.number else ""
    return f"<td{kind}>{cell.text if cell.html else safe(cell.text)}</td>"


def _table(columns: Sequence[str], rows: Sequence[Sequence[_Cell]]) -> str:
    heads = "".join(
        f'<th class="n">{safe(name[1:])}</th>' if name.startswith("#") else f"<th>{safe(name)}</th>"
        for name in columns
    )
    lines = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    head = f"<thead><tr>{heads}</tr></thead>" if columns else ""
    return f'<div class="scroll"><table>{head}<tbody>{lines}</tbody></table></div>'
