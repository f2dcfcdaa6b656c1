"""The other repositories of a database: which there are, how they are opened, how old they are."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, NamedTuple

from dbtool.cli.secrets import Options, find_secret, key_configured
from dbtool.cli.targets import Target, choose, copy_section, repository_only, same_place
from dbtool.cli.views import brief
from dbtool.core.quantities import format_age, format_duration
from dbtool.errors import DbtoolError, NotFound, UsageError

if TYPE_CHECKING:
    from dbtool.backup.repository import Repository
    from dbtool.cli.context import Session

__all__ = ["Destination", "destinations", "destinations_of", "open_destination", "tell_ages"]


class Destination(NamedTuple):
    """A repository that gets copies."""

    location: str
    name: str | None = None
    """In the configuration; None: it is not in it."""
    section: str | None = None
    """Where the configuration may name its key, below `databases`."""
    max_backup_age_s: float | None = None

    @property
    def shown(self) -> str:
        """The repository as a person calls it."""
        return self.name or brief(self.location)


def destinations(
    session: Session, repository: str | None, db: str | None
) -> tuple[Target, list[Destination]]:
    """Find the database, and the repositories that its snapshots are copied to.

    Args:
        session: of this run.
        repository: location or configured name of one; None: all that are configured.
        db: as the user names it. Where only one word was given that is a database, it is that.

    Raises:
        UsageError: `no-copies`, none was named and none is configured.
    """
    if repository is not None and db is None and _is_database(session, repository):
        repository, db = None, repository
    target = choose(session, db) if repository is None else repository_only(session, db)
    known = destinations_of(session, target)
    if repository is None:
        if not known:
            raise UsageError(
                "no-copies",
                f"no repository was named for the copies of {target.shown}",
                context="and dbtool.toml has no section for any, such as "
                f"[databases.{target.name or 'NAME'}.copies.usb]",
                hint=f"dbtool copy /mnt/usb/backups {db or ''}".rstrip(),
            )
        return target, known
    location = repository
    chosen = [one for one in known if one.name == location or same_place(one.location, location)]
    return target, chosen[:1] or [
        Destination(str(Path(location).expanduser()) if "://" not in location else location)
    ]


def destinations_of(session: Session, target: Target) -> list[Destination]:
    """Return the repositories that are configured for copies of a database."""
    settings = session.config.databases.get(target.name or "")
    if settings is None:
        return []
    return [
        Destination(
            copy.repository,
            copy.name,
            copy_section(settings.name, copy.name),
            copy.max_backup_age_s,
        )
        for copy in settings.copies
        # Where --repo names one of the copies, it is what is copied from.
        if not same_place(copy.repository, target.repository)
    ]


def open_destination(
    session: Session,
    destination: Destination,
    options: Options | None = None,
    *,
    asking: bool = True,
) -> Repository:
    """Open a repository that gets copies; it has keys of its own.

    Args:
        session: of this run.
        destination: which.
        options: what the command line says of its key.
        asking: ask for a password on the terminal where none is configured.

    Raises:
        NotFound: `repository-not-found`.
    """
    from dbtool.backup.repository import Repository
    from dbtool.cli.stores import reach_store

    options = options or Options("to-")
    location, section = destination.location, destination.section
    known = key_configured(session, section, options)
    try:
        return Repository.open(
            reach_store(session, location),
            secret=(
                (lambda: find_secret(session, f"password of {location}", section, options))
                if known or asking
                else None
            ),
            expect_encrypted=known,
        )
    except NotFound as error:
        if error.code != "repository-not-found":
            raise
        raise NotFound(
            error.code,
            error.message,
            context="copies go into a repository that is there, so that a disk that is not mounted "
            "is noticed",
            hint=f"dbtool init --repo {quote(location)} --encrypt      makes one, with its own key",
        ) from error


def tell_ages(session: Session, target: Target, database: str) -> bool:
    """Say how old the newest copy in each configured repository is; return whether one is stale.

    Args:
        session: of this run.
        target: the database.
        database: what repositories call it.
    """
    ages = [_tell_age(session, target, one, database) for one in destinations_of(session, target)]
    return any(ages)


def _tell_age(session: Session, target: Target, destination: Destination, database: str) -> bool:
    try:
        catalog = open_destination(session, destination, asking=False).catalog
        newest = catalog.newest(database)
    except DbtoolError as error:
        session.warn(f"the copies in {destination.shown} cannot be looked at: {error.message}")
        return False
    if newest is None:
        session.warn(f"{destination.shown} has no copy of {target.shown}", "dbtool copy makes them")
        return destination.max_backup_age_s is not None
    marked = catalog.with_marks(newest)
    last, now = marked.seen or marked.time, datetime.now(UTC)
    limit_s, age_s = destination.max_backup_age_s, (now - last).total_seconds()
    if limit_s is None or age_s <= limit_s:
        session.note(f"repository {destination.shown}: newest {format_age(last, now)} old")
        return False
    session.warn(
        f"the newest copy of {target.shown} in {destination.shown} is "
        f"{format_duration(age_s)} old; the configuration allows {format_duration(limit_s)}"
    )
    return True


def _is_database(session: Session, word: str) -> bool:
    path = Path(word).expanduser()
    return path.is_file() or (word in session.config.databases and not path.is_dir())
