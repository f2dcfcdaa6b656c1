"""`dbtool restore`: a snapshot becomes a database again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from dbtool.cli.command import PlainCommand, application
from dbtool.cli.confirm import confirm_by_name
from dbtool.cli.context import Session, current
from dbtool.cli.files import harmless_name, require_folder
from dbtool.cli.targets import DatabaseArgument, Target, open_repository, repository_only
from dbtool.cli.views import brief, local_time, short
from dbtool.core.quantities import format_duration, format_size
from dbtool.errors import Damaged, NotFound, UsageError

if TYPE_CHECKING:
    from dbtool.backup.model import (
        RestoreMode,
        RestoreOptions,
        RestorePlan,
        RestoreResult,
        Snapshot,
    )
    from dbtool.backup.repository import Repository

__all__ = ["app"]

app = application()

_EXAMPLES = """
dbtool restore latest app.db                  # a new file beside it; app.db where that is gone
dbtool restore a1b2c3d4 --to copy.db app.db   # to a file of your choice
dbtool restore @yesterday --over app.db       # over the database: only pages that differ
dbtool restore latest --live app.db           # into a database that is in use
dbtool restore "@2026-11-20 14:00" -n app.db  # only the plan
"""


class _Ways(NamedTuple):
    """How the command line asks to restore."""

    to: Path | None
    over: bool
    live: bool
    safety_snapshot: bool
    dry_run: bool
    yes: bool


@app.command(cls=PlainCommand, epilog=_EXAMPLES)
def restore(
    context: typer.Context,
    snapshot: Annotated[
        str,
        typer.Argument(
            metavar="SNAPSHOT",
            help="The beginning of an id, latest, or @TIME (the last one before it).",
        ),
    ],
    db: DatabaseArgument = None,
    *,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FILE", help="Write this new file.")
    ] = None,
    over: Annotated[
        bool,
        typer.Option("--over", help="Overwrite the database: only pages that differ, atomically."),
    ] = False,
    live: Annotated[
        bool,
        typer.Option("--live", help="Overwrite it through SQLite while applications have it open."),
    ] = False,
    name: Annotated[
        str | None,
        typer.Option(
            "--name", metavar="NAME", help="Its name in the repository, where it has one."
        ),
    ] = None,
    no_safety_snapshot: Annotated[
        bool,
        typer.Option(
            "--no-safety-snapshot", help="Take no snapshot of what is about to be overwritten."
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("-n", "--dry-run", help="Show the plan and do nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("-y", "--yes", help="Overwrite without asking.")] = False,
) -> None:
    """Bring a snapshot back, with every page proven by its hash.

    Where DB exists, the default is a new file DB.restored-SNAPSHOT beside it; where it does not, DB
    itself. Where only --repo is given, it is a file in the current folder, named as the repository
    names the database. Overwriting shows a plan, asks, and keeps a snapshot of what was there.
    """
    session = current(context)
    ways = _Ways(to, over, live, not no_safety_snapshot, dry_run, yes)
    _check(ways)
    target = repository_only(session, db)
    if target.path is None and (over or live):
        option = "--over" if over else "--live"
        raise UsageError(
            "database-missing",
            f"{option} needs to be told which database to overwrite",
            context="where to write is not for the repository to say",
            hint=f"dbtool restore {snapshot} {option} --repo {target.repository} DB",
        )
    repository = open_repository(session, target)
    found = _find(session, repository, snapshot, name or target.source)
    _restore(session, repository, found, target, ways)


def _check(ways: _Ways) -> None:
    asked = [
        option
        for option, on in (("--to", ways.to), ("--over", ways.over), ("--live", ways.live))
        if on
    ]
    if len(asked) > 1:
        raise UsageError(
            "usage", f"{' and '.join(asked)} exclude each other", hint="dbtool restore --help"
        )


def _find(session: Session, repository: Repository, spec: str, database: str | None) -> Snapshot:
    """Find the snapshot; where the repository holds one database, a new path of it will do."""

    def on_damaged(error: Damaged) -> None:
        session.warn(error.message)

    try:
        return repository.find(spec, database=database, on_damaged=on_damaged)
    except NotFound as error:
        if database is None or error.code != "no-snapshots":
            raise
        others = {s.database for s in repository.snapshots(on_damaged=on_damaged)}
        if len(others) != 1:
            raise
        other = others.pop()
        session.note(f"the repository knows this database as {other}")
        return repository.find(spec, database=other, on_damaged=on_damaged)


def _restore(
    session: Session, repository: Repository, snapshot: Snapshot, target: Target, ways: _Ways
) -> None:
    from dbtool.backup.model import RestoreOptions

    file = _file(snapshot, target, ways)
    if target.path is None and ways.to is None:
        session.note(f"no database was named; writing {file} in the current folder")
    require_folder(file)
    options = RestoreOptions(mode=_mode(ways, file), safety_snapshot=ways.safety_snapshot)
    if ways.dry_run or (options.mode != "new" and not ways.yes):
        with session.work() as progress:
            plan = repository.plan_restore(snapshot, file, options, progress=progress)
        if ways.dry_run:
            session.output.report(
                "dbtool.restore-plan/1", _plan_data(plan), _plan_lines(plan, options), always=True
            )
            return
        _confirm(session, plan, options)
    session.output.record("start", {"snapshot": snapshot.id, "target": file, "mode": options.mode})
    with session.work() as progress:
        result = repository.restore(snapshot, file, options, progress=progress)
    session.output.report("dbtool.restore/1", _data(result), _lines(result))


def _file(snapshot: Snapshot, target: Target, ways: _Ways) -> Path:
    if ways.to is not None:
        return ways.to
    path = target.path or Path(harmless_name(snapshot.database))
    if ways.over or ways.live or not path.exists():
        return path
    return path.with_name(f"{path.name}.restored-{short(snapshot.id)}")


def _mode(ways: _Ways, file: Path) -> RestoreMode:
    if ways.live:
        return "live"
    return "delta" if ways.over and file.exists() else "new"


def _confirm(session: Session, plan: RestorePlan, options: RestoreOptions) -> None:
    for label, text in _plan_lines(plan, options):
        session.note(f"{label:<9}  {text}")
    confirm_by_name(session, plan.target.name, f"overwrite {brief(plan.target)}", yes=False)


def _plan_lines(plan: RestorePlan, options: RestoreOptions) -> list[tuple[str, str]]:
    snapshot = plan.snapshot
    ways = {
        "new": "a new file",
        "delta": "over the existing file, in place, atomically",
        "live": "through SQLite, while others have it open",
    }
    lines = [
        (
            "snapshot",
            f"{short(snapshot.id)} of {local_time(snapshot.time)}, "
            f"{format_size(snapshot.size_bytes)}",
        ),
        (
            "target",
            brief(plan.target)
            + (f", now {format_size(plan.target_size_bytes)}" if plan.target_exists else ""),
        ),
        ("how", ways[plan.mode]),
    ]
    if plan.pages_differing is not None:
        lines.append(("writes", f"{plan.pages_differing:,} of {plan.pages_total:,} pages"))
    if plan.target_exists and plan.mode != "new":
        kept = (
            "a snapshot of what is there now is taken first"
            if options.safety_snapshot
            else "nothing of what is there now"
        )
        lines.append(("keeps", kept))
    lines += [("open by", holder) for holder in plan.holders]
    return lines


def _lines(result: RestoreResult) -> list[tuple[str, str]]:
    snapshot = result.snapshot
    speed = ""
    if result.mode == "new" and result.duration_s > 0:
        speed = f", {format_size(int(result.size_bytes / result.duration_s))}/s"
    lines = [
        ("restored", brief(result.target)),
        ("snapshot", f"{short(snapshot.id)} of {local_time(snapshot.time)}"),
        (
            "written",
            f"{result.pages_written:,} of {result.pages_total:,} pages, each proven by its hash",
        ),
        ("size", format_size(result.size_bytes)),
        ("time", format_duration(result.duration_s) + speed),
    ]
    if result.safety_snapshot is not None:
        lines.append(("before", f"kept as snapshot {short(result.safety_snapshot.id)}"))
    return lines


def _data(result: RestoreResult) -> dict[str, Any]:
    return {
        "snapshot": result.snapshot.id,
        "target": result.target,
        "mode": result.mode,
        "pages": result.pages_total,
        "pages_written": result.pages_written,
        "size": result.size_bytes,
        "duration": result.duration_s,
        "safety_snapshot": result.safety_snapshot.id if result.safety_snapshot else None,
    }


def _plan_data(plan: RestorePlan) -> dict[str, Any]:
    return {
        "snapshot": plan.snapshot.id,
        "target": plan.target,
        "mode": plan.mode,
        "target_exists": plan.target_exists,
        "target_size": plan.target_size_bytes,
        "pages": plan.pages_total,
        "pages_differing": plan.pages_differing,
        "open_by": plan.holders,
    }
