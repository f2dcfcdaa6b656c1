"""A report on a database as JSON has it: sizes in bytes, times in RFC 3339, all names whole."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

from dbtool.cli.painter import named
from dbtool.cli.stats.pagemap import map_data
from dbtool.monitor.stats.advice import Advice
from dbtool.monitor.stats.model import (
    BackupStats,
    FileStats,
    GrowthStats,
    IndexesStats,
    StatsReport,
    StorageStats,
    TablesStats,
    TableStats,
    Unavailable,
    WriteStats,
)
from dbtool.monitor.stats.saved import SavedResult
from dbtool.pages.usage import PageUsage
from dbtool.trace.log import Workload

__all__ = ["SCHEMA", "advice_data", "file_data", "report_data", "saved_data", "section_rows"]

SCHEMA = "dbtool.stats/1"
_UNITS = ("_bytes", "_s")


def report_data(
    report: StatsReport, found: tuple[Advice, ...], saved: tuple[SavedResult, ...], db: str
) -> dict[str, Any]:
    """Return the whole report; commands in it name the database as the user does."""
    file = report.file
    data: dict[str, Any] = {
        "database": file.path.resolve(),
        "taken": report.taken,
        "duration": report.duration_s,
        "complete": report.complete,
        "advice": [advice_data(one, db) for one in found],
        "file": file_data(file),
    }
    for name, section in report.sections.items():
        data[name] = _section(section, db)
    if saved:
        data["saved"] = [saved_data(result) for result in saved]
    return data


def advice_data(one: Advice, db: str) -> dict[str, Any]:
    """Return one piece of advice."""
    command = named(one.command, db)
    return {"code": one.code, "urgent": one.urgent, "text": one.text, "command": command}


def file_data(file: FileStats) -> dict[str, Any]:
    """Return what the file system says."""
    return {"size": file.file_bytes, **plain_fields(file, leaving={"path", "file_bytes"})}


def section_rows(name: str, section: object, db: str) -> list[dict[str, Any]]:
    """Return a section as rows, for the formats that have nothing but rows."""
    data = _section(section, db)
    lists = {"tables": "tables", "indexes": "indexes", "growth": "points", "writes": "objects"}
    lists["workload"] = "statements"
    if not data["available"]:
        return [{"section": name, **data}]
    if name in lists:
        return list(data[lists[name]])
    return [data]


def saved_data(result: SavedResult) -> dict[str, Any]:
    """Return what a saved statistic told."""
    problem = result.problem
    return {
        "name": result.statistic.name,
        "description": result.statistic.description,
        "columns": result.columns,
        "rows": [[_value(value) for value in row] for row in result.rows],
        "truncated": result.truncated,
        "duration": result.duration_s,
        "problem": None if problem is None else {"code": problem.code, "message": problem.message},
    }


def _section(section: object, db: str) -> dict[str, Any]:
    if isinstance(section, Unavailable):
        how = named(section.how, db)
        return {"available": False, "reason": section.reason, "how": how}
    for kind, data in _SECTIONS.items():
        if isinstance(section, kind):
            return {"available": True, **data(section)}
    raise TypeError(type(section).__name__)


def plain_fields(value: Any, *, leaving: Collection[str] = ()) -> dict[str, Any]:
    """Return the fields of a dataclass, units left out of their names as everywhere in JSON."""
    found = {}
    for field in fields(value):
        if field.name not in leaving:
            name = field.name
            for unit in _UNITS:
                name = name.removesuffix(unit)
            found[name] = getattr(value, field.name)
    return found


def _storage(storage: StorageStats) -> dict[str, Any]:
    return {
        **plain_fields(storage),
        "size": storage.size_bytes,
        "freelist": storage.freelist_bytes,
        "reclaimable": storage.reclaimable_bytes,
    }


def _tables(found: TablesStats) -> dict[str, Any]:
    return {
        "tables": [_table(table) for table in found.tables],
        "views": found.views,
        "triggers": found.triggers,
        "problems": [plain_fields(problem) for problem in found.problems],
    }


def _table(table: TableStats) -> dict[str, Any]:
    data = plain_fields(table, leaving={"index_bytes"})
    return {**data, "index_size": table.index_bytes, "fill": table.fill}


def _indexes(found: IndexesStats) -> dict[str, Any]:
    return {
        "indexes": [{**plain_fields(index), "fill": index.fill} for index in found.indexes],
        "analyzed": found.analyzed,
        "stale": [
            {"table": table, "rows_believed": believed, "rows": rows}
            for table, (believed, rows) in found.stale.items()
        ],
    }


def _growth(found: GrowthStats) -> dict[str, Any]:
    return {
        "points": [plain_fields(point) for point in found.points],
        "forecast": plain_fields(found.forecast),
        "tables": [plain_fields(table) for table in found.tables],
        "tables_since": found.tables_since,
        "tables_until": found.tables_until,
    }


def _writes(found: WriteStats) -> dict[str, Any]:
    return {**plain_fields(found), "objects": [plain_fields(item) for item in found.objects]}


def _backups(found: BackupStats) -> dict[str, Any]:
    return {**plain_fields(found), "ratio": found.ratio}


def _workload(found: Workload) -> dict[str, Any]:
    statements = [
        {
            # Without its unit the time of the example would take the place of the example.
            **plain_fields(use, leaving={"histogram", "example_s"}),
            "example_took": use.example_s,
            "p50": use.quantile_s(0.5),
            "p95": use.quantile_s(0.95),
        }
        for use in found.statements
    ]
    ends = {
        name: None if at is None else datetime.fromtimestamp(at, UTC)
        for name, at in (("began_at", found.began_at), ("ended_at", found.ended_at))
    }
    return {**plain_fields(found), **ends, "statements": statements}


def _value(value: Any) -> Any:
    if isinstance(value, bytes):
        from base64 import b64encode

        return {"$base64": True, "encoded": b64encode(value).decode()}
    if isinstance(value, float) and value - value != 0:
        return None  # JSON has no infinite numbers
    return value


_SECTIONS: dict[type, Callable[[Any], dict[str, Any]]] = {
    StorageStats: _storage,
    TablesStats: _tables,
    IndexesStats: _indexes,
    GrowthStats: _growth,
    WriteStats: _writes,
    BackupStats: _backups,
    Workload: _workload,
    PageUsage: map_data,
}
