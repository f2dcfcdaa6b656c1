"""Reports as JSON: what was measured, under names without units."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from dbtool.cli.render import plain
from dbtool.cli.stats.data import report_data, saved_data, section_rows
from dbtool.monitor.stats.model import (
    FileStats,
    StatsReport,
    TablesStats,
    TableStats,
    Unavailable,
)
from dbtool.monitor.stats.saved import SavedResult, SavedStatistic

NOW = datetime(2026, 11, 26, tzinfo=UTC)
FILE = FileStats(Path("a.db"), 8192, None, NOW, 1, 2)
TABLE = TableStats("t", "table", 5, 2, 8192, 100, 4000, 1, 50, 0, 1, 4096)


def test_names_have_no_units_and_values_no_loss() -> None:
    (row,) = section_rows("tables", TablesStats((TABLE,), 0, 0), "a.db")
    assert (row["size"], row["fill"], row["overflow_pages"]) == (8192, TABLE.fill, 1)
    assert not [name for name in row if name.endswith("_bytes")]


def test_what_is_not_available_says_so() -> None:
    nothing = Unavailable("no samples", "dbtool monitor DB")
    report = StatsReport(FILE, NOW, {"growth": nothing})
    data = report_data(report, (), (), "a.db")
    assert data["growth"] == {
        "available": False,
        "reason": "no samples",
        "how": "dbtool monitor a.db",
    }
    assert data["file"]["size"] == 8192
    assert section_rows("growth", nothing, "a.db")[0]["section"] == "growth"
    assert "saved" not in data


def test_values_of_saved_statistics_are_json_that_parses() -> None:
    statistic = SavedStatistic("s", "SELECT 1")
    result = SavedResult(
        statistic, ("a",), ((b"\x00\xff",), (float("inf"),), (None,)), False, 0.1, None
    )
    data = json.loads(json.dumps(plain(saved_data(result)), allow_nan=False))
    assert data["rows"] == [[{"$base64": True, "encoded": "AP8="}], [None], [None]]
