"""`dbtool restore`: a snapshot becomes a database again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

import typer

from dbtool.cli.command import PlainCommand, application
from dbtool.cli.context import Session, current
from dbtool.cli.files import harmless_name, require_folder
from dbtool.cli.sources import only_other
from dbtool.cli.targets import (
    DatabaseArgument,
    NameOption,
    Target,
    open_repository,
    repository_only,
)
from dbtool.cli.views import short
from dbtool.errors import Damaged, NotFound, UsageError

if TYPE_CHECKING:
    from dbtool.backup.model import RestoreMode, Snapshot
    from dbtool.backup.repository import Repository

__all__ = ["app"]

app = application()

_EXAMPLES = """
dbtool restore latest app.db                  # a new file beside it; app.db where that is gone
dbtool restore a1b2c3d4 --to copy.db app.db   # to a file of your choice
dbtool restore @yesterday --over app.db       # over the database: only pages that differ
dbtool restore latest --live app.db           # into a database that is in use
dbtool restore "@2026-11-20 14:00" -n app.db  # only the plan
dbtool restore @09:00 --table orders app.db   # one table, into the database in use
dbtool restore latest --table orders --where "id = 17" app.db     # one row of it
dbtool restore latest --table orders --columns price,tax app.db   # two columns of its rows
dbtool restore latest --table orders --into orders.db app.db      # into a file of its own
dbtool restore --undo app.db                  # puts back what the last restore replaced
"""


class Rows(NamedTuple):
    """Which rows the command line asks for, where it does not ask for the whole database."""

    table: str | None
    where: str | None
    columns: str | None
    mode: str | None
    into: Path | None
    no_triggers: bool


class _Ways(NamedTuple):
    """How the command line asks to restore."""

    to: Path | None
    over: bool
    live: bool
    undo: bool
    safety_snapshot: bool
    dry_run: bool
    yes: bool
    rows: Rows


@app.command(cls=PlainCommand, epilog=_EXAMPLES)
def restore(
    context: typer.Context,
    snapshot: Annotated[
        str | None,
        typer.Argument(
            metavar="SNAPSHOT",
            help="The beginning of an id, latest, or @TIME (the last one before it).",
            show_default=False,
        ),
    ] = None,
    db: DatabaseArgument = None,
    *,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FILE", help="Write this new file.")
    ] = None,
    over: Annotated[
        bool,
        typer.Option("--over", help="Overwrite the database: only pages that differ, atomically."),
    ] = False,
    live: Annotated[
        bool,
        typer.Option("--live", help="Overwrite it through SQLite while applications have it open."),
    ] = False,
    table: Annotated[
        str | None,
        typer.Option(
            "--table", metavar="T", help="Only the rows of this table, through SQLite, as --live."
        ),
    ] = None,
    where: Annotated[
        str | None,
        typer.Option(
            "--where",
            metavar="SQL",
            help="Only rows that this is true of, in the snapshot or now.",
        ),
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option(
            "--columns", metavar="A,B", help="Only these columns of rows that are there (update)."
        ),
    ] = None,
    mode: Annotated[
        Literal["replace", "insert-missing", "update"] | None,
        typer.Option(
            "--mode",
            metavar="MODE",
            help="Which rows of T: replace (they become exactly the snapshot's), insert-missing "
            "(only those whose key is not there) or update (only those that are there). [replace]",
        ),
    ] = None,
    into: Annotated[
        Path | None,
        typer.Option(
            "--into", metavar="FILE", help="Write the table into this file, new or a database."
        ),
    ] = None,
    no_triggers: Annotated[
        bool, typer.Option("--no-triggers", help="Let no trigger of the table fire.")
    ] = False,
    undo: Annotated[
        bool, typer.Option("--undo", help="Put back what the last restore replaced.")
    ] = False,
    name: NameOption = None,
    no_safety_snapshot: Annotated[
        bool,
        typer.Option(
            "--no-safety-snapshot", help="Take no snapshot of what is about to be overwritten."
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("-n", "--dry-run", help="Show the plan and do nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("-y", "--yes", help="Overwrite without asking.")] = False,
) -> None:
    """Bring a snapshot back, with every page proven by its hash.

    Where DB exists, the default is a new file DB.restored-SNAPSHOT beside it; where it does not, DB
    itself. Where only --repo is given, it is a file in the current folder, named as the repository
    names the database. Overwriting shows a plan, asks, and keeps a snapshot of what was there.

    With --table, rows of one table come back into DB in one transaction, while applications have it
    open. Rows are found by primary key, or by rowid where there is none; rows that are as they were
    are not written. Triggers of the table fire; rows of other tables are never deleted, and a
    restore that would leave a foreign key without its row changes nothing. --undo of that puts the
    same rows back and leaves other tables alone.
    """
    session = current(context)
    rows = Rows(table, where, columns, mode, into, no_triggers)
    ways = _Ways(to, over, live, undo, not no_safety_snapshot, dry_run, yes, rows)
    snapshot, db = _check(ways, snapshot, db)
    target = repository_only(session, db)
    _require_path(target, ways, snapshot)
    repository = open_repository(session, target)
    if undo:
        from dbtool.cli.restore.undo import undo_restore

        undo_restore(session, repository, target, dry_run=dry_run, yes=yes)
        return
    found = _find(session, repository, snapshot, name or target.source)
    _restore(session, repository, found, target, ways)


def _check(ways: _Ways, snapshot: str | None, db: str | None) -> tuple[str, str | None]:
    """Refuse what makes no sense together; return SNAPSHOT and DB, which --undo shifts."""
    given = {
        "--to": ways.to,
        "--over": ways.over,
        "--live": ways.live,
        "--undo": ways.undo,
        "--table": ways.rows.table is not None,
    }
    asked = [option for option, on in given.items() if on]
    if len(asked) > 1:
        raise UsageError(
            "usage",
            f"{' and '.join(asked)} exclude each other",
            hint="--into FILE writes a table into a file"
            if ways.rows.table
            else "dbtool restore --help",
        )
    _check_rows(ways)
    if ways.undo:
        if db is not None or not ways.safety_snapshot:
            what = "--no-safety-snapshot" if db is None else f"the snapshot {snapshot}"
            raise UsageError(
                "usage",
                f"--undo and {what} exclude each other",
                context="it goes by the newest safety snapshot, and keeps one itself",
            )
        return "", snapshot
    if snapshot is None:
        raise UsageError(
            "missing-argument",
            "the argument SNAPSHOT is missing",
            hint="dbtool restore latest DB\ndbtool restore --help",
        )
    return snapshot, db


def _check_rows(ways: _Ways) -> None:
    rows = ways.rows
    of_table = {
        "--where": rows.where,
        "--columns": rows.columns,
        "--mode": rows.mode,
        "--into": rows.into,
        "--no-triggers": rows.no_triggers,
    }
    asked = [option for option, value in of_table.items() if value]
    if asked and rows.table is None:
        raise UsageError(
            "usage", f"{asked[0]} goes with --table", hint=f"add --table T before {asked[0]}"
        )
    if rows.into is not None:
        vain = [option for option in ("--columns", "--mode", "--no-triggers") if option in asked]
        if vain:
            raise UsageError(
                "usage",
                f"{vain[0]} and --into exclude each other",
                context="a table is written into a file whole, apart from --where",
            )


def _require_path(target: Target, ways: _Ways, snapshot: str) -> None:
    option = next(
        (
            option
            for option, on in (
                ("--over", ways.over),
                ("--live", ways.live),
                ("--undo", ways.undo),
                ("--table", ways.rows.table and ways.rows.into is None),
            )
            if on
        ),
        None,
    )
    if target.path is None and option:
        raise UsageError(
            "database-missing",
            f"{option} needs to be told which database to overwrite",
            context="where to write is not for the repository to say",
            hint=f"dbtool restore {snapshot} {option} --repo {target.repository} DB",
        )


def _find(session: Session, repository: Repository, spec: str, database: str | None) -> Snapshot:
    """Find the snapshot; where the repository holds one database, a new path of it will do."""

    def on_damaged(error: Damaged) -> None:
        session.warn(error.message)

    try:
        return repository.find(spec, database=database, on_damaged=on_damaged)
    except NotFound as error:
        if database is None or error.code != "no-snapshots":
            raise
        other = only_other(repository, database, on_damaged)
        if other is None:
            raise
        session.note(f"the repository knows this database as {other}")
        return repository.find(spec, database=other, on_damaged=on_damaged)


def _restore(
    session: Session, repository: Repository, snapshot: Snapshot, target: Target, ways: _Ways
) -> None:
    if ways.rows.table is not None:
        _restore_rows(session, repository, snapshot, target, ways)
        return
    from dbtool.backup.model import RestoreOptions
    from dbtool.cli.restore.whole import restore_whole

    file = _file(snapshot, target, ways)
    if target.path is None and ways.to is None:
        session.note(f"no database was named; writing {file} in the current folder")
    require_folder(file)
    options = RestoreOptions(mode=_mode(ways, file), safety_snapshot=ways.safety_snapshot)
    restore_whole(session, repository, snapshot, file, options, dry_run=ways.dry_run, yes=ways.yes)


def _restore_rows(
    session: Session, repository: Repository, snapshot: Snapshot, target: Target, ways: _Ways
) -> None:
    from dbtool.cli.restore.table import asked_for, restore_into, restore_table
    from dbtool.rows.takeback import Takeback

    rows = ways.rows
    asked = asked_for(
        rows.table or "",
        where=rows.where,
        columns=rows.columns,
        mode=rows.mode,
        triggers=not rows.no_triggers,
    )
    if rows.into is not None:
        require_folder(rows.into)
        restore_into(session, repository, snapshot, rows.into, asked, dry_run=ways.dry_run)
        return
    assert target.path is not None
    takeback = Takeback(
        repository, snapshot, target.path, asked, safety_snapshot=ways.safety_snapshot
    )
    restore_table(session, takeback, dry_run=ways.dry_run, yes=ways.yes)


def _file(snapshot: Snapshot, target: Target, ways: _Ways) -> Path:
    if ways.to is not None:
        return ways.to
    path = target.path or Path(harmless_name(snapshot.database))
    if ways.over or ways.live or not path.exists():
        return path
    return path.with_name(f"{path.name}.restored-{short(snapshot.id)}")


def _mode(ways: _Ways, file: Path) -> RestoreMode:
    if ways.live:
        return "live"
    return "delta" if ways.over and file.exists() else "new"
