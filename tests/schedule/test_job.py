"""Steps run in order, and what became of one decides about the next."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dbtool.core.clock import SystemClock
from dbtool.errors import Damaged, Locked
from dbtool.schedule.job import JobReport, Step, StepReport, run_job


def _good(name: str, exit_code: int = 0) -> Callable[[], StepReport]:
    return lambda: StepReport(name, "warning" if exit_code else "ok", f"{name} done", exit_code)


def _bad(error: Exception) -> Callable[[], StepReport]:
    def fail() -> StepReport:
        raise error

    return fail


def _run(*steps: Step) -> JobReport:
    return run_job("app.db", steps, clock=SystemClock())


def test_a_job_whose_steps_succeed_is_ok() -> None:
    report = _run(Step("backup", _good("backup")), Step("verify", _good("verify")))
    assert report.exit_code == 0
    assert report.summary.startswith("app.db ok: backup: backup done; verify: verify done (")


def test_a_failed_step_decides_the_exit_code_and_stops_what_needs_it() -> None:
    heard: list[str] = []
    report = run_job(
        "app.db",
        [
            Step("backup", _bad(Locked("database-locked", "it is locked"))),
            Step("prune", _good("prune"), needs=("backup",)),
            Step("verify", _good("verify", 3)),
        ],
        clock=SystemClock(),
        on_step=lambda step: heard.append(f"{step.name} {step.verdict}"),
    )
    assert heard == ["backup failed", "prune skipped", "verify warning"]
    assert report.exit_code == 11
    assert not report.succeeded
    assert "FAILED: backup: it is locked" in report.summary
    assert "prune: not run, because backup did not succeed" in report.summary


def test_damage_outranks_a_warning_before_it() -> None:
    report = _run(
        Step("backup", _good("backup", 3)), Step("verify", _bad(Damaged("x", "page 7 is gone")))
    )
    assert report.exit_code == 13


def test_warnings_alone_are_a_success() -> None:
    report = _run(Step("backup", _good("backup", 3)))
    assert report.exit_code == 3
    assert report.succeeded
    assert "app.db warnings: " in report.summary


def test_an_interruption_ends_the_job() -> None:
    with pytest.raises(KeyboardInterrupt):
        run_job("app.db", [Step("backup", _interrupt)], clock=SystemClock())


def _interrupt() -> StepReport:
    raise KeyboardInterrupt
