"""`dbtool follow`: continuous backup."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dbtool.cli.attention import Attention
from dbtool.cli.command import PlainCommand, application
from dbtool.cli.context import Session, current
from dbtool.cli.creation import open_or_create
from dbtool.cli.following import Narrator
from dbtool.cli.notify import notify
from dbtool.cli.policies import retention_of
from dbtool.cli.signals import Interrupted
from dbtool.cli.targets import CallOption, DatabaseArgument, Target, choose, require_path
from dbtool.config import state_folder
from dbtool.core.quantities import parse_duration, parse_size
from dbtool.errors import StorageFailed, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dbtool.backup.follow import FollowOptions
    from dbtool.backup.repository import Repository
    from dbtool.backup.retention import Retention

__all__ = ["app"]

app = application()

_SHORTEST_INTERVAL_S = 0.05

_EXAMPLES = """
dbtool follow app.db                      # a snapshot within a second of each change
dbtool follow --interval 1m app.db        # at most one a minute
dbtool follow -q app.db                   # for a service: silent unless something is wrong
dbtool restore "@14:05:30" --over app.db  # back to any second of it
"""


@app.command(cls=PlainCommand, epilog=_EXAMPLES)
def follow(
    context: typer.Context,
    db: DatabaseArgument = None,
    *,
    interval: Annotated[
        str | None,
        typer.Option("--interval", metavar="TIME", help="From one look to the next. [1s]"),
    ] = None,
    wal_limit: Annotated[
        str | None,
        typer.Option(
            "--wal-limit", metavar="SIZE", help="Checkpoint the WAL from this size on. [4MiB]"
        ),
    ] = None,
    name: CallOption = None,
) -> None:
    """Back a database up continuously, until it is told to stop.

    Soon after each change a snapshot of it is in the repository, at the cost of what changed: in
    WAL mode only the pages that the log names are read. Where the log was replaced behind its back,
    and in rollback-journal mode, it reads all pages, and says so. It keeps
    the WAL short by checkpoints, for which a writer waits as for another commit at most.

    TERM and INT stop it in order, with all that was committed before in a snapshot. HUP reads the
    configuration again. Trouble, such as a full disk or a server that does not answer, is told and
    tried again. Another that would follow the same database into the same repository is refused.

    Its snapshots are thinned out as it goes: those of the last hour stay, and what [retention]
    says, or else one for each hour of a day and each day of a week.
    """
    session = current(context)
    target = choose(session, db)
    options = _options(session, target, interval, wal_limit, name)
    attention = Attention(session.interrupts)
    with (
        open_or_create(session, target, lasting=True) as repository,
        _alone(session, target, name, repository),
        session.work() as progress,
        attention.paid(),
    ):
        from dbtool.backup.follow import Follower
        from dbtool.backup.followloop import follow as run

        follower = Follower(repository, require_path(target), options, progress)
        narrator = Narrator(
            session,
            attention,
            follower,
            shown=target.shown,
            reconfigured=lambda: _options(session, target, interval, wal_limit, name),
        )
        narrator.began()
        try:
            run(follower, narrator)
        except Interrupted:
            session.note("stopped before the first snapshot was complete")
        notify("STOPPING=1")
        session.interrupts.working = False
    narrator.ended()


@contextmanager
def _alone(
    session: Session, target: Target, name: str | None, repository: Repository
) -> Iterator[None]:
    """Refuse to follow what another process follows into the same repository."""
    from dbtool.schedule.lock import follow_lock

    source = str(require_path(target).resolve())
    with ExitStack() as held:
        try:
            into = f"{repository.config.id.hex()}\n{name or ''}"
            held.enter_context(follow_lock(state_folder() / "locks", source, into))
        except StorageFailed as error:
            # A service may have no home: it can follow all the same.
            session.warn(f"nothing keeps a second follower away: {error.message}")
        yield


def _options(
    session: Session,
    target: Target,
    interval: str | None,
    wal_limit: str | None,
    name: str | None,
) -> FollowOptions:
    from dbtool.backup.follow import FollowOptions

    chosen = {
        "interval_s": _parsed("--interval", interval, parse_duration)
        or session.config.get("follow.interval"),
        "wal_limit_bytes": _parsed("--wal-limit", wal_limit, parse_size)
        or session.config.get("follow.wal_limit"),
    }
    given = {key: value for key, value in chosen.items() if value is not None}
    options = FollowOptions(name=name, retention=_retention(session, target), **given)
    if options.interval_s < _SHORTEST_INTERVAL_S:
        raise UsageError("invalid-value", f"--interval is at least {_SHORTEST_INTERVAL_S:g}s")
    return options


def _retention(session: Session, target: Target) -> Retention:
    """Return the policy of the database, with all of the last hour at least."""
    from dataclasses import replace

    from dbtool.backup.thinning import FOLLOW_RETENTION

    policy = retention_of(session, target.name)
    keep_all_s = session.config.get("follow.keep_all") or FOLLOW_RETENTION.within_s
    base = FOLLOW_RETENTION if policy.keeps_nothing else policy
    return replace(base, within_s=max(policy.within_s, keep_all_s))


def _parsed(option: str, text: str | None, parse: Any) -> Any:
    try:
        return None if text is None else parse(text)
    except ValueError as error:
        raise UsageError("invalid-value", f"{option} {text}: {error}") from error
