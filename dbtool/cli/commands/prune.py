"""`dbtool prune`: snapshots removed by policy, and the space that nobody needs freed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from dbtool.cli.command import PlainCommand, application
from dbtool.cli.confirm import confirm
from dbtool.cli.context import current
from dbtool.cli.policies import parsed, prune_options
from dbtool.cli.pruneview import show_plan, show_result
from dbtool.cli.targets import DatabaseArgument, NameOption, open_repository, repository_only
from dbtool.cli.views import counted
from dbtool.core.quantities import parse_duration, parse_size

if TYPE_CHECKING:
    from dbtool.backup.survey import PruneOptions

__all__ = ["app"]

app = application()

_EXAMPLES = """
dbtool prune -n app.db                                   # what the policy in dbtool.toml would do
dbtool prune --keep-last 10 --keep-daily 7 --keep-monthly 12 app.db   # a policy of its own
dbtool prune --yes -q app.db                             # for cron
dbtool prune --keep-within 30d --keep-tag release --all app.db  # every database in its repository
"""


@app.command(cls=PlainCommand, epilog=_EXAMPLES)
def prune(
    context: typer.Context,
    db: DatabaseArgument = None,
    *,
    keep_last: Annotated[
        int | None, typer.Option("--keep-last", metavar="N", min=0, help="Keep the newest N.")
    ] = None,
    keep_hourly: Annotated[
        int | None,
        typer.Option(
            "--keep-hourly", metavar="N", min=0, help="Keep the newest of each of N hours."
        ),
    ] = None,
    keep_daily: Annotated[
        int | None, typer.Option("--keep-daily", metavar="N", min=0, help="So for N days.")
    ] = None,
    keep_weekly: Annotated[
        int | None, typer.Option("--keep-weekly", metavar="N", min=0, help="So for N weeks.")
    ] = None,
    keep_monthly: Annotated[
        int | None, typer.Option("--keep-monthly", metavar="N", min=0, help="So for N months.")
    ] = None,
    keep_yearly: Annotated[
        int | None, typer.Option("--keep-yearly", metavar="N", min=0, help="So for N years.")
    ] = None,
    keep_within: Annotated[
        str | None,
        typer.Option(
            "--keep-within",
            metavar="DURATION",
            help="Keep all that are no older, counted from the newest.",
        ),
    ] = None,
    keep_tag: Annotated[
        list[str] | None,
        typer.Option("--keep-tag", metavar="TAG", help="Keep all with this tag; may be repeated."),
    ] = None,
    name: NameOption = None,
    every: Annotated[
        bool, typer.Option("--all", help="All databases in the repository, each by its policy.")
    ] = False,
    max_unused: Annotated[
        int,
        typer.Option(
            "--max-unused",
            metavar="PERCENT",
            min=0,
            max=100,
            help="Rewrite half-empty packs until no more of the repository is unused. [5]",
        ),
    ] = 5,
    max_repack: Annotated[
        str | None,
        typer.Option("--max-repack", metavar="SIZE", help="Rewrite no more than this at a time."),
    ] = None,
    wait: Annotated[
        str,
        typer.Option(
            "--wait", metavar="DURATION", help="Wait so long for running work to end. [60s]"
        ),
    ] = "60s",
    dry_run: Annotated[
        bool, typer.Option("-n", "--dry-run", help="Show the plan and do nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("-y", "--yes", help="Remove without asking.")] = False,
) -> None:
    """Remove snapshots by policy, and free what no snapshot needs.

    The policy is [retention] in dbtool.toml; an option wins over its key. Without any rule no
    snapshot is removed. The newest snapshot of a database and the newest verified one always stay.
    Backups and restores go on meanwhile: space is freed at a moment when none is running.
    """
    session = current(context)
    target = repository_only(session, db)
    repository = open_repository(session, target)
    counts = (keep_last, keep_hourly, keep_daily, keep_weekly, keep_monthly, keep_yearly)
    names = ("last", "hourly", "daily", "weekly", "monthly", "yearly")
    within = parsed("--keep-within", keep_within, parse_duration)
    flags = {**dict(zip(names, counts, strict=True)), "within": within, "tags": keep_tag or None}
    limits = {
        "max_unused": max_unused / 100,
        "max_repack_bytes": parsed("--max-repack", max_repack, parse_size),
        "wait_s": parsed("--wait", wait, parse_duration),
    }
    options: PruneOptions = prune_options(
        session, target, repository, name=name, every=every, flags=flags, limits=limits
    )
    with session.work() as progress:
        plan = repository.plan_prune(options, progress=progress)
    show_plan(session, plan, dry_run=dry_run)
    if not dry_run:
        if plan.condemned:
            confirm(session, f"remove {counted(len(plan.condemned), 'snapshot')}", yes=yes)
        with session.work() as progress:
            result = repository.prune(options, progress=progress, confirmed=plan)
        show_result(session, result)
