"""What Prometheus reads says what was seen, by its conventions, with bounded labels."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from dbtool.core.holders import Holder
from dbtool.errors import StorageFailed
from dbtool.monitor.alertbook import AlertBook
from dbtool.monitor.alerts import ALERTS, AlertLimits, judge, unreadable
from dbtool.monitor.daily import Daily, TableFacts
from dbtool.monitor.exporter import MOST_TABLES, SERIES, exposition, write_textfile
from dbtool.monitor.observer import Look
from dbtool.monitor.sampler import Sampling
from tests.monitor.lookstands import CALM, KNOWN, NOW, look, reading

ASSETS = files("dbtool.monitor") / "assets"


def sampling(seen: Look | None = CALM, daily: Daily | None = KNOWN) -> Sampling:
    judged = unreadable("gone") if seen is None else judge(seen, daily, AlertLimits())
    alerts = AlertBook().update(judged, elapsed_s=0, now=NOW)
    totals = {"commits": 12, "frames": 30, "resets": 1}
    return Sampling(NOW, seen, None, alerts, daily, 1.0, totals)


def order(label: str) -> tuple[bool, str]:
    """Sort the label of the database first."""
    return label != "database", label


def parsed(**samplings: Sampling) -> dict[str, dict[tuple[str, ...], float]]:
    text = exposition(samplings, "1.2.3").decode()
    return {
        sample.name: {
            tuple(other.labels[name] for name in sorted(other.labels, key=order)): other.value
            for other in family.samples
            if other.name == sample.name
        }
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_every_series_says_what_was_seen() -> None:
    daily = replace(
        KNOWN,
        days_until_full=99.0,
        reclaimable_bytes=5,
        tables={"t": TableFacts(4096, 3)},
    )
    seen = look(
        readers=(reading(7, 100, 2),),
        writers=(Holder(9, "x"),),
        writer_since=NOW - timedelta(seconds=3),
    )
    found = parsed(app=sampling(seen, daily))
    values = {name: series[("app",)] for name, series in found.items() if ("app",) in series}
    assert values["dbtool_database_size_bytes"] == CALM.database_bytes
    assert values["dbtool_commits_total"] == 12
    assert values["dbtool_wal_frames_written_total"] == 30
    assert values["dbtool_wal_frames"] == 250
    assert values["dbtool_wal_checkpointed_frames"] == 200
    assert values["dbtool_oldest_reader_seconds"] == 120
    assert values["dbtool_writer_seconds"] == 3
    assert values["dbtool_backup_timestamp_seconds"] == NOW.timestamp()
    assert values["dbtool_up"] == 1
    assert found["dbtool_table_rows"] == {("app", "t"): 3}
    assert found["dbtool_alert_firing"][("app", "wal-large")] == 0
    assert found["dbtool_build_info"] == {("1.2.3",): 1}
    names = {name.removesuffix("_total") for name in found} - {"dbtool_build_info"}
    assert names == set(SERIES)


def test_a_database_that_cannot_be_looked_at_is_down_and_nothing_is_made_up() -> None:
    found = parsed(app=sampling(None))
    assert found["dbtool_up"] == {("app",): 0}
    assert "dbtool_database_size_bytes" not in found
    assert "dbtool_readers" not in found
    assert found["dbtool_alert_firing"] == {("app", "database-unreadable"): 1}


def test_what_is_not_known_is_left_out() -> None:
    seen = look(users=None, readers=None, writers=None, wal_frames=None, page_size=None)
    found = parsed(app=sampling(seen, None))
    missing = ("processes", "readers", "writer_seconds", "wal_frames", "database_free_bytes")
    assert not {f"dbtool_{name}" for name in missing} & set(found)
    assert ("app", "space-reclaimable") not in found["dbtool_alert_firing"]


def test_labels_are_bounded_and_hold_any_name() -> None:
    tables = {f'{n}"\\\n\ud800': TableFacts(n, n) for n in range(MOST_TABLES + 20)}
    found = parsed(app=sampling(daily=replace(KNOWN, tables=tables)))
    series = found["dbtool_table_size_bytes"]
    assert len(series) == MOST_TABLES
    assert ("app", f'{MOST_TABLES + 19}"\\\n\\ud800') in series
    assert min(series.values()) == 20


def test_names_follow_the_conventions() -> None:
    for name, (kind, text) in SERIES.items():
        assert re.fullmatch(r"dbtool_[a-z]+(_[a-z]+)*", name)
        assert kind in ("gauge", "counter")
        assert text.endswith(".")
        assert not name.endswith("_total")


def test_a_textfile_is_whole_and_readable_for_all(tmp_path: Path) -> None:
    path = tmp_path / "dbtool.prom"
    path.write_text("old")
    write_textfile(path, {"app": sampling()}, "1.2.3")
    assert path.read_bytes() == exposition({"app": sampling()}, "1.2.3")
    assert path.stat().st_mode & 0o777 == 0o644
    assert [entry.name for entry in tmp_path.iterdir()] == ["dbtool.prom"]
    with pytest.raises(StorageFailed):
        write_textfile(tmp_path / "missing" / "x.prom", {}, "1")


def used_series(text: str) -> set[str]:
    return {name.removesuffix("_total") for name in re.findall(r"\bdbtool_[a-z_]+", text)}


def test_the_alert_rules_ask_for_series_and_alerts_that_there_are() -> None:
    text = (ASSETS / "alert-rules.yml").read_text(encoding="utf-8")
    assert used_series(text) <= set(SERIES)
    told = set(re.findall(r'alert="([a-z-]+)"', text))
    assert told == set(ALERTS) - {"database-unreadable"}  # dbtool_up says that


def test_the_dashboard_asks_for_series_that_there_are() -> None:
    dashboard: dict[str, Any] = json.loads((ASSETS / "grafana-dashboard.json").read_text("utf-8"))
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    assert len(asked) > 10
    assert used_series(" ".join(asked)) <= set(SERIES)
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
