"""Sizes, durations and times as people write and read them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbtool.core.quantities import (
    format_age,
    format_duration,
    format_size,
    parse_duration,
    parse_size,
    parse_time,
)

NOW = datetime(2026, 11, 21, 7, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _new_york(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "EST5EDT,M3.2.0,M11.1.0")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("4096", 4096),
        ("64KiB", 65536),
        ("64k", 65536),
        ("10MB", 10**7),
        ("1.5 GiB", 3 << 29),
        ("2T", 2 << 40),
    ],
)
def test_sizes_are_read(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "-1", "x", "1X", "1 2", "1e3", "KiB", "٣"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a size"):
        parse_size(text)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1536, "1.5 KiB"),
        (100 << 10, "100 KiB"),
        ((1 << 20) - 1, "1.0 MiB"),
        (1 << 60, "1024 PiB"),
    ],
)
def test_sizes_are_shown(size: int, text: str) -> None:
    assert format_size(size) == text


@given(st.integers(0, 1 << 58))
def test_a_size_shown_and_read_is_nearly_the_size(size: int) -> None:
    assert parse_size(format_size(size).replace("PiB", "TiB")) == pytest.approx(
        size if size < (1 << 50) - (1 << 40) else size / 1024, rel=0.06
    )


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10", 10),
        ("90s", 90),
        ("10m", 600),
        ("1h30m", 5400),
        ("1 h 30 m", 5400),
        ("1.5h", 5400),
        ("2 days", 172800),
        ("250ms", 0.25),
    ],
)
def test_durations_are_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "s", "-3s", "1h 30", "1x", "9999999999999d", "soon"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 ms"),
        (0.0124, "12 ms"),
        (0.9996, "1.0 s"),
        (2.44, "2.4 s"),
        (59.97, "1 min"),
        (80, "1 min 20 s"),
        (3599.7, "1 h"),
        (11100, "3 h 5 min"),
        (187200, "2 days 4 h"),
    ],
)
def test_durations_are_shown(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-10, "in the future"),
        (4, "just now"),
        (59, "59 s ago"),
        (2520, "42 min ago"),
        (10800, "3 h ago"),
        (172800, "2 days ago"),
    ],
)
def test_ages_are_shown(seconds: int, text: str) -> None:
    assert format_age(NOW - timedelta(seconds=seconds), NOW) == text


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-20T14:00:00Z", "2026-11-20T14:00"),
        ("2026-11-20t14:00:00+02:00", "2026-11-20T12:00"),
        ("2026-11-20 14:00", "2026-11-20T19:00"),
        ("2026-07-20 14:00", "2026-07-20T18:00"),
        ("2026-11-20", "2026-11-20T05:00"),
        ("yesterday 14:00", "2026-11-20T19:00"),
        ("today", "2026-11-21T05:00"),
        ("14:00:30", "2026-11-21T19:00:30"),
        ("now", "2026-11-21T07:30"),
        ("2h ago", "2026-11-21T05:30"),
        ("3 days ago", "2026-11-18T07:30"),
    ],
)
def test_times_are_read_local_unless_they_name_a_zone(text: str, moment: str) -> None:
    assert parse_time(text, NOW) == datetime.fromisoformat(moment).replace(tzinfo=UTC)
    assert parse_time(text, NOW).tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ago",
        "x ago",
        "yesterday 25:00",
        "yesterday noon",
        "2026-13-01",
        "9999999d ago",
        "tomorrow",
    ],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time"):
        parse_time(text, NOW)
