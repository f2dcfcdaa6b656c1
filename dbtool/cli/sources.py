"""What a command reads rows from: the live database, or a snapshot straight from the repository."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, NamedTuple

from dbtool.cli.context import Session
from dbtool.cli.targets import Target, choose, open_repository, repository_only
from dbtool.cli.views import local_time, short
from dbtool.errors import Damaged, DbtoolError, NotFound, UsageError

if TYPE_CHECKING:
    import apsw

    from dbtool.backup.model import Snapshot
    from dbtool.backup.mount import SnapshotConnection
    from dbtool.backup.repository import Repository

__all__ = ["Source", "failures_named", "find_snapshot", "only_other", "reading"]

_BUSY_TIMEOUT_S = 10.0


class Source(NamedTuple):
    """A database open for reading."""

    connection: apsw.Connection
    shown: str
    """What a person calls it."""
    failed: Callable[[apsw.Error], DbtoolError]
    """Names a failure of SQLite."""
    snapshot: str | None = None
    """Id of the snapshot; None: the live database."""


@contextmanager
def reading(
    session: Session, db: str | None, at: str | None, name: str | None = None
) -> Iterator[Source]:
    """Open the live database, or its snapshot `at`, and close it in the end.

    Args:
        session: of this run.
        db: the database as given on the command line.
        at: a snapshot or a time, see `find_snapshot`; None: the live database.
        name: of the database in the repository, where it has one.
    """
    if at is None:
        with _live(choose(session, db)) as source:
            yield source
        return
    target = repository_only(session, db)
    repository = open_repository(session, target)
    snapshot = find_snapshot(session, repository, at, name or target.source)
    with closing(repository.connect(snapshot)) as connection:
        shown = f"{target.shown} at {local_time(snapshot.time)} ({short(snapshot.id)})"
        try:
            yield Source(
                connection, shown, lambda error: _in_snapshot(snapshot, error), snapshot.id
            )
        except Damaged as error:
            raise _with_owner(connection, error) from error


@contextmanager
def failures_named(source: Source) -> Iterator[None]:
    """Name the failures of SQLite on a source in the block."""
    import apsw

    try:
        yield
    except apsw.Error as error:
        raise source.failed(error) from error


def find_snapshot(
    session: Session, repository: Repository, spec: str, database: str | None
) -> Snapshot:
    """Find the snapshot that a person means.

    Args:
        session: of this run; warned of snapshots that do not open.
        repository: where to look.
        spec: the beginning of an id, `latest`, or a time with or without `@`: the last one before.
        database: of which; where the repository holds one database, a new path of it will do.
    """

    def on_damaged(error: Damaged) -> None:
        session.warn(error.message)

    def look(database: str | None) -> Snapshot:
        return _found(repository, spec, database, on_damaged)

    try:
        return look(database)
    except NotFound as error:
        if database is None or error.code != "no-snapshots":
            raise
        other = only_other(repository, database, on_damaged)
        if other is None:
            raise
        session.note(f"the repository knows this database as {other}")
        return look(other)


def only_other(
    repository: Repository, database: str | None, on_damaged: Callable[[Damaged], None]
) -> str | None:
    """Return the one database that was backed up here, where it is not `database`, or None.

    It is the same one under another name: it was moved, or backed up with a name. A restore keeps
    what it replaced under the path, which does not count.
    """
    from dbtool.backup.model import SAFETY_TAG

    found = repository.snapshots(on_damaged=on_damaged)
    names = {each.database for each in found if SAFETY_TAG not in each.tags}
    other = names.pop() if len(names) == 1 else None
    return None if other == database else other


def _found(
    repository: Repository, spec: str, database: str | None, on_damaged: Callable[[Damaged], None]
) -> Snapshot:
    try:
        return repository.find(spec, database=database, on_damaged=on_damaged)
    except NotFound as error:
        # What begins no id may be a time: 2026-11-20, 14:00, yesterday.
        if error.code != "snapshot-not-found" or spec.startswith("@"):
            raise
        try:
            return repository.find(f"@{spec}", database=database, on_damaged=on_damaged)
        except UsageError:
            raise error from None


@contextmanager
def _live(target: Target) -> Iterator[Source]:
    from dbtool.core.connection import classified, classify, require_database
    from dbtool.core.progress import Silent
    from dbtool.pages.session import ReadSession
    from dbtool.pages.state import state_of

    assert target.path is not None
    path = require_database(target.path)
    with classified(path):
        state = state_of(path)
        live = ReadSession(path, state, busy_timeout_s=_BUSY_TIMEOUT_S, progress=Silent())
    with closing(live):
        connection = live.connection or _empty()
        connection.pragma("query_only", 1)
        yield Source(connection, target.shown, lambda error: classify(path, error))


def _empty() -> apsw.Connection:
    """Return what a file of no bytes holds; SQLite would delete a journal beside the file."""
    import apsw

    return apsw.Connection(":memory:")


def _with_owner(connection: SnapshotConnection, error: Damaged) -> Damaged:
    from dbtool.backup.blame import with_owner
    from dbtool.backup.tree import PageDamaged

    return with_owner(connection.mount.tree, error) if isinstance(error, PageDamaged) else error


def _in_snapshot(snapshot: Snapshot, error: apsw.Error) -> DbtoolError:
    import apsw

    if isinstance(error, (apsw.CorruptError, apsw.NotADBError, apsw.FormatError)):
        return Damaged(
            "database-damaged",
            f"snapshot {short(snapshot.id)} holds a database that is damaged",
            context=f"every page read is as it was backed up; SQLite says: {error}",
            hint="dbtool snapshots      lists older ones",
        )
    message = f"SQLite failed on snapshot {short(snapshot.id)}"
    return DbtoolError("sqlite-failed", message, context=str(error))
