"""When a job runs, as people say it, as systemd's `OnCalendar` and as the five fields of cron.

    every 15m      at minutes that are multiples of 15
    every 6h       at hours that are multiples of 6
    daily 02:30    weekly 02:30 (Sunday) or "sun 02:30"    monthly 02:30 (the first)

Only what both systemd and cron can say is taken, so that a schedule means the same in each. Times
are local (https://www.freedesktop.org/software/systemd/man/systemd.time.html, crontab(5)).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from dbtool.errors import UsageError

__all__ = ["DEFAULT", "TimeSpec"]

DEFAULT: Final = "daily 02:30"

_DAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_WORDS: Final = {"hourly": "every 1h"}
_EVERY = re.compile(r"every\s+(\d{1,3})\s*(m|min|minutes?|h|hours?)")
_AT = re.compile(r"(daily|weekly|monthly|[a-z]{3})(?:\s+(\d{1,2}):(\d{2}))?")
_MINUTES_IN_HOUR: Final = 60
_HOURS_IN_DAY: Final = 24
_DEFAULT_TIME: Final = (2, 30)


@dataclass(frozen=True, slots=True)
class TimeSpec:
    """When a job runs."""

    text: str
    """In normal form, as `parse` takes it."""
    calendar: str
    """For `OnCalendar=`."""
    cron: str
    """Minute, hour, day of the month, month, day of the week."""
    period_s: int
    """At most this long between two runs."""

    @classmethod
    def parse(cls, text: str) -> TimeSpec:
        """Read a schedule.

        Raises:
            UsageError: `schedule-time-invalid`.
        """
        words = " ".join(_WORDS.get(text.strip().lower(), text).lower().split())
        every = _EVERY.fullmatch(words)
        if every:
            return _every(text, int(every[1]), every[2][0])
        at = _AT.fullmatch(words)
        if at:
            hour, minute = (int(at[2]), int(at[3])) if at[2] else _DEFAULT_TIME
            if hour < _HOURS_IN_DAY and minute < _MINUTES_IN_HOUR:
                return _at(text, at[1], hour, minute)
        raise _invalid(text)


def _every(text: str, count: int, unit: str) -> TimeSpec:
    whole = _MINUTES_IN_HOUR if unit == "m" else _HOURS_IN_DAY
    if count == 0 or whole % count:
        raise _invalid(text, f"{count} does not divide {whole}, so the gaps would not be even")
    if unit == "m":
        return TimeSpec(f"every {count}m", f"*:0/{count}", f"*/{count} * * * *", count * 60)
    return TimeSpec(f"every {count}h", f"*-*-* 0/{count}:00:00", f"0 */{count} * * *", count * 3600)


def _at(text: str, when: str, hour: int, minute: int) -> TimeSpec:
    clock = f"{hour:02}:{minute:02}"
    if when == "daily":
        return TimeSpec(f"daily {clock}", f"*-*-* {clock}:00", f"{minute} {hour} * * *", 86400)
    if when == "monthly":
        return TimeSpec(
            f"monthly {clock}", f"*-*-01 {clock}:00", f"{minute} {hour} 1 * *", 31 * 86400
        )
    day = "sun" if when == "weekly" else when
    if day not in _DAYS:
        raise _invalid(text)
    number = _DAYS.index(day)
    calendar = f"{day.capitalize()} *-*-* {clock}:00"
    return TimeSpec(f"{day} {clock}", calendar, f"{minute} {hour} * * {number}", 7 * 86400)


def _invalid(text: str, context: str = "") -> UsageError:
    return UsageError(
        "schedule-time-invalid",
        f"{text!r} is no time for a schedule",
        context=context,
        hint='"daily 02:30", "sun 03:00", "monthly 04:00", "every 6h" or "every 15m"',
    )
