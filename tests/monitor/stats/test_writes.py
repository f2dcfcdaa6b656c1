"""Which tables the frames of a WAL belong to, against commits that are known."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from dbtool.core.holders import lock_count
from dbtool.monitor.stats.model import Unavailable, WriteStats
from dbtool.monitor.stats.report import StatsOptions, stats_report
from tests.monitor.stats.conftest import Make, rows


def writes(path: Path) -> object:
    return stats_report(path, StatsOptions(("writes",))).sections["writes"]


@pytest.fixture
def written(make: Make) -> Iterator[tuple[Path, apsw.Connection]]:
    path = make(
        "PRAGMA journal_mode = wal",
        "CREATE TABLE t(id INTEGER PRIMARY KEY, v); CREATE TABLE u(id INTEGER PRIMARY KEY, v)",
        "CREATE INDEX uv ON u(v)",
    )
    writer = apsw.Connection(str(path))
    writer.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    writer.wal_autocheckpoint(0)
    yield path, writer
    writer.close()


def test_frames_are_counted_by_table(written: tuple[Path, apsw.Connection]) -> None:
    path, writer = written
    for number in range(7):
        writer.execute("INSERT INTO t VALUES(?, 'x')", (number,))
    writer.execute("BEGIN; INSERT INTO u VALUES(1, 'a'); INSERT INTO u VALUES(2, 'b'); COMMIT")
    writer.execute("BEGIN; INSERT INTO u VALUES(3, 'c'); ROLLBACK")
    found = writes(path)
    assert isinstance(found, WriteStats)
    assert found.transactions == 8
    assert {item.name: (item.frames, item.pages) for item in found.objects} == {
        "t": (7, 1),
        "u": (1, 1),
        "uv": (1, 1),
    }
    assert found.frames == 9
    assert {item.name: item.table for item in found.objects}["uv"] == "u"


def test_pages_that_were_freed_belong_to_no_object(written: tuple[Path, apsw.Connection]) -> None:
    path, writer = written
    writer.execute(rows(100))
    writer.execute("DELETE FROM t")
    found = writes(path)
    assert isinstance(found, WriteStats)
    assert "" in {item.name for item in found.objects}
    assert sum(item.frames for item in found.objects) == found.frames


def test_looking_leaves_our_locks_as_they_are(written: tuple[Path, apsw.Connection]) -> None:
    path, writer = written
    writer.execute(rows(10))
    writer.execute("BEGIN; SELECT * FROM t")
    before = lock_count(path)
    assert isinstance(writes(path), WriteStats)
    assert lock_count(path) == before > 0


def test_without_frames_the_reason_is_told(make: Make) -> None:
    assert isinstance(writes(make("PRAGMA journal_mode = wal; CREATE TABLE t(a)")), Unavailable)
    rollback = writes(make("CREATE TABLE t(a)", name="old.db"))
    assert isinstance(rollback, Unavailable)
    assert "rollback-journal" in rollback.reason
    assert rollback.how
