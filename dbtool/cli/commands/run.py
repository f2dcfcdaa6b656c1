"""`dbtool run`: the nightly job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from dbtool.cli.audience import Audience
from dbtool.cli.command import PlainCommand, application
from dbtool.cli.context import Session, current
from dbtool.cli.nightly import steps
from dbtool.cli.targets import DatabaseArgument, Target, choose, require_path
from dbtool.config import state_folder
from dbtool.core.quantities import format_duration
from dbtool.errors import Locked

if TYPE_CHECKING:
    from dbtool.schedule.job import JobReport, StepReport

__all__ = ["app"]

app = application()

_EXAMPLES = """
dbtool run app.db                    # back up, thin out, prove, tell
dbtool run -q app.db                 # for cron: silent unless something is wrong
dbtool run --skip-if-running app.db  # no failure where the last one is still at work
dbtool schedule install app.db       # let it run every night
"""


@app.command(cls=PlainCommand, epilog=_EXAMPLES)
def run(
    context: typer.Context,
    db: DatabaseArgument = None,
    *,
    skip_if_running: Annotated[
        bool,
        typer.Option(
            "--skip-if-running", help="End with 0 where another run of the database is at work."
        ),
    ] = False,
    report_failure: Annotated[
        bool,
        typer.Option(
            "--report-failure",
            help="Only run the hooks and the ping of a failure: what a timer does when the job "
            "itself was killed.",
        ),
    ] = False,
) -> int:
    """Do all that a database needs every night, one run at a time.

    It takes a snapshot, prunes where [retention] says what to keep, and proves what [run] names:
    the database against its newest snapshot and the repository, unless it says otherwise. A step
    that fails does not keep the others from running, but nothing is pruned without a new snapshot.
    The exit code is that of the first failure.

    Then it tells of it: on_success or on_failure under [hooks] are run, and ping_url is called at
    the start (with /start), after a success, and after a failure (with /fail).
    """
    session = current(context)
    target = choose(session, db)
    audience = Audience(session)
    source = str(require_path(target).resolve())
    if report_failure:
        if audience.heard_of_failure(source):
            return 0
        summary = f"{target.shown} FAILED: its nightly job was killed or could not be started"
        audience.hear("failure", summary, exit_code=1, database=source)
        return 3 if session.warnings else 0
    try:
        report = _run(session, target, audience, source)
    except Locked as error:
        if error.code != "job-running" or not skip_if_running:
            raise
        session.note(f"{error.message}; skipped")
        return 0
    _show(session, report)
    return report.exit_code or (3 if session.warnings else 0)


def _run(session: Session, target: Target, audience: Audience, source: str) -> JobReport:
    from dbtool.core.clock import SystemClock
    from dbtool.schedule.job import run_job
    from dbtool.schedule.lock import job_lock

    with job_lock(state_folder() / "locks", source):
        try:
            audience.hear("start", f"{target.shown}: the nightly job begins", database=source)
            session.output.record("start", {"database": source, "repository": target.repository})
            report = run_job(
                target.shown,
                steps(session, target),
                clock=SystemClock(),
                on_step=lambda step: session.output.record("step", _step_data(step)),
            )
        except BaseException as error:
            audience.hear_death(target.shown, error, source)
            raise
        audience.hear_end(report, source)
    return report


def _show(session: Session, report: JobReport) -> None:
    lines: list[tuple[str, str]] = []
    for step in report.steps:
        mark = {"ok": "✓", "warning": "!", "failed": "✗", "skipped": "-"}[step.verdict]
        lines.append((step.name, f"{mark} {step.summary}  {format_duration(step.duration_s)}"))
        if step.error is not None:
            texts = (("why", step.error.context), ("try", step.error.hint))
            lines += [
                ("", f"  {label}: {line}") for label, text in texts for line in text.splitlines()
            ]
    lines.append(("summary", report.summary))
    data = {
        "database": report.database,
        "exit_code": report.exit_code,
        "summary": report.summary,
        "steps": [_step_data(step) for step in report.steps],
        "duration": round(report.duration_s, 3),
    }
    session.output.report("dbtool.run/1", data, lines, always=not report.succeeded)


def _step_data(step: StepReport) -> dict[str, Any]:
    return {
        "step": step.name,
        "verdict": step.verdict,
        "summary": step.summary,
        "exit_code": step.exit_code,
        "code": step.error.code if step.error else None,
        "duration": round(step.duration_s, 3),
        **step.data,
    }
