"""How a job ended, in a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbtool.tui.jobs import Job, JobState
from dbtool.tui.line import Status
from dbtool.tui.model import Problem
from dbtool.tui.present.jobs import outcome, progress_of

BACKUP = {"schema": "dbtool.backup/1", "snapshot": "a1b2c3d4e5", "added": 2048, "unchanged": False}
RESTORE = {"schema": "dbtool.restore/1", "pages_written": 4, "pages": 1200, "target": "/x.db"}


@pytest.mark.parametrize(
    ("state", "status", "words"),
    [
        (JobState(exit_code=0, result=BACKUP), Status.OK, "snapshot a1b2c3d4, 2.0 KiB added"),
        (JobState(exit_code=0, result={**BACKUP, "unchanged": True}), Status.OK, "unchanged"),
        (JobState(exit_code=0, result=RESTORE), Status.OK, "4 of 1,200 pages written to /x.db"),
        (JobState(exit_code=0), Status.OK, "done"),
        (JobState(exit_code=3, warnings=("slow",)), Status.WARN, "slow"),
        (JobState(exit_code=4), Status.WARN, "exit code 4"),
        (JobState(exit_code=13), Status.CRIT, "damage found"),
        (JobState(exit_code=130), Status.WARN, "nothing is half-written"),
        (JobState(exit_code=11, problem=Problem("locked", "held by 1")), Status.CRIT, "held by 1"),
    ],
)
def test_every_end_has_its_sentence(state: JobState, status: Status, words: str) -> None:
    found, text, _ = outcome(Job("Back up app.db", (), 0.0, Path("x"), state))
    assert found is status
    assert text.startswith("Back up app.db: ")
    assert words in text


@pytest.mark.parametrize(
    ("state", "text"),
    [
        (JobState(elapsed_s=3.0), "3.0 s"),
        (JobState("reading", 2**20, 2**21, "bytes"), "reading  1.0 MiB/2.0 MiB"),
        (JobState("reading", 1500, None, "pages"), "reading  1,500 pages"),
    ],
)
def test_a_job_says_where_it_is(state: JobState, text: str) -> None:
    assert progress_of(Job("x", (), 0.0, Path("x"), state)) == text
