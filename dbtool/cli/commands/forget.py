"""`dbtool forget`: single snapshots removed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from dbtool.cli.command import PlainCommand, application
from dbtool.cli.confirm import confirm
from dbtool.cli.context import Session, current
from dbtool.cli.policies import prune_options
from dbtool.cli.pruneview import result_data, result_lines, warn_if_unfinished
from dbtool.cli.targets import DatabaseArgument, Target, open_repository, repository_only
from dbtool.cli.views import brief, counted, local_time, short
from dbtool.errors import UsageError

if TYPE_CHECKING:
    from dbtool.backup.forget import ForgetPlan
    from dbtool.backup.prune import PruneResult
    from dbtool.backup.repository import Repository

__all__ = ["app"]

app = application()

_SNAPSHOT: Final = re.compile(r"[0-9a-fA-F]{4,32}|latest|@.+", re.DOTALL)

_EXAMPLES = """
dbtool forget a1b2c3d4 app.db             # one snapshot; the space comes back with the next prune
dbtool forget a1b2c3d4 0f9e8d7c app.db    # several
dbtool forget --prune --yes @2024 app.db  # the last one before 2024, and its space at once
"""


@app.command(cls=PlainCommand, epilog=_EXAMPLES)
def forget(
    context: typer.Context,
    snapshots: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SNAPSHOT...",
            help="The beginnings of ids, latest, or @TIME (the last one before it).",
            show_default=False,
        ),
    ] = None,
    db: DatabaseArgument = None,
    *,
    force: Annotated[
        bool,
        typer.Option("--force", help="Also the newest one, and the newest that was verified."),
    ] = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="Free the space at once, as `dbtool prune` would.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("-n", "--dry-run", help="Show the plan and do nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("-y", "--yes", help="Remove without asking.")] = False,
) -> None:
    """Remove single snapshots; the others do not need them.

    The space comes back with the next prune. The newest snapshot of a database, and the newest
    whose data was verified, are only removed with --force.
    """
    session = current(context)
    words, argument = _sorted_out(session, snapshots or [], db)
    target = repository_only(session, argument)
    repository = open_repository(session, target)
    plan = repository.plan_forget(words, database=target.source)
    if not dry_run:
        _show_plan(session, plan)
        _require_force(plan, force=force)
        confirm(session, f"remove {counted(len(plan.ids), 'snapshot')}", yes=yes)
        repository.forget(plan, force=force)
    pruned = _prune(session, repository, target) if prune and not dry_run else None
    _report(session, plan, pruned, dry_run=dry_run)


def _sorted_out(session: Session, words: list[str], db: str | None) -> tuple[list[str], str | None]:
    """Tell snapshots from the database: the last word is one, unless it can only be a snapshot."""
    if db is not None and _SNAPSHOT.fullmatch(db):
        named = Path(db).expanduser().exists() or db in session.config.databases
        if not named:
            words, db = [*words, db], None
    if not words:
        raise UsageError(
            "missing-argument",
            "which snapshot? none was named",
            hint="dbtool snapshots      lists them\ndbtool forget ID DB",
        )
    return words, db


def _require_force(plan: ForgetPlan, *, force: bool) -> None:
    from dbtool.backup.forget import refused

    if plan.protected and not force:
        raise refused(plan)


def _show_plan(session: Session, plan: ForgetPlan) -> None:
    for label, text in _lines(plan):
        session.note(f"{label}  {text}")


def _lines(plan: ForgetPlan) -> list[tuple[str, str]]:
    why = dict(plan.protected)
    lines = []
    for snapshot in plan.snapshots:
        mark = f" ({why[snapshot.id]})" if snapshot.id in why else ""
        where = f"{local_time(snapshot.time)}, {brief(snapshot.database)}{mark}"
        lines.append(("remove", f"{short(snapshot.id)} of {where}"))
    return lines + [("remove", f"{short(lost)}, which cannot be read") for lost in plan.damaged]


def _report(
    session: Session, plan: ForgetPlan, pruned: PruneResult | None, *, dry_run: bool
) -> None:
    data: dict[str, Any] = {
        "snapshots": plan.ids,
        "damaged": plan.damaged,
        "protected": [snapshot for snapshot, _why in plan.protected],
    }
    if dry_run:
        session.output.report("dbtool.forget-plan/1", data, _lines(plan), always=True)
        return
    lines = [("removed", counted(len(plan.ids), "snapshot"))]
    if pruned is None:
        lines.append(("space", "comes back with the next prune"))
    else:
        data["prune"] = result_data(pruned)
        lines += result_lines(pruned)[1:]
    session.output.report("dbtool.forget/1", data, lines)


def _prune(session: Session, repository: Repository, target: Target) -> PruneResult:
    """Free what nobody needs; removes no snapshot, whatever the policy says."""
    from dataclasses import replace

    options = replace(prune_options(session, target, repository), databases=frozenset())
    with session.work() as progress:
        result = repository.prune(options, progress=progress)
    warn_if_unfinished(session, result)
    return result
