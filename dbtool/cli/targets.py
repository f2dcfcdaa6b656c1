"""Which database and which repository a command is about."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from dbtool.cli.files import require_usable
from dbtool.config import environment
from dbtool.core.tomllines import dotted
from dbtool.errors import NotFound, UsageError

if TYPE_CHECKING:
    from dbtool.backup.repository import Repository
    from dbtool.cli.context import Session
    from dbtool.config import DatabaseSettings

__all__ = [
    "CallOption",
    "DatabaseArgument",
    "NameOption",
    "Target",
    "choose",
    "copy_section",
    "default_repository",
    "key_owner",
    "open_repository",
    "optional_database",
    "repository_only",
    "require_path",
    "same_place",
]

DatabaseArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="DB", help="Path of the database, or a name from dbtool.toml.", show_default=False
    ),
]

NameOption = Annotated[
    str | None,
    typer.Option("--name", metavar="NAME", help="Its name in the repository, where it has one."),
]
"""For commands that look for what is there."""

CallOption = Annotated[
    str | None,
    typer.Option("--name", metavar="NAME", help="Call the database so in the repository."),
]
"""For commands that put something there."""


class Target(NamedTuple):
    """A database, as a command was told about it."""

    path: Path | None
    """None: only the repository was named."""
    name: str | None
    """Name in the configuration."""
    repository: str
    explicit_repository: bool
    """True: given or configured, so it is never created in passing."""
    max_backup_age_s: float | None = None

    @property
    def shown(self) -> str:
        """The database as a person calls it."""
        if self.path is None:
            return self.repository
        return self.name or self.path.name

    @property
    def source(self) -> str | None:
        """The database as a repository calls it: its real path."""
        return None if self.path is None else str(self.path.resolve())


def default_repository(path: Path) -> str:
    """Return where the snapshots of a database lie when nobody says otherwise."""
    return f"{path}.backups"


def choose(session: Session, argument: str | None) -> Target:
    """Find the database: the argument, `DBTOOL_DB`, or the only one that is configured.

    Raises:
        UsageError: `database-missing` or `database-ambiguous`, no argument and no single candidate.
        NotFound: `database-not-found`, a word that is close to a name.
    """
    word = argument or environment().get("DBTOOL_DB") or _only_name(session)
    configured = session.config.databases
    path = Path(word).expanduser()
    require_usable(path)
    settings = None if path.is_file() else configured.get(word)
    if settings is None:
        settings = next((s for s in configured.values() if _same(s.path, path)), None)
    if settings is not None:
        path = settings.path
    elif not path.exists():
        _suggest_name(word, list(configured))
    given = _given_repository(session) or (settings.repository if settings else None)
    return Target(
        path,
        settings.name if settings else None,
        given or default_repository(path),
        given is not None,
        settings.max_backup_age_s if settings else None,
    )


def optional_database(session: Session, argument: str | None) -> Target | None:
    """Find the database as `choose` does; None where none is named, or it is not made yet.

    Raises:
        DbtoolError: a database was named on the command line that is not there.
    """
    try:
        target = choose(session, argument)
    except UsageError as error:
        if argument is not None or error.code not in ("database-missing", "database-ambiguous"):
            raise
        return None
    path = require_path(target)
    if path.exists():
        return target
    if argument is not None:
        from dbtool.core.connection import require_database

        require_database(path)
    return None


def require_path(target: Target) -> Path:
    """Return the path of a target that `choose` found."""
    if target.path is None:
        raise UsageError("database-missing", "which database? only a repository was named")
    return target.path


def repository_only(session: Session, argument: str | None) -> Target:
    """Find the repository; where `--repo` or `DBTOOL_REPO` names it, no database is needed."""
    given = _given_repository(session)
    if given is not None and not argument and not environment().get("DBTOOL_DB"):
        return Target(None, _name_of_owner(session, given), given, explicit_repository=True)
    return choose(session, argument)


def open_repository(session: Session, target: Target) -> Repository:
    """Open the repository of a target; a password is asked for only when it is encrypted."""
    from dbtool.backup.repository import Repository
    from dbtool.cli.secrets import find_secret, key_configured
    from dbtool.cli.stores import reach_store

    location, owner = target.repository, key_owner(session, target)
    if target.path is not None and not target.explicit_repository and not Path(location).exists():
        raise _no_backups(target.path, location)
    return Repository.open(
        reach_store(session, location),
        secret=lambda: find_secret(session, f"password of {location}", owner),
        expect_encrypted=key_configured(session, owner),
    )


def key_owner(session: Session, target: Target) -> str | None:
    """Return the section, below `databases`, that may name the key of a target's repository."""
    for settings in session.config.databases.values():
        for copy in settings.copies:
            if same_place(copy.repository, target.repository):
                return copy_section(settings.name, copy.name)
    return None if target.name is None else dotted((target.name,))


def copy_section(database: str, copy: str) -> str:
    """Return the section, below `databases`, of one of the copies of a database."""
    return dotted((database, "copies", copy))


def _no_backups(path: Path, location: str) -> NotFound:
    """Return the error for a database without a repository, or for one that is not there at all."""
    from dbtool.core.connection import require_database

    try:
        require_database(path)
    except NotFound as error:
        return error
    return NotFound(
        "repository-not-found",
        f"{path} has no backups yet",
        context=f"there is no {location}, and no other repository was named",
        hint=f"dbtool backup {path}",
    )


def _given_repository(session: Session) -> str | None:
    given = session.given.get("repo") or environment().get("DBTOOL_REPO")
    return str(given) if given else None


def _name_of_owner(session: Session, location: str) -> str | None:
    """Return the configured database whose repository it is, as its key may be configured there."""

    def is_there(settings: DatabaseSettings) -> bool:
        place = settings.repository or default_repository(settings.path)
        places = [place, *(copy.repository for copy in settings.copies)]
        return any(same_place(place, location) for place in places)

    return next((s.name for s in session.config.databases.values() if is_there(s)), None)


def same_place(one: str, other: str) -> bool:
    """Return whether two locations are the same repository."""
    if "://" in one or "://" in other:
        return one == other
    return _same(Path(one), Path(other))


def _same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()


def _only_name(session: Session) -> str:
    names = list(session.config.databases)
    if len(names) == 1:
        return names[0]
    if names:
        raise UsageError(
            "database-ambiguous",
            "several databases are configured, and none was named",
            hint=f"name one of them as the last argument: {', '.join(names)}",
        )
    raise UsageError(
        "database-missing",
        "which database? none was named",
        context="no argument, no DBTOOL_DB, and no dbtool.toml with a database here or above",
        hint="give its path as the last argument\ndbtool init app.db writes a dbtool.toml",
    )


def _suggest_name(word: str, names: list[str]) -> None:
    from difflib import get_close_matches

    close = get_close_matches(word, names, 1, 0.6)
    if close and os.sep not in word:
        raise NotFound(
            "database-not-found",
            f"there is no database {word}",
            context=f"it is neither a file nor one of the configured names: {', '.join(names)}",
            hint=f"did you mean {close[0]}?",
        )
