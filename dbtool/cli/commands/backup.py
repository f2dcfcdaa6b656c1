"""`dbtool backup`: one snapshot into the repository."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dbtool.cli.command import PlainCommand, application
from dbtool.cli.context import Session, current
from dbtool.cli.creation import open_or_create
from dbtool.cli.targets import CallOption, DatabaseArgument, Target, choose
from dbtool.cli.views import counted, ratio, short
from dbtool.core.quantities import format_duration, format_size

if TYPE_CHECKING:
    from dbtool.backup.model import BackupOptions, BackupResult

__all__ = ["app"]

app = application()

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
    name: CallOption = None,
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
        open_or_create(session, target, dry_run=options.dry_run) as repository,
        session.work() as progress,
    ):
        result = repository.backup(target.path or Path(), options, progress=progress)
    if result.pages_total == 0:
        session.warn(f"{target.shown} is an empty file: the snapshot holds no pages")
    return result


def _lines(result: BackupResult) -> list[tuple[str, str]]:
    snapshot = result.snapshot
    if result.unchanged and snapshot is not None:
        how = "all pages read" if result.pages_scanned else "file untouched"
        return [
            ("unchanged", f"since snapshot {short(snapshot.id)}; no new one was needed ({how})"),
            ("time", format_duration(result.duration_s)),
        ]
    smaller = ratio(result.bytes_changed, result.bytes_added)
    moved = f", {result.pages_moved:,} of them known from elsewhere" if result.pages_moved else ""
    return [
        ("snapshot", _snapshot_text(result)),
        ("scanned", _scanned_text(result)),
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


def _scanned_text(result: BackupResult) -> str:
    total = f"{counted(result.pages_total, 'page')}, {format_size(result.size_bytes)}"
    if result.pages_scanned == result.pages_total:
        return total
    return f"{result.pages_scanned:,} of {total}: the WAL tells which can have changed"


def _data(result: BackupResult, target: Target) -> dict[str, Any]:
    smaller = round(result.bytes_changed / result.bytes_added, 3) if result.bytes_added else None
    return {
        "snapshot": result.snapshot.id if result.snapshot else None,
        "database": result.snapshot.database if result.snapshot else target.source,
        "repository": target.repository,
        "time": result.snapshot.time if result.snapshot else None,
        "unchanged": result.unchanged,
        "scanned": result.pages_scanned > 0,
        "pages_scanned": result.pages_scanned,
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
