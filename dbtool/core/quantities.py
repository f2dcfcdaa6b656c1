"""Sizes, durations and times as people write and read them.

Sizes are bytes, durations seconds, times aware UTC datetimes. A time without a zone is local time.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

__all__ = [
    "format_age",
    "format_duration",
    "format_size",
    "parse_duration",
    "parse_size",
    "parse_time",
]

_SIZE_UNITS: Final = {
    "": 1,
    "b": 1,
    "k": 1 << 10, "kib": 1 << 10, "kb": 10**3,
    "m": 1 << 20, "mib": 1 << 20, "mb": 10**6,
    "g": 1 << 30, "gib": 1 << 30, "gb": 10**9,
    "t": 1 << 40, "tib": 1 << 40, "tb": 10**12,
}  # fmt: skip
_SECONDS: Final = {
    "ms": 0.001,
    "s": 1.0, "sec": 1.0, "second": 1.0, "seconds": 1.0,
    "m": 60.0, "min": 60.0, "minute": 60.0, "minutes": 60.0,
    "h": 3600.0, "hour": 3600.0, "hours": 3600.0,
    "d": 86400.0, "day": 86400.0, "days": 86400.0,
    "w": 604800.0, "week": 604800.0, "weeks": 604800.0,
}  # fmt: skip
_NUMBER_UNIT: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", re.ASCII)
_CLOCK_TIME: Final = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?", re.ASCII)
_FORMAT_UNITS: Final = ("KiB", "MiB", "GiB", "TiB", "PiB")
_STEP: Final = 1024
_MINUTE: Final = 60
_HOUR: Final = 3600
_DAY: Final = 86400
_SHOWN_AS_HOURS: Final = 2 * _DAY
_LONGEST_S: Final = 1000 * 366 * _DAY


def parse_size(text: str) -> int:
    """Return the bytes of "4096", "64MiB", "64M" (both powers of 1024) or "64MB" (a power of 1000).

    Raises:
        ValueError: the text is no size; its message says what would be.
    """
    match = _NUMBER_UNIT.fullmatch(text.lower())
    if match is None or match[2] not in _SIZE_UNITS:
        message = f"{text!r} is not a size such as 4096, 64KiB, 10MB or 2GiB"
        raise ValueError(message)
    return (
        round(float(match[1]) * _SIZE_UNITS[match[2]])
        if "." in match[1]
        else int(match[1]) * _SIZE_UNITS[match[2]]
    )


def format_size(size_bytes: int) -> str:
    """Return "0 B", "512 B", "1.5 KiB", "478 MiB": three digits are enough to compare."""
    if size_bytes < _STEP:
        return f"{size_bytes} B"
    value = float(size_bytes)
    unit = ""
    for unit in _FORMAT_UNITS:  # noqa: B007 - used after the loop
        value /= _STEP
        # 1023.5 would round to 1024 of this unit.
        if value < _STEP - 0.5:
            break
    return f"{value:.1f} {unit}" if round(value, 1) < 100 else f"{value:.0f} {unit}"  # noqa: PLR2004 - three digits


def parse_duration(text: str) -> float:
    """Return the seconds of "10", "90s", "10m", "1.5h", "1h30m", "2 days".

    Raises:
        ValueError: the text is no duration; its message says what would be.
    """
    rest, total, parts = text.lower(), 0.0, 0
    while match := _NUMBER_UNIT.match(rest):
        unit, rest = match[2], rest[match.end() :]
        alone = not unit and not parts and not rest
        if unit not in _SECONDS and not alone:
            break
        total += float(match[1]) * _SECONDS.get(unit, 1.0)
        parts += 1
        if not rest:
            if total > _LONGEST_S:
                break
            return total
    message = f"{text!r} is not a duration such as 30s, 10m, 1h30m or 7d"
    raise ValueError(message)


def format_duration(duration_s: float) -> str:
    """Return "12 ms", "2.4 s", "1 min 20 s", "3 h 5 min" or "2 days 4 h"."""
    if duration_s < 0.9995:  # noqa: PLR2004 - what rounds to 1000 ms is shown as seconds
        return f"{duration_s * 1000:.0f} ms"
    if duration_s < _MINUTE - 0.05:
        return f"{duration_s:.1f} s"
    seconds = round(duration_s)
    if seconds < _HOUR:
        return _two(seconds, (_MINUTE, "min"), (1, "s"))
    if seconds < _SHOWN_AS_HOURS:
        return _two(seconds, (_HOUR, "h"), (_MINUTE, "min"))
    return _two(seconds, (_DAY, "days"), (_HOUR, "h"))


def format_age(time: datetime, now: datetime) -> str:
    """Return how long before `now` a time was: "just now", "42 min ago", "12 days ago"."""
    seconds = int((now - time).total_seconds())
    if seconds < 0:
        return "in the future"
    if seconds < 5:  # noqa: PLR2004 - nobody counts those
        return "just now"
    for limit, length, unit in (
        (_MINUTE, 1, "s"),
        (_HOUR, _MINUTE, "min"),
        (_SHOWN_AS_HOURS, _HOUR, "h"),
    ):
        if seconds < limit:
            return f"{seconds // length} {unit} ago"
    return f"{seconds // _DAY} days ago"


def parse_time(text: str, now: datetime) -> datetime:
    """Return the moment that a person means.

    Args:
        text: RFC 3339 ("2026-11-20T14:00:00Z"), "2026-11-20 14:00", "2026-11-20" (its first
        moment), "14:00" (today),
            "today", "yesterday", "yesterday 14:00", "now", or an age: "2h ago", "3 days ago".
        now: what ages and days count from; aware.

    Returns:
        An aware datetime in UTC. Text without a zone is in the local zone of the machine.

    Raises:
        ValueError: the text is no time; its message says what would be.
    """
    words = " ".join(text.lower().split())
    try:
        if words == "now":
            return now.astimezone(UTC)
        if words.endswith("ago"):
            return (now - timedelta(seconds=parse_duration(words.removesuffix("ago")))).astimezone(
                UTC
            )
        named = _named_day(words, now)
        found = (
            named if named is not None else datetime.fromisoformat(" ".join(text.split()).upper())
        )
        # A naive datetime is taken as local time, daylight saving included.
        return found.astimezone(UTC)
    except (ValueError, OverflowError, OSError) as error:
        examples = '2026-11-20T14:00Z, "2026-11-20 14:00", "yesterday 14:00" or "2h ago"'
        message = f"{text!r} is not a time such as {examples}"
        raise ValueError(message) from error


def _named_day(words: str, now: datetime) -> datetime | None:
    """Return the naive local time of "today", "yesterday 14:00" or "14:00"; None for others."""
    day, _, clock = words.partition(" ")
    days_back = {"today": 0, "yesterday": 1}.get(day)
    if days_back is None:
        if not _CLOCK_TIME.fullmatch(words):
            return None
        days_back, clock = 0, words
    date = now.astimezone().date() - timedelta(days=days_back)
    match = _CLOCK_TIME.fullmatch(clock or "0:00")
    if match is None:
        message = f"{clock!r} is no time of day"
        raise ValueError(message)
    return datetime(
        date.year, date.month, date.day, int(match[1]), int(match[2]), int(match[3] or 0)
    )


def _two(seconds: int, large: tuple[int, str], small: tuple[int, str]) -> str:
    whole = seconds // large[0]
    rest = (seconds - whole * large[0]) // small[0]
    return f"{whole} {large[1]} {rest} {small[1]}" if rest else f"{whole} {large[1]}"
