"""`dbtool repair --repository`: what a repository lost, what of it can be brought back, done."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from dbtool.cli.confirm import confirm
from dbtool.cli.copies import Destination, destinations_of, open_destination
from dbtool.cli.failure import DAMAGED, OK, WARNINGS
from dbtool.cli.secrets import Options
from dbtool.cli.targets import Target, open_repository, repository_only, same_place
from dbtool.cli.views import brief, counted, local_time, short
from dbtool.core.quantities import format_size
from dbtool.errors import UsageError

if TYPE_CHECKING:
    from dbtool.backup.healing import HealReport, SnapshotLoss
    from dbtool.backup.repository import Repository
    from dbtool.cli.context import Session

__all__ = ["RepositoryRequest", "repair_repository"]

_MOST_SHOWN = 20


class RepositoryRequest(NamedTuple):
    """How the command line asks to repair a repository."""

    apply: bool
    other: str | None
    """Location or configured name of a repository with copies."""
    keys: Options
    """Of that repository."""
    yes: bool


def repair_repository(session: Session, db: str | None, request: RepositoryRequest) -> int:
    """Plan the repair of a repository, do it where asked to, return the exit code."""
    from dbtool.backup.healing import HealOptions

    target = repository_only(session, db)
    repository = open_repository(session, target)
    database = target.path if target.path is not None and target.path.is_file() else None
    options = HealOptions(database, _other(session, target, request))
    session.output.record("start", {"repository": target.repository, "apply": request.apply})
    with session.work() as progress:
        report = repository.plan_heal(options, progress=progress)
    if request.apply and not report.sound:
        _tell(session, report)
        confirm(session, f"heal {brief(target.repository)}", yes=request.yes)
        with session.work() as progress:
            report = repository.heal(options, progress=progress)
    _show(session, target, report, request)
    if report.sound:
        return WARNINGS if session.warnings else OK
    if not report.applied:
        return DAMAGED
    return WARNINGS if session.warnings or not report.whole else OK


def _other(session: Session, target: Target, request: RepositoryRequest) -> Repository | None:
    word = request.other
    if word is None:
        return None
    known = destinations_of(session, target)
    named = [one for one in known if one.name == word or same_place(one.location, word)]
    place = (
        named[0] if named else Destination(word if "://" in word else str(Path(word).expanduser()))
    )
    if same_place(place.location, target.repository):
        raise UsageError("usage", "--from names the repository that is to be repaired")
    return open_destination(session, place, request.keys)


def _tell(session: Session, report: HealReport) -> None:
    for label, text in _lines(report)[1:]:
        session.note(f"{label:<10}  {text}")


def _show(session: Session, target: Target, report: HealReport, request: RepositoryRequest) -> None:
    lines = [("repository", brief(target.repository)), *_lines(report)]
    if not report.sound and not report.applied:
        lines += _next_steps(target, report, request)
    elif report.applied and not report.whole:
        lines.append(("next", "dbtool backup --force-scan      so that the newest state is safe"))
    session.output.report(
        "dbtool.repair-repository/1",
        _data(target, report),
        lines,
        always=not report.sound,
    )


def _lines(report: HealReport) -> list[tuple[str, str]]:
    if report.sound:
        checked = counted(report.snapshots_checked, "snapshot")
        return [("result", f"✓ no damage found: {checked}, all data read and proven")]
    done = report.applied
    lines = [("result", _result(report))]
    for number, loss in enumerate(report.losses[:_MOST_SHOWN]):
        lines.append(("snapshots" if number == 0 else "", _loss(loss, done=done)))
    if len(report.losses) > _MOST_SHOWN:
        lines.append(("", f"and {len(report.losses) - _MOST_SHOWN:,} more (all with --json)"))
    origins = (
        (report.found_in_database, "in the database as it is now"),
        (report.found_in_copy, "in the other repository"),
        (report.found_here, "elsewhere in this repository"),
    )
    lines += [("found", f"{counted(n, 'page')} {where}") for n, where in origins if n]
    verb = "made anew" if done else "make anew"
    lines += [(verb, hint) for hint in report.hints]
    if done:
        lines.append(("added", format_size(report.bytes_added)))
    return lines


def _result(report: HealReport) -> str:
    lost = sum(not loss.whole for loss in report.losses)
    hurt = counted(len(report.losses), "snapshot")
    if not report.losses:
        what = "no snapshot lost anything"
    elif not lost:
        what = f"{hurt} damaged, all can be made whole" if not report.applied else f"{hurt} healed"
    else:
        what = f"{hurt} damaged, {lost:,} of them " + (
            "not whole" if report.applied else "cannot be made whole"
        )
    return ("! " if lost else "✓ ") + what if report.applied else f"✗ {what}"


def _loss(loss: SnapshotLoss, *, done: bool) -> str:
    when = f" of {local_time(loss.snapshot.time)}" if loss.snapshot else ""
    name = f"{short(loss.id)}{when}"
    if loss.restored:
        return f"{name}: {'came' if done else 'comes'} back from the other repository"
    if loss.problem:
        return f"{name}: {'set aside' if done else 'to be set aside'}, {loss.problem}"
    lost = f"{name}: lost {counted(loss.pages_lost, 'page')}"
    if loss.whole:
        return f"{lost}, all found again"
    return f"{lost}, {loss.pages_found:,} found again; it stays, as the others can be read"


def _next_steps(
    target: Target, report: HealReport, request: RepositoryRequest
) -> list[tuple[str, str]]:
    db = f" {target.name or brief(target.path)}" if target.path else ""
    words = f"dbtool repair --repository --apply{db}"
    lines = [("next", f"{words}      heals what can be healed")]
    if not report.whole and request.other is None:
        lines.append(("", "--from REPOSITORY      looks into copies of the snapshots as well"))
    return lines


def _data(target: Target, report: HealReport) -> dict[str, Any]:
    return {
        "repository": target.repository,
        "sound": report.sound,
        "applied": report.applied,
        "whole": report.whole,
        "snapshots_checked": report.snapshots_checked,
        "snapshots": [
            {
                "id": loss.id,
                "time": loss.snapshot.time if loss.snapshot else None,
                "database": loss.snapshot.database if loss.snapshot else None,
                "pages_lost": loss.pages_lost,
                "pages_found": loss.pages_found,
                "problem": loss.problem,
                "restored": loss.restored,
                "whole": loss.whole,
            }
            for loss in report.losses
        ],
        "hints": report.hints,
        "found_here": report.found_here,
        "found_in_database": report.found_in_database,
        "found_in_copy": report.found_in_copy,
        "added": report.bytes_added,
        "findings": [
            {"object": f.object, "problem": f.problem, "snapshots": f.snapshots, "pages": f.pages}
            for f in report.findings
        ],
    }
