"""Migrations for programs: one call at start-up, and one for a fixture of pytest.

    from dbtool.migrate import upgrade

    upgrade("app.db", "migrations/")

Any number of processes may call it at once: one works, the others wait and find nothing to do.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path

import apsw

from dbtool.core.create import init_database
from dbtool.core.progress import Progress, Silent
from dbtool.errors import NotFound, Refused, UsageError
from dbtool.migrate.current import current_version
from dbtool.migrate.opening import borrowed, open_to_migrate
from dbtool.migrate.options import RunOptions, RunResult

__all__ = ["upgrade"]


def upgrade(  # noqa: PLR0913  one call is all of the interface
    db: str | Path | apsw.Connection,
    folder: str | Path,
    *,
    to: str | None = None,
    create: bool = True,
    allow: Iterable[str] = (),
    wait_s: float = 60.0,
    before_apply: Callable[[], str | None] | None = None,
    progress: Progress | None = None,
) -> RunResult:
    """Apply the pending migrations of a folder to a database.

    Args:
        db: path of the database; or an APSW connection, such as one of `:memory:`. A connection of
            the standard library's `sqlite3` cannot be used: two SQLite libraries in one process
            lose each other's locks.
        folder: with the migrations.
        to: version to stop at; None: all.
        create: make the database where there is none.
        allow: rules and guards that need not hold.
        wait_s: how long to wait for another process that migrates it.
        before_apply: called once before the first change, to take a snapshot; returns its id.
        progress: told of migrations; may raise to stop.

    Raises:
        DbtoolError: every failure, with what to do next; a failed migration left nothing behind.
    """
    options = RunOptions(to=to, allow=frozenset(allow), wait_s=wait_s, before_apply=before_apply)
    told = progress or Silent()
    if isinstance(db, apsw.Connection):
        with borrowed(db) as connection:
            return _up(connection, Path(folder), options, told)
    if str(db) == ":memory:":
        raise UsageError(
            "database-name-unsupported",
            "a database in memory has no path: it would be gone at once",
            hint='upgrade(apsw.Connection(":memory:"), folder)',
        )
    path = Path(db)
    if create:
        _create_missing(path)
    with open_to_migrate(path) as connection:
        return _up(connection, Path(folder), options, told)


def _up(
    connection: apsw.Connection, folder: Path, options: RunOptions, progress: Progress
) -> RunResult:
    """Go the short way where there is nothing to do, and the long way otherwise."""
    began_s = time.monotonic()
    version = current_version(connection, folder) if options.to is None else None
    if version is not None:
        return RunResult((), version, 0, duration_s=time.monotonic() - began_s)

    # Imported where there is something to do.
    from dbtool.migrate.discover import discover
    from dbtool.migrate.runner import Runner

    return Runner(connection, discover(folder).migrations, options, progress=progress).up()


def _create_missing(path: Path) -> None:
    if path.exists():
        return
    if not path.absolute().parent.is_dir():
        raise NotFound(
            "folder-not-found", f"there is no folder {path.absolute().parent} for {path.name}"
        )
    try:
        init_database(path)
    except Refused:
        if not path.exists():
            raise  # something else lies in the way; otherwise another process was faster
