"""`dbtool copy`: snapshots into a second repository."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dbtool.cli.command import PlainCommand, application
from dbtool.cli.context import Session, current
from dbtool.cli.copies import Destination, destinations, open_destination
from dbtool.cli.copyview import show_plans, show_results, warn_of_damage
from dbtool.cli.secrets import Options
from dbtool.cli.targets import DatabaseArgument, NameOption, Target, open_repository
from dbtool.errors import DbtoolError

if TYPE_CHECKING:
    from dbtool.backup.copy import CopyOptions, CopyPlan, CopyResult
    from dbtool.backup.repository import Repository

__all__ = ["app"]

app = application()

_EXAMPLES = """
dbtool copy /mnt/usb/backups app.db            # what is not there yet, oldest first
dbtool copy --to-password-file usb.key /mnt/usb/backups app.db  # it has a key of its own
dbtool copy --last 1 s3://bucket/app app.db    # only the newest
dbtool copy app                                # to all copies that dbtool.toml names
dbtool copy -n /mnt/usb/backups app.db         # what would be copied
"""


@app.command(cls=PlainCommand, epilog=_EXAMPLES)
def copy(
    context: typer.Context,
    repository: Annotated[
        str | None,
        typer.Argument(
            metavar="REPOSITORY",
            help="Folder, URL or configured name of the other repository. "
            "[all of [databases.NAME.copies]]",
            show_default=False,
        ),
    ] = None,
    db: DatabaseArgument = None,
    *,
    snapshot: Annotated[
        list[str] | None,
        typer.Option(
            "--snapshot",
            metavar="SNAPSHOT",
            help="Only this one: latest, @TIME or an id; may be repeated.",
        ),
    ] = None,
    tag: Annotated[
        list[str] | None, typer.Option("--tag", metavar="TAG", help="Only those with this tag.")
    ] = None,
    last: Annotated[
        int | None, typer.Option("--last", metavar="N", min=1, help="Only the newest N.")
    ] = None,
    name: NameOption = None,
    every: Annotated[
        bool, typer.Option("--all", help="Of every database in the repository.")
    ] = False,
    to_password_file: Annotated[
        Path | None,
        typer.Option(
            "--to-password-file",
            metavar="FILE",
            help="Read the password or key of REPOSITORY from FILE.",
        ),
    ] = None,
    to_password_command: Annotated[
        str | None,
        typer.Option(
            "--to-password-command",
            metavar="COMMAND",
            help="Read it from the output of COMMAND.",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("-n", "--dry-run", help="Show what would be copied, copy nothing.")
    ] = False,
) -> int:
    """Copy snapshots into a second repository, which has keys of its own.

    Snapshots that are there already are passed over, so it costs what is new. Ids, times, tags and
    notes stay: `dbtool restore ID` works from either. Every page is proven on the way; a snapshot
    that cannot be read whole is left out, and the exit code is 3. REPOSITORY has to be there:
    `dbtool init --repo REPOSITORY --encrypt` makes it.
    """
    from dbtool.backup.copy import CopyOptions

    session = current(context)
    target, places = destinations(session, repository, db)
    source = open_repository(session, target)
    options = CopyOptions(
        database=None if every else (name or target.source),
        snapshots=tuple(snapshot or ()),
        tags=tuple(tag or ()),
        last=last,
    )
    keys = Options("to-", to_password_file, to_password_command)
    if dry_run:
        return _plan(session, source, places, options, keys)
    return _copy(session, target, source, places, options, keys)


def _plan(
    session: Session,
    source: Repository,
    places: list[Destination],
    options: CopyOptions,
    keys: Options,
) -> int:
    plans: list[tuple[Destination, CopyPlan]] = []
    for place in places:
        repository = open_destination(session, place, keys)
        plans.append((place, source.plan_copy(repository, options)))
    show_plans(session, plans)
    return 3 if session.warnings else 0


def _copy(
    session: Session,
    target: Target,
    source: Repository,
    places: list[Destination],
    options: CopyOptions,
    keys: Options,
) -> int:
    results: list[tuple[Destination, CopyResult]] = []
    failed: list[DbtoolError] = []
    for place in places:
        session.output.record("start", {"from": target.repository, "to": place.location})
        try:
            repository = open_destination(session, place, keys)
            with session.work() as progress:
                result = source.copy(repository, options, progress=progress)
        except DbtoolError as error:
            if len(places) == 1:
                raise
            # A disk that is not there must not keep the other copies from being made.
            session.warn(f"nothing was copied to {place.shown}: {error.message}")
            failed.append(error)
            continue
        warn_of_damage(session, place, result.damaged)
        results.append((place, result))
    show_results(session, results)
    if failed:
        return failed[0].exit_code
    return 3 if session.warnings else 0
