"""Samples hold what a look knows, and nothing for what it does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from dbtool.core.holders import Holder
from dbtool.monitor.daily import TableFacts
from dbtool.monitor.metrics import METRICS, daily_samples, reading_s, samples_of, writing_s
from dbtool.monitor.observer import WalActivity
from tests.monitor.lookstands import CALM, KNOWN, NOW, look, reading


def test_every_value_of_a_look_is_a_sample_of_a_known_metric() -> None:
    seen = look(
        activity=WalActivity(5, 2, 1, complete=True, pages_complete=True, pages={}),
        readers=(reading(7, 100, 2), reading(8, 200, 1)),
        writers=(Holder(9, "x"),),
        writer_since=NOW - timedelta(seconds=3),
    )
    samples = {sample.metric: sample for sample in samples_of(seen)}
    assert samples["wal_waiting_frames"].value == 50
    assert samples["free_bytes"].value == 40960
    assert samples["oldest_reader_s"].value == 120
    assert samples["writer_s"].value == 3
    assert (samples["frames"].value, samples["resets"].value) == (5, 1)
    assert all(METRICS[name][0] == sample.rollup for name, sample in samples.items())


def test_what_is_not_known_is_no_sample() -> None:
    seen = look(users=None, readers=None, writers=None, wal_frames=None, free_pages=None)
    names = {sample.metric for sample in samples_of(seen)}
    assert not names & {"processes", "readers", "oldest_reader_s", "writer_s", "wal_frames"}
    assert not names & {"wal_waiting_frames", "free_bytes", "frames"}
    assert reading_s(seen) is None
    assert writing_s(seen) is None


def test_nobody_at_work_is_zero_seconds() -> None:
    assert (reading_s(CALM), writing_s(CALM)) == (0.0, 0.0)


def test_tables_have_samples_under_their_names() -> None:
    daily = replace(KNOWN, tables={"a": TableFacts(10, 3), "v": TableFacts(5, None)})
    found = {(sample.metric, sample.label): sample.value for sample in daily_samples(daily)}
    assert found["table_bytes", "a"] == 10
    assert found["table_rows", "a"] == 3
    assert found["table_bytes", "v"] == 5
    assert ("table_rows", "v") not in found
    odd = replace(KNOWN, tables={"t\udcff": TableFacts(1, 1)})
    assert {sample.label for sample in daily_samples(odd)} == {"", "t\\udcff"}
    assert found["backup_age_s", ""] == 0
