"""`dbtool backup`: one snapshot into the repository."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dbtool.cli.command import PlainCommand, application
from dbtool.cli.context import Session, current
from dbtool.cli.targets import DatabaseArgument, Target, choose, open_repository
from dbtool.cli.views import brief, counted, ratio, short
from dbtool.core.quantities import format_duration, format_size
from dbtool.errors import DbtoolError, Locked, NotFound, Refused

if TYPE_CHECKING:
    from dbtool.backup.model import BackupOptions, BackupResult
    from dbtool.backup.repository import Repository

__all__ = ["app"]

app = application()

_CREATION_LIMIT_S = 5.0
_POLL_S = 0.05
_SOMEBODY_CREATES = ("repository-exists", "repository-locked")
_LEFT_BEHIND = frozenset({"lock", "tmp", "keys"})

_EXAMPLES = """
dbtool backup app.db                            # into app.db.backups/, created the first time
dbtool backup --tag nightly --note "v2.1" app   # a database from dbtool.toml
dbtool backup -q app.db                         # for cron: silent unless something is wrong
id=$(dbtool backup --print-id app.db)           # the id of the snapshot, for a script
"""


@app.command(cls=PlainCommand, epilog=_EXAMPLES)
def backup(
    context: typer.Context,
    db: DatabaseArgument = None,
    *,
    tag: Annotated[
        list[str] | None, typer.Option("--tag", metavar="TAG", help="Label it; may be repeated.")
    ] = None,
    note: Annotated[
        str, typer.Option("--note", metavar="TEXT", help="Remark that the list of snapshots keeps.")
    ] = "",
    name: Annotated[
        str | None,
        typer.Option("--name", metavar="NAME", help="Call the database so in the repository."),
    ] = None,
    always: Annotated[
        bool, typer.Option("--always", help="Take a snapshot even of an unchanged database.")
    ] = False,
    force_scan: Annotated[
        bool,
        typer.Option(
            "--force-scan", help="Read and hash every page even when the file looks untouched."
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("-n", "--dry-run", help="Find out what would be stored, store nothing.")
    ] = False,
    print_id: Annotated[
        bool, typer.Option("--print-id", help="Print the id of the snapshot and nothing else.")
    ] = False,
) -> None:
    """Take one snapshot of a database into its repository.

    The database may be in use: nobody waits, and the snapshot is the state of one moment. Only
    pages that the repository does not hold yet are stored. An unchanged database gets no new
    snapshot, but a record that it was seen.

    Without --repo and without configuration the repository is DB.backups/ beside the database,
    created the first time, and encrypted only where a key is configured.
    """
    from dbtool.backup.model import BackupOptions

    session = current(context)
    target = choose(session, db)
    options = BackupOptions(
        name=name,
        tags=tuple(tag or ()),
        note=note,
        always=always,
        force_scan=force_scan,
        dry_run=dry_run,
    )
    result = _run(session, target, options)
    if print_id and session.format == "table":
        session.output.line(result.snapshot.id if result.snapshot else "")
        return
    session.output.report("dbtool.backup/1", _data(result, target), _lines(result))


def _run(session: Session, target: Target, options: BackupOptions) -> BackupResult:
    session.output.record("start", {"database": target.source, "repository": target.repository})
    with (
        _open_or_create(session, target, dry_run=options.dry_run) as repository,
        session.work() as progress,
    ):
        result = repository.backup(target.path or Path(), options, progress=progress)
    if result.pages_total == 0:
        session.warn(f"{target.shown} is an empty file: the snapshot holds no pages")
    return result


@contextmanager
def _open_or_create(session: Session, target: Target, *, dry_run: bool) -> Iterator[Repository]:
    """Give the repository; one that had to be created goes away again when the backup fails."""
    if target.explicit_repository:
        yield open_repository(session, target)
        return
    with _reach(session, target, dry_run=dry_run) as (repository, created):
        try:
            yield repository
        except BaseException:
            if created:
                _discard_empty(repository)
            raise
    if created:
        place = brief(target.repository)
        kind = (
            "an encrypted repository, opened by the configured key"
            if repository.info.encrypted
            else "a repository without encryption (see dbtool init)"
        )
        session.note(f"created {place}, {kind}")


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

    secret = None
    if key_configured(session, target.name):
        secret = secret_for_creation(session, target.name)
    level = session.config.get("repository.compression")
    return Repository.create(target.repository, secret=secret, compression=level)


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


def _lines(result: BackupResult) -> list[tuple[str, str]]:
    snapshot = result.snapshot
    if result.unchanged and snapshot is not None:
        how = "all pages read" if result.scanned else "file untouched"
        return [
            ("unchanged", f"since snapshot {short(snapshot.id)}; no new one was needed ({how})"),
            ("time", format_duration(result.duration_s)),
        ]
    smaller = ratio(result.bytes_changed, result.bytes_added)
    moved = f", {result.pages_moved:,} of them known from elsewhere" if result.pages_moved else ""
    return [
        ("snapshot", _snapshot_text(result)),
        ("scanned", f"{counted(result.pages_total, 'page')}, {format_size(result.size_bytes)}"),
        (
            "changed",
            f"{counted(result.pages_changed, 'page')}, {format_size(result.bytes_changed)}{moved}",
        ),
        ("added", format_size(result.bytes_added) + (f", {smaller}" if smaller else "")),
        ("time", format_duration(result.duration_s)),
    ]


def _snapshot_text(result: BackupResult) -> str:
    if result.dry_run or result.snapshot is None:
        return "none: dry run, nothing was stored"
    return short(result.snapshot.id)


def _data(result: BackupResult, target: Target) -> dict[str, Any]:
    smaller = round(result.bytes_changed / result.bytes_added, 3) if result.bytes_added else None
    return {
        "snapshot": result.snapshot.id if result.snapshot else None,
        "database": result.snapshot.database if result.snapshot else target.source,
        "repository": target.repository,
        "time": result.snapshot.time if result.snapshot else None,
        "unchanged": result.unchanged,
        "scanned": result.scanned,
        "dry_run": result.dry_run,
        "pages": result.pages_total,
        "pages_changed": result.pages_changed,
        "pages_moved": result.pages_moved,
        "size": result.size_bytes,
        "changed": result.bytes_changed,
        "added": result.bytes_added,
        "ratio": smaller,
        "duration": result.duration_s,
    }
