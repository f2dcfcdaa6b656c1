"""`dbtool migrate plan`: what would run, statement by statement, and what speaks against it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from dbtool.cli.context import Session, current
from dbtool.cli.migrations.status import CheckOption, troubles
from dbtool.cli.migrations.wiring import FolderOption, prepare
from dbtool.cli.targets import DatabaseArgument
from dbtool.cli.views import counted
from dbtool.cli.visible import Painted, visible, visible_lines
from dbtool.core.quantities import format_size

if TYPE_CHECKING:
    from dbtool.migrate.planning import Plan, Planned, PlannedStatement

__all__ = ["EXAMPLES", "plan"]

EXAMPLES = """
dbtool migrate plan app.db               # the SQL that would run, rebuilds written out
dbtool migrate plan --to 0007 app.db     # up to that version
dbtool migrate plan --check -q app.db    # exit code 4 where anything is pending
dbtool migrate plan --json app.db        # with findings and the space that is needed
"""

_NO = 4


def plan(
    context: typer.Context,
    db: DatabaseArgument = None,
    *,
    migrations: FolderOption = None,
    to: Annotated[
        str | None, typer.Option("--to", metavar="VERSION", help="The last to be applied.")
    ] = None,
    count: Annotated[
        int | None, typer.Option("--count", metavar="N", min=1, help="Only the next N.")
    ] = None,
    check: CheckOption = False,
) -> int | None:
    """Show the SQL of pending migrations as it would run; nothing is created or changed."""
    from dbtool.migrate.opening import open_to_look
    from dbtool.migrate.options import RunOptions
    from dbtool.migrate.planning import plan as make
    from dbtool.migrate.runner import choose_up
    from dbtool.migrate.standing import standing

    session = current(context)
    work = prepare(session, db, migrations)
    with open_to_look(work.path) as connection:
        state = standing(connection, work.migrations)
        chosen = choose_up(state, RunOptions(to=to, count=count))
        made = make(connection, chosen)
    found = troubles(state)
    if not (session.quiet and check):
        _show(session, made, work.target.shown)
        session.note(*[text for text in found if not text.endswith("pending")])
    return _NO if check and found else None


def _show(session: Session, made: Plan, database: str) -> None:
    if session.output.format != "table":
        session.output.report("dbtool.migrate-plan/1", _data(made, database), [])
        return
    for planned in made.planned:
        _show_one(session, planned)
    if not made.planned:
        session.note("nothing is pending")
        return
    needed = made.forecast.needed_bytes
    space = f"up to {format_size(needed)}" if needed else "little"
    free = f" of {format_size(made.free_bytes)} free" if made.free_bytes is not None else ""
    session.note(f"{counted(len(made.planned), 'migration')} pending; disk space: {space}{free}")


def _show_one(session: Session, planned: Planned) -> None:
    migration = planned.migration
    way = "" if migration.up.transactional else "   without a transaction"
    bold, plain = ("\x1b[1m", "\x1b[0m") if session.color(1) else ("", "")
    session.output.line(Painted(f"{bold}-- {visible(migration.path.name)}{plain}{way}"))
    if migration.is_python:
        session.output.line(f"-- runs up(db) of {migration.path.name}")
    for statement in planned.statements:
        _show_statement(session, statement)
    for finding in planned.findings:
        mark = "!" if finding.stops else "-"
        ignored = f" (ignored: {finding.ignored})" if finding.ignored else ""
        text = f"-- {mark} line {finding.line}: {finding.message} [{finding.rule}]{ignored}"
        session.output.line(text)
    session.output.line()


def _show_statement(session: Session, statement: PlannedStatement) -> None:
    if statement.what:
        session.output.line(f"-- {statement.what}")
    text = visible_lines(statement.sql)
    for line in (_colored(text) if session.color(1) else text).split("\n"):
        session.output.line(Painted(line))


def _colored(sql: str) -> str:
    """Return SQL with the colours of its words for a terminal."""
    from io import StringIO

    from rich.console import Console
    from rich.syntax import Syntax

    text = Syntax("", "sql", theme="ansi_dark", background_color="default").highlight(sql)
    file = StringIO()
    console = Console(file=file, force_terminal=True, color_system="standard", highlight=False)
    console.print(text, soft_wrap=True, end="")
    return file.getvalue().rstrip("\n")


def _data(made: Plan, database: str) -> dict[str, Any]:
    return {
        "database": database,
        "needed": made.forecast.needed_bytes,
        "free": made.free_bytes,
        "rewritten": list(made.forecast.tables),
        "migrations": [
            {
                "version": planned.migration.version,
                "name": planned.migration.name,
                "file": planned.migration.path,
                "transaction": planned.migration.up.transactional,
                "statements": [
                    {"sql": each.sql, "line": each.line, "what": each.what}
                    for each in planned.statements
                ],
                "findings": [
                    {
                        "rule": each.rule,
                        "severity": each.severity,
                        "stops": each.stops,
                        "line": each.line,
                        "message": each.message,
                        "ignored": each.ignored,
                    }
                    for each in planned.findings
                ],
            }
            for planned in made.planned
        ],
    }
