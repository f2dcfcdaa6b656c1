"""`dbtool snapshots`: what can be restored."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from dbtool.cli.command import PlainCommand, application
from dbtool.cli.context import Session, current
from dbtool.cli.copies import tell_ages
from dbtool.cli.followview import tell_of_followers
from dbtool.cli.render import Column
from dbtool.cli.targets import DatabaseArgument, Target, open_repository, repository_only
from dbtool.cli.views import local_time, short, snapshot_data
from dbtool.core.quantities import format_age, format_duration, format_size
from dbtool.errors import Damaged

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dbtool.backup.model import Snapshot

__all__ = ["app"]

app = application()

_EXAMPLES = """
dbtool snapshots app.db                        # the snapshots of one database
dbtool snapshots --repo /srv/backups           # of every database in a repository
dbtool snapshots --json app.db | jq '.data[-1].id'  # the newest, for a script
"""


@app.command(cls=PlainCommand, epilog=_EXAMPLES)
def snapshots(
    context: typer.Context,
    db: DatabaseArgument = None,
    *,
    every: Annotated[
        bool, typer.Option("--all", help="Of every database in the repository.")
    ] = False,
    name: Annotated[
        str | None,
        typer.Option(
            "--name", metavar="NAME", help="Of the database with this name in the repository."
        ),
    ] = None,
    tag: Annotated[
        list[str] | None, typer.Option("--tag", metavar="TAG", help="Only those with this tag.")
    ] = None,
    last: Annotated[
        int | None, typer.Option("--last", metavar="N", min=1, help="Only the newest N.")
    ] = None,
) -> None:
    """List the snapshots of a database, oldest first.

    AGE counts from when the database was last known to look like that: from the last backup that
    found it unchanged, or from the snapshot itself. ADDED is what the snapshot cost, VERIFIED when
    its data was last read and proven.
    """
    session = current(context)
    target = repository_only(session, db)
    repository = open_repository(session, target)
    database = None if every else (name or target.source)

    def on_damaged(error: Damaged) -> None:
        session.warn(error.message)

    listed = repository.snapshots(database, on_damaged=on_damaged)
    found = [s for s in listed if set(tag or ()) <= set(s.tags)]
    chosen = found[-last:] if last else found
    several = len({s.database for s in chosen}) > 1
    if not listed:
        session.note(f"no snapshots yet; dbtool backup {target.path or 'DB'} takes one")
    _warn_if_stale(session, target, chosen)
    tell_of_followers(session, repository, database)
    if listed and not every:
        tell_ages(session, target, listed[-1].database)
    session.output.table(
        "dbtool.snapshots/1",
        chosen,
        [snapshot_data(s) for s in chosen],
        _columns(chosen, several=several),
    )


def _columns(found: Sequence[Snapshot], *, several: bool) -> list[Column]:
    now = datetime.now(UTC)
    columns = [
        Column("id", lambda s: short(s.id), style="cyan"),
        Column("time", lambda s: local_time(s.time)),
        Column("age", lambda s: format_age(s.seen or s.time, now), spare=2),
        Column("size", lambda s: format_size(s.size_bytes), right=True),
        Column("added", lambda s: format_size(s.bytes_added), right=True),
        Column(
            "verified", lambda s: format_age(s.verified, now) if s.verified else "never", spare=1
        ),
    ]
    if any(s.tags for s in found):
        columns.append(Column("tags", lambda s: ",".join(s.tags), wraps=True))
    if any(s.note for s in found):
        columns.append(Column("note", lambda s: s.note, wraps=True))
    if several:
        columns.append(Column("database", lambda s: s.database, wraps=True))
    return columns


def _warn_if_stale(session: Session, target: Target, found: Sequence[Snapshot]) -> None:
    limit_s = target.max_backup_age_s
    if limit_s is None or not found:
        return
    newest = max(s.seen or s.time for s in found)
    age_s = (datetime.now(UTC) - newest).total_seconds()
    if age_s > limit_s:
        session.warn(
            f"the newest backup of {target.shown} is {format_duration(age_s)} old; "
            f"the configuration allows {format_duration(limit_s)}"
        )
