"""`dbtool migrate down` and `redo`: the newest migrations undone, and applied again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from dbtool.cli.confirm import confirm
from dbtool.cli.context import Session, current
from dbtool.cli.migrations.view import show_run
from dbtool.cli.migrations.wiring import (
    AllowOption,
    FolderOption,
    NoSnapshotOption,
    WaitOption,
    Work,
    prepare,
    run_options,
)
from dbtool.cli.targets import DatabaseArgument
from dbtool.cli.views import counted

if TYPE_CHECKING:
    from dbtool.migrate.model import Migration
    from dbtool.migrate.options import RunOptions

__all__ = ["DOWN_EXAMPLES", "REDO_EXAMPLES", "down", "redo"]

DOWN_EXAMPLES = """
dbtool migrate down -n app.db              # what would be undone
dbtool migrate down app.db                 # undoes the newest, after asking
dbtool migrate down --to 0003 --yes app.db # everything above 0003; --to 0 undoes all
"""
REDO_EXAMPLES = """
dbtool migrate redo --yes app.db           # the newest, while it is being written
dbtool migrate redo --count 2 app.db       # the last two, after asking
"""

CountOption = Annotated[
    int | None, typer.Option("--count", metavar="N", min=1, help="The newest N. [1]")
]
YesOption = Annotated[bool, typer.Option("-y", "--yes", help="Undo without asking.")]
DryRunOption = Annotated[
    bool, typer.Option("-n", "--dry-run", help="Show what would be undone, and do nothing.")
]


def down(
    context: typer.Context,
    db: DatabaseArgument = None,
    *,
    migrations: FolderOption = None,
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="VERSION", help="The last that stays; 0: none does."),
    ] = None,
    count: CountOption = None,
    allow: AllowOption = None,
    wait: WaitOption = "60s",
    no_snapshot: NoSnapshotOption = False,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
) -> None:
    """Undo the newest migrations, each in one transaction, with a snapshot before.

    The way down is that of the file; where the file is gone or was edited, that which the history
    has kept. Guards hold as they do for `up`.
    """
    session = current(context)
    work = prepare(session, db, migrations)
    asked = (to, count)
    chosen = _plan(session, work, asked, word="undo")
    if chosen and not dry_run:
        confirm(session, f"undo {counted(len(chosen), 'migration')}", yes=yes)
    if not dry_run:
        _run(session, work, asked, chosen, (allow, wait, not no_snapshot), way="down")


def redo(
    context: typer.Context,
    db: DatabaseArgument = None,
    *,
    migrations: FolderOption = None,
    count: CountOption = None,
    allow: AllowOption = None,
    wait: WaitOption = "60s",
    no_snapshot: NoSnapshotOption = False,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
) -> None:
    """Undo the newest migrations and apply them again, from their files as they are now."""
    session = current(context)
    work = prepare(session, db, migrations)
    chosen = _plan(session, work, (None, count), word="redo")
    if chosen and not dry_run:
        confirm(session, f"undo {counted(len(chosen), 'migration')} and apply again", yes=yes)
    if not dry_run:
        settings = (allow, wait, not no_snapshot)
        _run(session, work, (None, count), chosen, settings, way="redo")


def _plan(
    session: Session, work: Work, asked: tuple[str | None, int | None], *, word: str
) -> tuple[Migration, ...]:
    """Show what is about to be undone."""
    from dbtool.migrate.opening import open_to_look
    from dbtool.migrate.options import RunOptions
    from dbtool.migrate.runner import choose_down
    from dbtool.migrate.standing import standing

    to, count = asked
    with open_to_look(work.path) as connection:
        state = standing(connection, work.migrations)
    chosen = choose_down(state, RunOptions(to=to, count=count))
    for migration in chosen:
        session.note(f"{word}  {migration.label}")
    return chosen


def _run(
    session: Session,
    work: Work,
    asked: tuple[str | None, int | None],
    chosen: tuple[Migration, ...],
    settings: tuple[list[str] | None, str, bool],
    *,
    way: str,
) -> None:
    from dbtool.migrate.opening import open_to_migrate
    from dbtool.migrate.runner import Runner

    allow, wait, snapshot = settings
    with session.work() as progress, open_to_migrate(work.path) as connection:
        options: RunOptions = run_options(
            session, work, progress, allow=allow, wait=wait, snapshot=snapshot
        )
        expected = tuple(migration.version for migration in chosen)
        options = replace(options, to=asked[0], count=asked[1], expected=expected)
        runner = Runner(connection, work.migrations, options, progress=progress)
        result = runner.down() if way == "down" else runner.redo()
    show_run(session, result, work.target.shown)
