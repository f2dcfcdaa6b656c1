"""Who hears of a job, and who may not."""

from __future__ import annotations

from pathlib import Path

from dbtool.cli.audience import Audience
from dbtool.cli.context import Session
from dbtool.schedule.job import JobReport, StepReport
from tests.cli.conftest import Run

FAILED = JobReport("app", (StepReport("backup", "failed", "it is locked", 11),), 1.0)


def test_without_a_configuration_nobody_hears(run: Run) -> None:
    session = Session([])
    Audience(session).hear_end(FAILED, "/srv/app.db")
    assert session.warnings == []


def test_a_hook_that_fails_is_a_warning_and_no_failure(run: Run) -> None:
    Path("dbtool.toml").write_text('[hooks]\non_failure = ["false"]\n')
    run("config", "trust")
    session = Session([])
    Audience(session).hear_end(FAILED, "/srv/app.db")
    assert session.warnings == ["the hook 'false' ended with exit code 1"]


def test_an_address_nobody_trusted_is_not_called(run: Run) -> None:
    Path("dbtool.toml").write_text('[hooks]\nping_url = "http://127.0.0.1:9/x"\n')
    session = Session([])
    Audience(session).hear("start", "")
    assert len(session.warnings) == 1
    assert session.warnings[0].startswith("hooks.ping_url was left out: ")
