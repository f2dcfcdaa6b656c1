"""The nightly job of one database: its steps, and who is told how it ended."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from dbtool.cli.creation import open_or_create
from dbtool.cli.policies import prune_options, retention_of
from dbtool.cli.pruneview import result_data, warn_if_unfinished
from dbtool.cli.targets import Target, open_repository, require_path
from dbtool.cli.trust import require_trust
from dbtool.cli.views import counted, short
from dbtool.config import environment
from dbtool.core.quantities import format_size
from dbtool.errors import Refused
from dbtool.schedule.job import JobReport, Step, StepReport

if TYPE_CHECKING:
    from dbtool.cli.context import Session
    from dbtool.schedule.ping import Event

__all__ = ["Audience", "steps"]

_DAMAGED = 13


def steps(session: Session, target: Target) -> list[Step]:
    """Return what the job does, in order."""
    found = [Step("backup", lambda: _backup(session, target))]
    if not retention_of(session, target.name).keeps_nothing:
        found.append(Step("prune", lambda: _prune(session, target)))
    return [*found, Step("verify", lambda: _verify(session, target))]


def _backup(session: Session, target: Target) -> StepReport:
    from dbtool.backup.model import BackupOptions

    known = len(session.warnings)
    with open_or_create(session, target) as repository, session.work() as progress:
        result = repository.backup(
            require_path(target), BackupOptions(tags=("run",)), progress=progress
        )
    snapshot = result.snapshot
    assert snapshot is not None
    if result.unchanged:
        summary = f"unchanged since {short(snapshot.id)}"
    else:
        summary = (
            f"snapshot {short(snapshot.id)}, {counted(result.pages_changed, 'page')}, "
            f"{format_size(result.bytes_added)} added"
        )
    data = {
        "snapshot": snapshot.id,
        "unchanged": result.unchanged,
        "pages_changed": result.pages_changed,
        "added": result.bytes_added,
    }
    return _report(session, "backup", summary, data, known)


def _prune(session: Session, target: Target) -> StepReport:
    known = len(session.warnings)
    repository = open_repository(session, target)
    with session.work() as progress:
        result = repository.prune(prune_options(session, target, repository), progress=progress)
    warn_if_unfinished(session, result)
    summary = (
        f"{counted(len(result.snapshots_removed), 'snapshot')} removed, "
        f"{format_size(max(0, result.bytes_freed))} freed"
    )
    return _report(session, "prune", summary, result_data(result), known)


def _verify(session: Session, target: Target) -> StepReport:
    known = len(session.warnings)
    repository = open_repository(session, target)
    with session.work() as progress:
        report = repository.verify(database=target.source, progress=progress)
    for warning in report.warnings:
        session.warn(warning)
    damaged = len(report.damaged_snapshots)
    data = {"snapshots": report.snapshots_checked, "damaged": list(report.damaged_snapshots)}
    if report.findings:
        summary = f"{counted(len(report.findings), 'finding')}, {counted(damaged, 'snapshot')} hit"
        return StepReport("verify", "failed", summary, _DAMAGED, data=data)
    summary = f"{counted(report.snapshots_checked, 'snapshot')} sound"
    return _report(session, "verify", summary, data, known)


def _report(
    session: Session, name: str, summary: str, data: dict[str, Any], known: int
) -> StepReport:
    """Report a step that ran to its end; `known`: how many warnings there were before it."""
    if len(session.warnings) > known:
        return StepReport(name, "warning", f"{summary} (with warnings)", 3, data=data)
    return StepReport(name, "ok", summary, data=data)


class Audience:
    """Hooks and the ping address, as far as the configuration names them and may."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def hear(self, event: Event, summary: str, *, exit_code: int = 0, database: str = "") -> None:
        """Tell of an event; who does not take it is a warning."""
        url = self._setting("hooks.ping_url")
        if url:
            from dbtool.schedule.ping import ping

            problem = ping(url, event, summary, wait=time.sleep)
            if problem:
                self._session.warn(problem)
        if event == "start":
            return
        commands = self._setting(f"hooks.on_{event}")
        if commands:
            from dbtool.schedule.hooks import run_hooks

            variables = {
                **environment(),
                "DBTOOL_EVENT": event,
                "DBTOOL_DATABASE": database,
                "DBTOOL_EXIT_CODE": str(exit_code),
                "DBTOOL_SUMMARY": summary,
            }
            for problem in run_hooks(commands, variables=variables, summary=summary):
                self._session.warn(problem)

    def hear_end(self, report: JobReport, database: str) -> None:
        """Tell how a job ended."""
        event: Event = "success" if report.succeeded else "failure"
        self.hear(event, report.summary, exit_code=report.exit_code, database=database)

    def _setting(self, key: str) -> Any:
        setting = self._session.config.settings.get(key)
        if setting is None or not setting.value:
            return None
        try:
            require_trust(self._session.config, setting)
        except Refused as error:
            # The backup must not wait for that; but nobody was told, so it is said each time.
            self._session.warn(f"{key} was left out: {error.message}")
            return None
        return setting.value
