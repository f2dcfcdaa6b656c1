"""A time means the same to people, systemd and cron."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from dbtool.errors import UsageError
from dbtool.schedule.timespec import DEFAULT, TimeSpec

MEANINGS = [
    ("daily 02:30", "*-*-* 02:30:00", "30 2 * * *"),
    ("daily", "*-*-* 02:30:00", "30 2 * * *"),
    ("Sun 3:00", "Sun *-*-* 03:00:00", "0 3 * * 0"),
    ("weekly 23:59", "Sun *-*-* 23:59:00", "59 23 * * 0"),
    ("sat 00:00", "Sat *-*-* 00:00:00", "0 0 * * 6"),
    ("monthly 04:05", "*-*-01 04:05:00", "5 4 1 * *"),
    ("every 15m", "*:0/15", "*/15 * * * *"),
    ("every 15 minutes", "*:0/15", "*/15 * * * *"),
    ("every 6h", "*-*-* 0/6:00:00", "0 */6 * * *"),
    ("hourly", "*-*-* 0/1:00:00", "0 */1 * * *"),
]


@pytest.mark.parametrize(("text", "calendar", "cron"), MEANINGS)
def test_a_time_as_systemd_and_cron_say_it(text: str, calendar: str, cron: str) -> None:
    spec = TimeSpec.parse(text)
    assert (spec.calendar, spec.cron) == (calendar, cron)
    assert TimeSpec.parse(spec.text) == spec


@pytest.mark.parametrize(
    "text",
    ["", "never", "daily 24:00", "daily 2:60", "every 7m", "every 0h", "every 5h", "day 02:00"],
)
def test_what_both_cannot_say_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        TimeSpec.parse(text)
    assert caught.value.code == "schedule-time-invalid"


def test_the_default_is_a_time() -> None:
    assert TimeSpec.parse(DEFAULT).text == DEFAULT


@pytest.mark.parametrize(("text", "calendar", "cron"), MEANINGS)
def test_systemd_understands_the_calendar(text: str, calendar: str, cron: str) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("there is no systemd-analyze on this machine")
    done = subprocess.run(
        ["systemd-analyze", "calendar", calendar], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
