"""`dbtool verify DB`: opens what there is, runs the check, shows and reports it, judges it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from dbtool.cli.copies import tell_ages
from dbtool.cli.failure import DAMAGED, OK, WARNINGS
from dbtool.cli.followview import tell_of_followers
from dbtool.cli.targets import Target, choose, open_repository
from dbtool.cli.views import pasted
from dbtool.core.atomicfile import failures_named
from dbtool.core.quantities import format_duration, parse_duration
from dbtool.errors import UsageError

if TYPE_CHECKING:
    from dbtool.backup.repository import Repository
    from dbtool.cli.context import Session
    from dbtool.integrity.findings import VerifyOptions, VerifyReport

__all__ = [
    "Request",
    "cache_folder",
    "exit_code",
    "known_repository",
    "verify_one",
    "warn_if_stale",
]

_CHECK_FAILED = 4


class Request(NamedTuple):
    """How the command line asks to verify a database."""

    full: bool
    drill: bool
    since: bool
    budget: str | None
    resume: bool
    temp: Path | None
    junit: Path | None
    sarif: Path | None
    name: str | None


def verify_one(session: Session, db: str | None, request: Request) -> int:
    """Verify one database, show the report, write the files asked for, return the exit code."""
    from dbtool.cli.verify.view import show
    from dbtool.integrity.check import verify_database

    options = _options(request)
    target = choose(session, db)
    assert target.path is not None
    repository = known_repository(session, target)
    session.output.record("start", {"database": target.path, "full": request.full})
    with session.work() as progress:
        report = verify_database(
            target.path,
            options,
            repository=repository,
            name=request.name,
            cache=cache_folder(),
            progress=progress,
        )
    stale = warn_if_stale(session, target, report)
    if repository is not None:
        tell_of_followers(session, repository, request.name or target.source)
    if report.snapshot is not None:
        stale = tell_ages(session, target, report.snapshot.database) or stale
    _write_files(request, report)
    show(session, report, db=pasted(db or target.shown))
    return exit_code(report, stale=stale)


def exit_code(report: VerifyReport, *, stale: bool) -> int:
    """Return what the report means for scripts: damage, then rules and age, then what is open."""
    from dbtool.integrity.findings import Verdict

    verdicts = {finding.verdict for finding in report.findings}
    if report.damaged:
        return DAMAGED
    if stale or Verdict.RULES_BROKEN in verdicts:
        return _CHECK_FAILED
    if report.unchecked or Verdict.UNPROVEN in verdicts:
        return WARNINGS
    return OK


def _options(request: Request) -> VerifyOptions:
    from dbtool.integrity.findings import VerifyOptions

    if request.temp is not None and not request.temp.is_dir():
        raise UsageError("invalid-value", f"--temp {request.temp} is no folder")
    try:
        budget_s = None if request.budget is None else parse_duration(request.budget)
    except ValueError as error:
        raise UsageError("invalid-value", f"--budget: {error}", hint="--budget 10m") from error
    return VerifyOptions(
        full=request.full,
        drill=request.drill,
        since=request.since,
        budget_s=budget_s,
        resume=request.resume,
        temp=request.temp,
    )


def known_repository(session: Session, target: Target) -> Repository | None:
    """Open the repository; None where none was ever named and none lies beside the database."""
    if not target.explicit_repository and not Path(target.repository).exists():
        return None
    return open_repository(session, target)


def cache_folder() -> Path:
    """Return the user's folder for what can be made again, which need not exist."""
    from platformdirs import user_cache_path

    return user_cache_path("dbtool", appauthor=False)


def warn_if_stale(session: Session, target: Target, report: VerifyReport) -> bool:
    """Warn of a newest backup that is older than the configuration allows; return whether it is."""
    limit_s = target.max_backup_age_s
    if limit_s is None:
        return False
    allowed = f"the configuration allows {format_duration(limit_s)}"
    snapshot = report.snapshot
    if snapshot is None:
        session.warn(f"{target.shown} has no backup; {allowed}")
        return True
    age_s = (datetime.now(UTC) - (snapshot.seen or snapshot.time)).total_seconds()
    if age_s <= limit_s:
        return False
    session.warn(f"the newest backup of {target.shown} is {format_duration(age_s)} old; {allowed}")
    return True


def _write_files(request: Request, report: VerifyReport) -> None:
    from dbtool.cli.sarif import sarif_log
    from dbtool.cli.verify.junit import junit_xml

    for path, render in ((request.junit, junit_xml), (request.sarif, sarif_log)):
        if path is not None:
            with failures_named("write", path):
                path.write_text(render(report), encoding="utf-8")
