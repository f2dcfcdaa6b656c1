"""What the verbs of `dbtool migrate` share: which database, which folder, the snapshot before."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from dbtool.cli.policies import parsed
from dbtool.cli.snapshotting import snapshot_before
from dbtool.cli.targets import Target, choose, require_path
from dbtool.cli.views import brief, pasted
from dbtool.core.quantities import parse_duration
from dbtool.core.tomllines import dotted

if TYPE_CHECKING:
    from dbtool.cli.context import Session
    from dbtool.core.progress import Progress
    from dbtool.migrate.model import Migration
    from dbtool.migrate.options import RunOptions

__all__ = [
    "AllowOption",
    "FolderOption",
    "NoSnapshotOption",
    "QuickCheckOption",
    "WaitOption",
    "Work",
    "existing_path",
    "folder_of",
    "prepare",
    "run_options",
]

DEFAULT_FOLDER = "migrations"

FolderOption = Annotated[
    Path | None,
    typer.Option(
        "-m", "--migrations", metavar="FOLDER", help="Folder of the migrations. [migrations]"
    ),
]
AllowOption = Annotated[
    list[str] | None,
    typer.Option(
        "--allow", metavar="RULE", help="Go on although this rule does not hold; may be repeated."
    ),
]
WaitOption = Annotated[
    str,
    typer.Option(
        "--wait", metavar="DURATION", help="Wait so long for another migration to end. [60s]"
    ),
]
NoSnapshotOption = Annotated[
    bool, typer.Option("--no-snapshot", help="Take no snapshot before the first change.")
]
QuickCheckOption = Annotated[
    bool, typer.Option("--no-quick-check", help="Do not look for damage before the first change.")
]


class Work(NamedTuple):
    """A database and its migrations."""

    target: Target
    path: Path
    folder: Path
    migrations: tuple[Migration, ...]


def prepare(session: Session, db: str | None, folder: Path | None) -> Work:
    """Find the database and read the migrations; files that are none are told of.

    Raises:
        DbtoolError: as `choose`, `existing_path` and `discover`.
    """
    from dbtool.migrate.discover import discover

    target = choose(session, db)
    path = existing_path(target)
    found = discover(folder_of(session, target, folder))
    for other in found.others:
        session.note(f"{brief(other)} has no version in its name, so it is no migration")
    return Work(target, path, found.path, found.migrations)


def existing_path(target: Target) -> Path:
    """Return the path of a database that is there; where it is not, say what makes it.

    Raises:
        NotFound: `database-not-found`.
    """
    path = require_path(target)
    if path.exists():
        return path
    from dbtool.core.connection import require_database
    from dbtool.errors import NotFound

    try:
        return require_database(path)
    except NotFound as error:
        error.hint = f"{error.hint}\ndbtool init {pasted(path)}      makes it, without tables"
        raise


def folder_of(session: Session, target: Target | None, given: Path | None) -> Path:
    """Return the folder of migrations: the option, the configuration, or `migrations`.

    The last is looked for in the current folder, then beside dbtool.toml, then beside the database.
    """
    if given is not None:
        return given.expanduser()
    if target is not None and target.name is not None:
        configured = session.config.get(dotted(("databases", target.name, "migrations")))
        if configured is not None:
            return Path(configured)
    here = Path(DEFAULT_FOLDER)
    beside = [file.parent for file in reversed(session.config.files)]
    if target is not None and target.path is not None:
        beside.append(target.path.absolute().parent)
    places = [here, *(folder / DEFAULT_FOLDER for folder in beside)]
    return next((place for place in places if place.is_dir()), here)


def run_options(
    session: Session,
    work: Work,
    progress: Progress,
    *,
    allow: list[str] | None,
    wait: str,
    snapshot: bool,
    quick_check: bool = True,
) -> RunOptions:
    """Return the options that every run of migrations has."""
    from dbtool.migrate.options import RunOptions

    if allow:
        from dbtool.migrate.gate import require_known

        require_known(frozenset(allow))
    wait_s = parsed("--wait", wait, parse_duration)
    before = snapshot_before(session, work.target, progress, "migrate", "before migrations")
    return RunOptions(
        allow=frozenset(allow or ()),
        wait_s=60.0 if wait_s is None else wait_s,
        quick_check=quick_check,
        before_apply=before if snapshot else None,
    )
