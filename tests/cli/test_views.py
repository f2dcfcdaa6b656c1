"""Small texts that several commands show."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from dbtool.backup.model import Snapshot, SnapshotId
from dbtool.cli.views import brief, counted, local_time, pasted, ratio, short, snapshot_data

SNAPSHOT = Snapshot(
    id=SnapshotId("a" * 32),
    time=datetime(2026, 11, 21, tzinfo=UTC),
    database="/srv/app.db",
    host="here",
    sequence=1,
    parent=None,
    page_size=4096,
    page_count=10,
    pages_changed=10,
    bytes_added=100,
    duration_s=0.5,
    tags=("x",),
)


def test_ids_are_eight_characters_in_tables() -> None:
    assert short("0123456789abcdef") == "01234567"


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [(100, 25, "4.0x smaller"), (100, 100, ""), (100, 200, ""), (100, 0, "")],
)
def test_a_ratio_is_shown_where_it_says_something(before: int, after: int, text: str) -> None:
    assert ratio(before, after) == text


def test_numbers_agree_with_their_noun() -> None:
    assert [counted(n, "page") for n in (0, 1, 1200)] == ["0 pages", "1 page", "1,200 pages"]


def test_a_path_beneath_the_current_folder_is_short() -> None:
    assert brief(Path.cwd() / "a" / "b") == "a/b"
    assert brief("/elsewhere") == "/elsewhere"
    assert brief("already/short") == "already/short"
    assert brief("s3://bucket/x") == "s3://bucket/x"


def test_times_are_local(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", "Etc/GMT-3")
    time.tzset()
    try:
        assert local_time(SNAPSHOT.time) == "2026-11-21 03:00:00"
    finally:
        monkeypatch.delenv("TZ")
        time.tzset()


def test_a_snapshot_is_whole_in_data() -> None:
    data = snapshot_data(SNAPSHOT)
    assert data["id"] == "a" * 32
    assert data["size"] == 40960
    assert data["verified"] is None


def test_a_name_is_pasted_as_one_word_that_is_no_option() -> None:
    assert pasted("app.db") == "app.db"
    assert pasted("-x.db") == "./-x.db"
    assert pasted("a $(id).db") == "'a $(id).db'"
