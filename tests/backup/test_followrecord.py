"""A follower that falls silent is noticed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from dbtool.backup.followrecord import FollowRecord, read_follow_records, write_follow_record
from dbtool.backup.model import SnapshotId
from dbtool.backup.repository import Repository

NOW = datetime(2026, 11, 20, 14, 0, tzinfo=UTC)


def _record(**changes: object) -> FollowRecord:
    values = {
        "database": "/srv/app.db",
        "host": "db1",
        "pid": 42,
        "interval_s": 1.0,
        "since": NOW,
        "unbroken_since": NOW,
        "time": NOW,
        "snapshot": SnapshotId("ab" * 16),
        "running": True,
    }
    return FollowRecord(**values | changes)


def test_a_record_comes_back_as_it_was_written(repository: Repository) -> None:
    write_follow_record(repository, _record())
    write_follow_record(repository, _record(database="/srv/other.db", running=False))
    write_follow_record(repository, _record(pid=43))
    assert sorted(read_follow_records(repository), key=lambda r: r.database) == [
        _record(pid=43),
        _record(database="/srv/other.db", running=False),
    ]


def test_a_damaged_record_counts_as_none(repository: Repository) -> None:
    write_follow_record(repository, _record())
    ((key, _),) = [item for item in repository.store.list("marks/") if "follow" in item[0]]
    repository.store.replace(key, b"nonsense")
    assert read_follow_records(repository) == []


@pytest.mark.parametrize(
    ("seconds", "changes", "silent"),
    [
        (60, {}, False),
        (91, {}, True),
        (91, {"interval_s": 60.0}, False),
        (181, {"interval_s": 60.0}, True),
        (10_000, {"running": False}, False),
    ],
)
def test_silence_is_judged_by_the_interval(
    seconds: int, changes: dict[str, object], silent: bool
) -> None:
    assert _record(**changes).silent(NOW + timedelta(seconds=seconds)) is silent
