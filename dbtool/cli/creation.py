"""The repository of a backup: opened, or created beside the database where none is named.

Several first backups may create it at once, and one of them may have been cut off in the middle.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from dbtool.cli.targets import Target, key_owner, open_repository
from dbtool.cli.views import brief
from dbtool.errors import DbtoolError, Locked, NotFound, Refused

if TYPE_CHECKING:
    from dbtool.backup.repository import Repository
    from dbtool.cli.context import Session

__all__ = ["open_or_create"]

_CREATION_LIMIT_S = 5.0
_POLL_S = 0.05
_SOMEBODY_CREATES = ("repository-exists", "repository-locked")
_LEFT_BEHIND = frozenset({"lock", "tmp", "keys"})


@contextmanager
def open_or_create(
    session: Session, target: Target, *, dry_run: bool = False, lasting: bool = False
) -> Iterator[Repository]:
    """Give the repository; one that had to be created goes away again when the backup fails.

    Args:
        session: of this run.
        target: the database.
        dry_run: create nothing; an empty repository stands in for a missing one.
        lasting: tell of its creation at once, because the work takes for ever.
    """
    if target.explicit_repository:
        yield open_repository(session, target)
        return
    with _reach(session, target, dry_run=dry_run) as (repository, created):
        if created and lasting:
            _tell(session, target, repository)
        try:
            yield repository
        except BaseException:
            if created:
                _discard_empty(repository)
            raise
    if created and not lasting:
        _tell(session, target, repository)


def _tell(session: Session, target: Target, repository: Repository) -> None:
    kind = (
        "an encrypted repository, opened by the configured key"
        if repository.info.encrypted
        else "a repository without encryption (see dbtool init)"
    )
    session.note(f"created {brief(target.repository)}, {kind}")


@contextmanager
def _reach(session: Session, target: Target, *, dry_run: bool) -> Iterator[tuple[Repository, bool]]:
    """Give the repository beside a database, and whether it was created for this backup.

    Another first backup may be creating it in this moment; that takes a moment.
    """
    deadline_s = time.monotonic() + _CREATION_LIMIT_S
    while True:
        found = _existing(session, target)
        if found is not None:
            _wait_for_creator(found, deadline_s)
            yield found, False
            return
        if dry_run:
            from tempfile import TemporaryDirectory

            # An empty repository that is gone when the command ends stands in for the missing one.
            with TemporaryDirectory() as folder:
                yield _stand_in(folder), False
            return
        try:
            made = _create(session, target)
        except (Locked, Refused) as error:
            if error.code not in _SOMEBODY_CREATES or time.monotonic() > deadline_s:
                raise
            time.sleep(_POLL_S)
            continue
        yield made, True
        return


def _existing(session: Session, target: Target) -> Repository | None:
    """Open the repository; None where none is and one may be created.

    What counts is its config object: its folder may be what a first backup left that was cut off.
    """
    try:
        return open_repository(session, target)
    except NotFound as error:
        folder = Path(target.repository)
        if error.code != "repository-not-found" or not _is_vacant(folder):
            raise
        _require_database(target)
        return None


def _is_vacant(folder: Path) -> bool:
    """Return whether a folder is missing, or holds only what a creation that was cut off leaves."""
    try:
        return {path.name for path in folder.iterdir()} <= _LEFT_BEHIND
    except FileNotFoundError:
        return not folder.is_symlink()
    except OSError:
        return False


def _wait_for_creator(repository: Repository, deadline_s: float) -> None:
    """Wait until whoever creates the repository lets go of it."""
    while True:
        try:
            with repository.store.lock(exclusive=False):
                return
        except Locked:
            if time.monotonic() > deadline_s:
                raise
        time.sleep(_POLL_S)


def _stand_in(folder: str) -> Repository:
    from dbtool.backup.repository import Repository

    return Repository.create(folder)


def _create(session: Session, target: Target) -> Repository:
    """Make the repository, encrypted where a key is configured: nothing else would be meant."""
    from dbtool.backup.repository import Repository
    from dbtool.cli.secrets import key_configured, secret_for_creation
    from dbtool.cli.stores import reach_store

    secret = None
    owner = key_owner(session, target)
    if key_configured(session, owner):
        secret = secret_for_creation(session, owner)
    level = session.config.get("repository.compression")
    store = reach_store(session, target.repository, create=True)
    return Repository.create(store, secret=secret, compression=level)


def _discard_empty(repository: Repository) -> None:
    """Remove a repository that this run created, unless it holds a snapshot by now."""
    import shutil

    with suppress(DbtoolError), repository.store.lock(exclusive=True):
        if not repository.snapshots():
            shutil.rmtree(repository.info.location, ignore_errors=True)


def _require_database(target: Target) -> None:
    """Let a mistyped name fail before a repository is created for it."""
    from dbtool.core.connection import require_database

    if target.path is not None:
        require_database(target.path)
