"""Each alert knows its limit, tells its evidence and the command to run next."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from dbtool.core.holders import Holder
from dbtool.monitor.alerts import ALERTS, AlertLimits, Judgement, judge, unreadable
from dbtool.monitor.daily import Daily
from tests.monitor.lookstands import CALM, KNOWN, MIB, NOW, look, reading

LIMITS = AlertLimits(backup_age_s=3600.0)


def judged(
    code: str, seen: Any = CALM, daily: Daily | None = KNOWN, limits: AlertLimits = LIMITS
) -> Judgement:
    found = {one.code: one for one in judge(seen, daily, limits)}
    assert list(found) == list(ALERTS)
    return found[code]


def test_nothing_is_wrong_with_a_calm_database() -> None:
    assert {one.code for one in judge(CALM, KNOWN, LIMITS) if one.over is not False} == set()
    assert all(one.clear for one in judge(CALM, KNOWN, LIMITS))


@pytest.mark.parametrize(
    ("wal_bytes", "database_bytes", "over", "clear"),
    [
        (63_000_000, 10 * MIB, False, False),
        (50_000_000, 10 * MIB, False, True),
        (65_000_000, 10 * MIB, True, False),
        (65_000_000, 1000 * MIB, False, True),
        (106 * MIB, 1000 * MIB, True, False),
    ],
)
def test_a_wal_is_large_by_bytes_or_by_its_share_whichever_is_more(
    wal_bytes: int, database_bytes: int, over: bool, clear: bool
) -> None:
    found = judged("wal-large", look(wal_bytes=wal_bytes, database_bytes=database_bytes))
    assert (found.over, found.clear, found.for_s) == (over, clear, 300.0)


def test_a_large_wal_names_who_keeps_it() -> None:
    seen = look(wal_bytes=100 * MIB, readers=(reading(42, 100, 9),))
    found = judged("wal-large", seen)
    assert "process 42 (report) keeps it" in found.evidence
    assert found.command == "ps -fp 42"


def test_the_oldest_reader_that_pins_the_log_is_the_subject() -> None:
    seen = look(readers=(reading(42, 100, 9), reading(43, 249, 2), reading(44, 250, 99)))
    found = judged("checkpoint-pinned", seen)
    assert (found.over, found.subject, found.value) == (True, "42:100", 540.0)
    assert "frame 100 of 250" in found.evidence
    assert "150 frames cannot be checkpointed" in found.evidence


def test_a_reader_without_the_log_is_told_as_such() -> None:
    found = judged("checkpoint-pinned", look(readers=(reading(42, 0, 0),)))
    assert found.evidence == (
        "process 42 (report) reads the database without the WAL: 250 frames cannot be checkpointed"
    )


def test_a_reader_of_the_whole_log_pins_nothing() -> None:
    assert judged("checkpoint-pinned", look(readers=(reading(42, 250, 9),))).over is False


def test_a_writer_is_known_by_its_transaction() -> None:
    since = NOW - timedelta(seconds=7)
    seen = look(writers=(Holder(9, "import"),), writer_since=since)
    found = judged("writer-held", seen)
    assert (found.over, found.value, found.for_s) == (True, 7.0, 5.0)
    assert (
        found.evidence == "process 9 (import) is in a transaction that writes, for 7.0 s at least"
    )
    other = judged("writer-held", replace(seen, writer_since=NOW))
    assert other.subject != found.subject


def test_what_this_system_does_not_tell_is_unknown_with_the_reason() -> None:
    why = {"readers": "no /proc/locks", "writers": "no /proc/locks"}
    seen = look(readers=None, writers=None, users=None, unknown=why)
    for code in ("checkpoint-pinned", "writer-held"):
        assert (judged(code, seen).over, judged(code, seen).evidence) == (None, "no /proc/locks")


@pytest.mark.parametrize(
    ("limit", "free", "over"),
    [
        (None, 203 * MIB, False),
        (None, 201 * MIB, True),
        (0.1, 1999 * MIB, True),
        (0.1, 2001 * MIB, False),
        (float(MIB), MIB - 1, True),
        (float(MIB), MIB, False),
    ],
)
def test_free_space_is_limited_by_the_database_a_share_or_bytes(
    limit: float | None, free: int, over: bool
) -> None:
    found = judged("disk-free-low", look(disk_free_bytes=free), limits=AlertLimits(disk_free=limit))
    assert found.over is over


@pytest.mark.parametrize(
    ("code", "facts", "over"),
    [
        ("disk-full-soon", {"days_until_full": 29.0}, True),
        ("disk-full-soon", {"days_until_full": 31.0}, False),
        ("disk-full-soon", {"days_until_full": None}, False),
        ("disk-full-soon", {"growth_per_day_bytes": None}, None),
        ("statistics-stale", {"stale_tables": {"t": (1, 5000)}}, True),
        ("statistics-stale", {"stale_tables": None}, None),
        ("growth-unusual", {"growth_per_day_bytes": 10.0 * MIB, "grown_bytes": 31 * MIB}, True),
        ("growth-unusual", {"growth_per_day_bytes": 10.0 * MIB, "grown_bytes": 29 * MIB}, False),
        ("growth-unusual", {"growth_per_day_bytes": 1.0, "grown_bytes": 5000}, False),
        ("growth-unusual", {"growth_per_day_bytes": -9.0, "grown_bytes": 2 * MIB}, True),
        ("growth-unusual", {"growth_per_day_bytes": None}, None),
        ("growth-unusual", {"grown_bytes": None}, None),
        ("backup-stale", {"backup_at": NOW - timedelta(minutes=61)}, True),
        ("backup-stale", {"backup_at": NOW - timedelta(minutes=59)}, False),
        ("backup-stale", {"backup_at": NOW + timedelta(minutes=59)}, False),
        ("backup-stale", {"backup_at": None}, True),
        ("backup-stale", {"backup_at": None, "unknown": {"backup_at": "locked"}}, None),
        ("verify-stale", {"verified_at": NOW - timedelta(days=8)}, True),
        ("verify-stale", {"verified_at": NOW - timedelta(days=6)}, False),
        ("verify-stale", {"verified_at": None}, False),
        ("verify-stale", {"verified_at": None, "first_backup_at": NOW - timedelta(days=8)}, True),
        ("verify-stale", {"verified_at": None, "backup_at": None}, None),
        ("space-reclaimable", {"reclaimable_bytes": 26 * MIB}, False),
        ("space-reclaimable", {"reclaimable_bytes": 70 * MIB}, True),
        ("space-reclaimable", {"reclaimable_bytes": 70 * MIB, "size_bytes": 900 * MIB}, False),
        ("space-reclaimable", {"reclaimable_bytes": None}, None),
    ],
)
def test_facts_of_the_day_are_judged(code: str, facts: dict[str, Any], over: bool | None) -> None:
    assert judged(code, daily=replace(KNOWN, **facts)).over is over


def test_without_a_limit_no_backup_is_stale() -> None:
    found = judged("backup-stale", limits=AlertLimits())
    assert found.over is None
    assert "max_backup_age" in found.evidence


def test_without_a_daily_look_its_alerts_are_unknown() -> None:
    unknown = [one.code for one in judge(CALM, None, LIMITS) if one.over is None]
    assert unknown == list(ALERTS)[-6:]


def test_a_database_that_cannot_be_looked_at_is_one_alert_and_the_rest_is_unknown() -> None:
    first, *rest = unreadable("it is gone")
    assert (first.code, first.over, first.evidence) == ("database-unreadable", True, "it is gone")
    assert {one.over for one in rest} == {None}
    assert [first.code, *(one.code for one in rest)] == list(ALERTS)


def test_a_database_that_nobody_can_read_is_told() -> None:
    found = judged("database-unreadable", daily=replace(KNOWN, problem="app.db is cut short"))
    assert (found.over, found.evidence) == (True, "app.db is cut short")


def test_every_alert_that_may_fire_names_a_next_command() -> None:
    seen = look(
        wal_bytes=999 * MIB,
        readers=(reading(42, 1, 9),),
        writers=(Holder(9, "x"),),
        writer_since=NOW,
        disk_free_bytes=0,
    )
    bad = Daily(
        NOW,
        reclaimable_bytes=90 * MIB,
        size_bytes=100 * MIB,
        stale_tables={"t": (1, 99)},
        days_until_full=1.0,
        growth_per_day_bytes=1.0,
        grown_bytes=99 * MIB,
    )
    for one in judge(seen, bad, LIMITS)[1:]:
        if one.code != "verify-stale":
            assert one.over, one
            assert one.command, one
