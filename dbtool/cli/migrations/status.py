"""`dbtool migrate status`: what is applied, what is pending, what does not fit together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from dbtool.cli.context import Session, current
from dbtool.cli.migrations.view import show_standing
from dbtool.cli.migrations.wiring import FolderOption, prepare
from dbtool.cli.targets import DatabaseArgument
from dbtool.cli.views import counted

if TYPE_CHECKING:
    from dbtool.migrate.standing import Standing

__all__ = ["EXAMPLES", "CheckOption", "status", "troubles"]

EXAMPLES = """
dbtool migrate status app.db            # every migration, and whether it is applied
dbtool migrate status --check -q app.db # exit code 4 where anything is pending or has drifted
dbtool migrate status --json app.db     # for programs
"""

CheckOption = Annotated[
    bool,
    typer.Option("--check", help="Exit with 4 where anything is pending, edited or has drifted."),
]
_NO = 4


def status(
    context: typer.Context,
    db: DatabaseArgument = None,
    *,
    migrations: FolderOption = None,
    check: CheckOption = False,
) -> int | None:
    """Compare the migrations of the folder with what the database has had; writes nothing."""
    from dbtool.migrate.opening import open_to_look
    from dbtool.migrate.standing import standing

    session = current(context)
    work = prepare(session, db, migrations)
    with open_to_look(work.path) as connection:
        state = standing(connection, work.migrations)
    if not (session.quiet and check):
        show_standing(session, state, work.target.shown)
    found = troubles(state)
    _tell(session, state, found)
    return _NO if check and found else None


def troubles(state: Standing) -> list[str]:
    """Return what keeps a database from being up to date, for people."""
    found = []
    if state.pending:
        found.append(f"{counted(len(state.pending), 'migration')} pending")
    late = state.of("late")
    if late:
        found.append(f"{late[0].label} is older than what is applied")
    found += [f"{each.label} was edited after it was applied" for each in state.of("edited")]
    found += [f"the file of {each.label} is gone" for each in state.of("missing")]
    if state.drifted:
        found.append("the schema was changed by something else since: dbtool migrate diff")
    return found


def _tell(session: Session, state: Standing, found: list[str]) -> None:
    if not state.entries:
        session.note("there are no migrations yet: dbtool migrate new NAME")
    elif not found:
        session.note("up to date")
    for each in state.of("respaced"):
        session.detail(f"{each.label}: only remarks or white space were edited")
    session.note(*found)
