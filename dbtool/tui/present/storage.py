"""What is in the file and where it grows: sizes, tables, forecast, page map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from dbtool.core.quantities import format_size
from dbtool.tui.line import Column, Line, Row, Status
from dbtool.tui.state import State

__all__ = [
    "TABLE_COLUMNS",
    "growth_line",
    "growth_sizes",
    "map_cells",
    "storage_lines",
    "table_rows",
]

TABLE_COLUMNS: Final = (
    Column("table"),
    Column("rows", right=True),
    Column("size", right=True),
    Column("indexes", right=True),
    Column("share", right=True),
    Column("fill", right=True),
    Column("reclaimable", right=True),
)
_MUCH: Final = 0.25
"""Share of the file from which VACUUM is worth it; `optimize` judges it in full."""


def section(state: State, feed: str, name: str) -> Mapping[str, Any] | None:
    """Return a section of a report on statistics; None: it was not told."""
    data = state.data(feed)
    found = data.get(name) if isinstance(data, Mapping) else None
    return found if isinstance(found, Mapping) else None


def storage_lines(state: State) -> list[Line]:
    """Return the facts of the file, the advice first."""
    data = state.data("storage")
    if data is None:
        problem = state.problem("storage")
        return [Line("storage", problem.message if problem else "asking ...", _of(problem))]
    lines = [Line("advice", str(a["text"]), Status.WARN) for a in data.get("advice", ())]
    storage = section(state, "storage", "storage")
    if storage is None or not storage.get("available"):
        reason = str((storage or {}).get("reason", "not told"))
        return [*lines, Line("storage", reason, Status.UNKNOWN)]
    pages = f"{format_size(storage['size'])} in {storage['page_count']:,} pages"
    lines.append(Line("size", f"{pages} of {format_size(storage['page_size'])}"))
    lines.append(_unused(storage))
    lines.append(growth_line(state))
    lines.append(
        Line(
            "settings",
            f"{storage['journal_mode']}, auto_vacuum {storage['auto_vacuum']}, "
            f"{storage['encoding']}, user_version {storage['user_version']}",
        )
    )
    return lines


def _of(problem: object) -> Status:
    return Status.PLAIN if problem is None else Status.UNKNOWN


def _unused(storage: Mapping[str, Any]) -> Line:
    reclaimable, size = storage.get("reclaimable"), storage["size"]
    if reclaimable is None:
        return Line("unused", "not known: the pages could not be looked at", Status.UNKNOWN)
    share = reclaimable / size if size else 0.0
    text = f"{format_size(reclaimable)} ({share:.0%}) would come back by VACUUM"
    return Line("unused", text, Status.WARN if share >= _MUCH else Status.OK)


def growth_line(state: State) -> Line:
    """Say how fast it grows and when the disk is full."""
    growth = section(state, "storage", "growth")
    if growth is None:
        return Line("growth", "asking ..." if state.data("storage") is None else "not told")
    if not growth.get("available"):
        return Line("growth", str(growth.get("reason")), Status.UNKNOWN)
    forecast = growth["forecast"]
    per_day = forecast.get("per_day")
    if per_day is None:
        return Line("growth", f"unknown: {forecast.get('reason')}", Status.UNKNOWN)
    sign = "-" if per_day < 0 else "+"
    text = f"{sign}{format_size(int(abs(per_day)))} a day"
    days = forecast.get("days_until_full")
    if days is not None:
        text += f", disk full in {days:,.0f} days"
    soon = days is not None and days < 30  # noqa: PLR2004 - days, as the monitor's alert
    return Line("growth", text, Status.WARN if soon else Status.OK)


def growth_sizes(state: State) -> list[float]:
    """Return the sizes that are known of the past, the oldest first."""
    growth = section(state, "storage", "growth") or {}
    return [float(point["size"]) for point in growth.get("points", ())]


def table_rows(state: State) -> list[Row]:
    """Return the tables, the largest first."""
    tables = section(state, "storage", "tables") or {}
    found: Sequence[Mapping[str, Any]] = tables.get("tables", ())
    whole = sum(table["size"] + table["index_size"] for table in found) or 1
    rows = [_table_row(table, whole) for table in found]
    rows += [
        Row(
            f"problem-{problem['name']}",
            (problem["name"], "", "", "", "", "", str(problem["problem"])),
            (problem["name"], None, None, None, None, None, problem["problem"]),
            Status.WARN,
            problem,
        )
        for problem in tables.get("problems", ())
    ]
    return rows


def _table_row(table: Mapping[str, Any], whole: int) -> Row:
    share = (table["size"] + table["index_size"]) / whole
    rows = table.get("rows")
    kind = "" if table["kind"] == "table" else f" ({table['kind']})"
    cells = (
        f"{table['name']}{kind}",
        "" if rows is None else f"{rows:,}",
        format_size(table["size"]),
        format_size(table["index_size"]) if table["index_size"] else "",
        f"{share:.0%}",
        f"{table['fill']:.0%}",
        format_size(table["reclaimable"]) if table["reclaimable"] else "",
    )
    order = (
        table["name"],
        rows,
        table["size"],
        table["index_size"],
        share,
        table["fill"],
        table["reclaimable"],
    )
    return Row(str(table["name"]), cells, order, data=table)


def map_cells(state: State) -> tuple[list[str], int]:
    """Return the owner of each part of the file, in order, and the pages of one part."""
    found = section(state, "storage", "map") or {}
    return [str(owner) for owner in found.get("cells", ())], int(found.get("pages_per_cell", 0))
