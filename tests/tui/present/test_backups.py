"""Snapshots, proofs, plans and timers in words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dbtool.tui.line import Status
from dbtool.tui.present.backups import (
    SNAPSHOT_COLUMNS,
    backup_line,
    prune_rows,
    repository_lines,
    schedule_lines,
    snapshot_rows,
    verified_line,
)
from dbtool.tui.state import State
from tests.tui.seeded import (
    DATABASE,
    NOW_S,
    READINGS,
    SNAPSHOTS,
    TIMER,
    failing,
    reading,
    snapshot,
    time_of,
)


def known(*readings: object) -> State:
    state = State(DATABASE)
    for each in readings or READINGS.values():
        state.take(each)
    return state


def test_snapshots_come_newest_first_with_a_cell_for_every_column() -> None:
    rows = snapshot_rows(known(), NOW_S)
    assert [row.cells[0] for row in rows] == ["00000003", "00000002", "00000001"]
    assert all(len(row.cells) == len(SNAPSHOT_COLUMNS) for row in rows)
    assert rows[0].cells[-1] == "before v2"
    assert rows[2].cells[5] == "22 h ago"
    assert snapshot_rows(State(DATABASE), NOW_S) == []


def test_an_age_counts_from_when_it_was_last_seen_so() -> None:
    seen = snapshot(1, ago_s=86_400, seen=time_of(60))
    assert snapshot_rows(known(reading("snapshots", [seen])), NOW_S)[0].cells[2] == "1 min ago"


def test_a_backup_within_its_limit_is_fine() -> None:
    line = backup_line(known(), NOW_S)
    assert (line.status, "limit 1 h" in line.text) == (Status.OK, True)


def test_a_backup_past_its_limit_is_critical() -> None:
    assert backup_line(known(), NOW_S + 7200).status is Status.CRIT


def test_without_a_limit_no_age_is_wrong() -> None:
    state = State(replace(DATABASE, max_backup_age_s=None))
    state.take(READINGS["snapshots"])
    assert backup_line(state, NOW_S + 10**7).status is Status.OK


@pytest.mark.parametrize("data", [[], [snapshot(1, ago_s=1, tags=["safety"])]])
def test_no_snapshot_and_only_safety_snapshots_are_no_backup(data: list[object]) -> None:
    assert backup_line(known(reading("snapshots", data)), NOW_S).status is Status.CRIT


def test_a_repository_that_does_not_answer_is_said() -> None:
    none = known(failing("snapshots", "repository-not-found"))
    assert backup_line(none, NOW_S).status is Status.CRIT
    away = known(failing("snapshots", "store-unreachable", "the store does not answer"))
    line = backup_line(away, NOW_S)
    assert (line.status, line.text) == (Status.WARN, "the store does not answer")
    assert backup_line(State(DATABASE), NOW_S).status is Status.PLAIN


def test_a_proof_is_told_and_missed() -> None:
    assert verified_line(known(), NOW_S).status is Status.OK
    unproven = known(reading("snapshots", [snapshot(1, ago_s=1)]))
    assert verified_line(unproven, NOW_S).status is Status.WARN
    assert verified_line(State(DATABASE), NOW_S).status is Status.PLAIN


def test_what_snapshots_cost_is_told_beside_copies() -> None:
    (line,) = repository_lines(known())
    assert line.text == "586 KiB for 3 snapshots, 2684.4x smaller"
    assert repository_lines(State(DATABASE)) == []


def test_what_a_prune_removes_comes_first() -> None:
    plan = {
        "snapshots": [
            {**SNAPSHOTS[0], "plan": "keep", "reasons": ["daily"]},
            {**SNAPSHOTS[1], "plan": "remove", "reasons": []},
        ]
    }
    rows = prune_rows(plan)
    assert [row.cells[2] for row in rows] == ["remove", "keep"]
    assert prune_rows(None) == []


def test_the_timer_says_when_and_how_it_went() -> None:
    lines = schedule_lines(known())
    assert [line.label for line in lines] == ["schedule", "next run", "last run"]
    assert lines[2].status is Status.OK
    failed = known(reading("schedule", {"timers": [{**TIMER, "last_result": "exit-code"}]}))
    assert schedule_lines(failed)[2].status is Status.CRIT


def test_a_follower_says_whether_it_runs() -> None:
    entry = {**TIMER, "when": "always", "last_result": "failed"}
    lines = schedule_lines(known(reading("schedule", {"timers": [TIMER, entry]})))
    assert (lines[-1].label, lines[-1].status) == ("follow", Status.CRIT)


def test_a_timer_that_is_not_there_is_a_warning() -> None:
    none = known(failing("schedule", "schedule-not-found"))
    assert schedule_lines(none)[0].status is Status.WARN
    odd = known(failing("schedule", "schedule-failed", "systemctl failed"))
    assert schedule_lines(odd)[0].status is Status.UNKNOWN
    assert schedule_lines(State(DATABASE))[0].status is Status.PLAIN
