"""`dbtool migrate lint`: migrations judged before a database sees them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from dbtool.cli.context import Session, current
from dbtool.cli.migrations.lintview import github_error, show_findings, show_rules
from dbtool.cli.migrations.wiring import FolderOption, folder_of
from dbtool.cli.targets import DatabaseArgument, Target, optional_database
from dbtool.cli.visible import Painted
from dbtool.errors import UsageError

if TYPE_CHECKING:
    from dbtool.migrate.lint.findings import LintFinding
    from dbtool.migrate.model import Migration

__all__ = ["EXAMPLES", "lint"]

EXAMPLES = """
dbtool migrate lint app.db                      # what is pending, on the schema of app.db
dbtool migrate lint --all                       # every migration, from an empty database on
dbtool migrate lint --all --reporter github     # as remarks in a pull request
dbtool migrate lint --all --reporter sarif     # for code scanning; send it into a file
dbtool migrate lint --rules                     # what is judged
"""

_NO = 4


def lint(
    context: typer.Context,
    db: DatabaseArgument = None,
    *,
    migrations: FolderOption = None,
    everything: Annotated[
        bool,
        typer.Option("--all", help="Judge all migrations, from an empty database on."),
    ] = False,
    reporter: Annotated[
        Literal["table", "json", "github", "sarif"] | None,
        typer.Option("--reporter", metavar="HOW", help="As table, json, github or sarif. [table]"),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Exit with 4 for warnings too, not for errors alone.")
    ] = False,
    rules: Annotated[bool, typer.Option("--rules", help="List the rules, and do nothing.")] = False,
) -> int | None:
    """Judge migrations in memory, statement by statement; nothing is created or changed.

    SQLite itself says what a statement touches, on a replica of the schema without its rows; tables
    that are empty in the database lose nothing. With DB what is pending is judged; with --all, or
    where no database is named, every migration from the first. What can lose rows or values stops
    `migrate up`. A line in the migration lets a rule be broken, with a reason:

    -- dbtool:ignore drop-table the rows were moved to orders in 0007

    Exit code 4: something is an error; with --check, a warning.
    """
    session = current(context)
    if rules:
        show_rules(session)
        return None
    target = None if everything else optional_database(session, db)
    folder = folder_of(session, target or optional_database(session, None), migrations)
    try:
        findings, judged = _judged(session, target, folder)
    except UsageError as error:
        if reporter == "github":
            session.output.line(Painted(github_error(folder, error)))
        raise
    show_findings(session, findings, judged, reporter or "table")
    counting = ("error", "warning") if check else ("error",)
    broken = any(f.severity in counting and f.ignored is None for f in findings)
    return _NO if broken else None


def _judged(
    session: Session, target: Target | None, folder: Path
) -> tuple[tuple[LintFinding, ...], int]:
    from dbtool.migrate.discover import discover
    from dbtool.migrate.lint.run import lint as judge

    found = discover(folder, unique=False)
    for other in found.others:
        session.note(f"{other.name} has no version in its name, so it is not judged")
    if target is None or target.path is None:
        return judge(found.migrations), len(found.migrations)
    return _pending(target.path, found.migrations)


def _pending(path: Path, migrations: tuple[Migration, ...]) -> tuple[tuple[LintFinding, ...], int]:
    from dbtool.migrate.lint.run import count_rows
    from dbtool.migrate.lint.run import lint as judge
    from dbtool.migrate.opening import open_to_look
    from dbtool.migrate.standing import standing

    with open_to_look(path) as connection:
        pending = standing(connection, migrations).pending
        rows = count_rows(connection) if pending else {}
        return judge(pending, connection, rows=rows), len(pending)
