"""Statements are counted in memory, by threads and over forks, and written without disturbing."""

from __future__ import annotations

import gc
import logging
import os
import threading
import tracemalloc
import weakref
from pathlib import Path

import pytest

from dbtool.trace.collect import Channel, Collector, Tally
from dbtool.trace.log import read_log


def collector(path: Path, *, interval_s: float = 3600.0) -> Collector:
    return Collector(path, examples=False, interval_s=interval_s, max_bytes=1 << 20, files=2)


def note(channel: Channel, sql: str, duration_ns: int = 1000) -> None:
    with channel.collector.lock:
        channel.tally(sql).time(duration_ns)


def test_texts_that_differ_in_their_values_are_one_statement(tmp_path: Path) -> None:
    counting = collector(tmp_path / "log")
    channel = counting.channel("/app.db", "apsw")
    for number in range(5):
        note(channel, f"SELECT {number}", 1000 + number)
    counting.close()
    (use,) = read_log(tmp_path / "log").statements
    assert (use.sql, use.calls) == ("SELECT ?", 5)
    assert use.longest_s == pytest.approx(1004e-9)


def test_calls_of_many_threads_are_all_counted(tmp_path: Path) -> None:
    counting = collector(tmp_path / "log")
    channel = counting.channel("/app.db", "apsw")

    def work() -> None:
        for number in range(2000):
            note(channel, "SELECT 1")
            if number % 500 == 0:
                counting.flush()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counting.close()
    log = read_log(tmp_path / "log")
    assert log.statements[0].calls == 8000
    assert log.unreadable_lines == 0


def test_texts_that_are_too_many_are_counted_together(tmp_path: Path) -> None:
    counting = collector(tmp_path / "log")
    channel = counting.channel("/app.db", "apsw")
    for number in range(2500):
        note(channel, f"SELECT a{number}")
    counting.close()
    log = read_log(tmp_path / "log")
    assert (len(log.statements), log.lost_calls) == (2000, 500)


def test_a_text_of_megabytes_is_kept_short(tmp_path: Path) -> None:
    counting = collector(tmp_path / "log")
    channel = counting.channel("/app.db", "apsw")
    for _ in range(2):
        note(channel, "SELECT " + "a" * (5 << 20))
    assert len(next(iter(channel.tallies))) < 20_000
    counting.close()
    assert read_log(tmp_path / "log").statements[0].calls == 2


def test_what_is_counted_is_written_by_itself(tmp_path: Path) -> None:
    log = tmp_path / "log"
    counting = collector(tmp_path / "log", interval_s=0.05)
    note(counting.channel("/app.db", "apsw"), "SELECT 1")
    waiting = threading.Event()
    for _ in range(200):
        if log.exists() and log.stat().st_size:
            break
        waiting.wait(0.05)
    assert read_log(tmp_path / "log").statements[0].calls == 1
    counting.close()


def test_quiet_time_is_covered_by_the_next_period(tmp_path: Path) -> None:
    counting = collector(tmp_path / "log")
    channel = counting.channel("/app.db", "apsw")
    note(channel, "SELECT 1")
    counting.flush()
    counting.flush()
    note(channel, "SELECT 1")
    counting.close()
    log = read_log(tmp_path / "log")
    assert log.began_at is not None
    assert log.ended_at is not None
    assert log.covered_s == pytest.approx(log.ended_at - log.began_at)


def test_a_forked_child_counts_its_own_and_writes_nothing_of_its_parent(tmp_path: Path) -> None:
    counting = collector(tmp_path / "log")
    channel = counting.channel("/app.db", "apsw")
    note(channel, "SELECT parent")
    with counting.lock:  # held by the thread that forks: the child gets one of its own
        child = os.fork()
        if not child:
            try:
                worker = threading.Thread(target=note, args=(channel, "SELECT child"))
                worker.start()
                worker.join(10)
                counting.flush()
            finally:
                os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    counting.close()
    log = read_log(tmp_path / "log")
    assert {use.sql: use.calls for use in log.statements} == {"SELECT parent": 1, "SELECT child": 1}
    assert log.processes == 2


def test_a_log_that_cannot_be_written_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    counting = collector(tmp_path / "missing" / "log")
    channel = counting.channel("/app.db", "apsw")
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            note(channel, "SELECT 1")
            counting.flush()
    assert len(caplog.records) == 1
    assert "is not written" in caplog.text
    counting.close()


def test_channels_end_with_their_connections_and_once_their_counts_are_written(
    tmp_path: Path,
) -> None:
    counting = collector(tmp_path / "log")
    channels = []
    for number in range(20):
        channel = counting.channel(f"/{number}.db", "apsw")
        note(channel, "SELECT 1")
        channels.append(weakref.ref(channel))
    del channel
    assert all(channels), "what was counted is written"
    counting.close()
    gc.collect()
    assert not any(channel() for channel in channels)
    assert len(read_log(tmp_path / "log").databases) == 20


def test_an_example_of_a_huge_value_is_not_written_out_whole(tmp_path: Path) -> None:
    counting = collector(tmp_path / "log")
    tally, blob = Tally(), bytes(1 << 22)
    tracemalloc.start()
    counting.example(tally, 5, "SELECT ?", {"a": [blob, "x" * len(blob)]})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert tally.example is not None
    assert len(tally.example) == 4000
    assert peak < len(blob) + (1 << 20)
