"""`dbtool diff`: what changed between two snapshots, or since one of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from dbtool.cli.command import PlainCommand, application
from dbtool.cli.context import Session, current
from dbtool.cli.differences import show_rows, show_script, show_summary
from dbtool.cli.failure import CHECK_FAILED
from dbtool.cli.sources import find_snapshot, only_other
from dbtool.cli.targets import (
    DatabaseArgument,
    NameOption,
    Target,
    open_repository,
    repository_only,
)
from dbtool.errors import Refused, UsageError

if TYPE_CHECKING:
    from dbtool.backup.model import Snapshot

__all__ = ["app"]

app = application()

_EXAMPLES = """
dbtool diff latest app.db                      # what changed since the newest snapshot
dbtool diff a1b2c3d4..latest app.db            # between two snapshots
dbtool diff "@yesterday..@14:00" app.db        # between two times
dbtool diff --rows --table user latest app.db  # the rows, old and new values
dbtool diff --sql latest.. app.db > redo.sql   # the statements that do it again
"""


class _Ways(NamedTuple):
    """What the command line asks to see."""

    stat: bool
    rows: bool
    sql: bool
    tables: tuple[str, ...]


@app.command(cls=PlainCommand, epilog=_EXAMPLES)
def diff(
    context: typer.Context,
    span: Annotated[
        str,
        typer.Argument(
            metavar="A[..B]",
            help="Two snapshots, each the beginning of an id, latest, or @TIME; "
            "A alone is compared with the database as it is now.",
        ),
    ],
    db: DatabaseArgument = None,
    *,
    stat: Annotated[
        bool, typer.Option("--stat", help="Pages, bytes and tables only; read no row.")
    ] = False,
    rows: Annotated[
        bool, typer.Option("--rows", help="List the rows, old and new values side by side.")
    ] = False,
    sql: Annotated[
        bool, typer.Option("--sql", help="Print the SQL that turns A into B, in one transaction.")
    ] = False,
    table: Annotated[
        list[str] | None,
        typer.Option("--table", metavar="TABLE", help="Only this table; may be given again."),
    ] = None,
    name: NameOption = None,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="End with 4 where something differs.")
    ] = False,
) -> int:
    """Compare two snapshots, or a snapshot with the database as it is now.

    Pages are compared by their hashes, and only tables that own a changed page are read. Rows are
    matched by their primary key, or by their rowid where there is none. Schema differences come
    first; a table whose columns differ is compared by those that both sides have.
    """
    session = current(context)
    ways = _Ways(stat, rows, sql, tuple(table or ()))
    if stat + rows + sql > 1:
        raise UsageError(
            "usage", "--stat, --rows and --sql exclude each other", hint="dbtool diff --help"
        )
    target = repository_only(session, db)
    differs = _compare(session, target, span, name, ways)
    return CHECK_FAILED if differs and exit_code else 0


def _compare(session: Session, target: Target, span: str, name: str | None, ways: _Ways) -> bool:
    from dbtool.rows.diff import open_diff
    from dbtool.rows.model import DiffOptions

    first, _, second = span.partition("..")
    if not first:
        raise UsageError(
            "usage", f"{span} does not say what to compare from", hint=f"dbtool diff latest{span}"
        )
    if not second and target.path is None:
        raise UsageError(
            "database-missing",
            f"{first} is compared with the database as it is now, and none was named",
            hint=f"dbtool diff {first}..latest      compares two snapshots",
        )
    repository = open_repository(session, target)
    database = name or target.source
    a = find_snapshot(session, repository, first, database)
    b: Snapshot | Path
    if second:
        found = find_snapshot(session, repository, second, database)
        _require_same(a, found.database)
        b = found
    else:
        assert target.path is not None
        b = target.path
        if a.database != only_other(repository, database, lambda _error: None):
            _require_same(a, database or "")
    options = DiffOptions(ways.tables, rows=not ways.stat)
    with session.work() as progress:
        opened = open_diff(repository, a, b, options, progress=progress)
    show = show_rows if ways.rows else show_script if ways.sql else show_summary
    with opened:
        return show(session, opened)


def _require_same(a: Snapshot, database: str) -> None:
    """Refuse to compare what was never one database; a moved one has its file name left."""
    if a.database != database and Path(a.database).name != Path(database).name:
        raise Refused(
            "databases-differ",
            f"snapshot {a.id[:8]} is of {a.database}, not of {database}",
            context="what is compared must be one database at two times",
            hint="dbtool snapshots --all      says which snapshot is of which",
        )
