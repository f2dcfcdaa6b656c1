"""`dbtool migrate up`: what is pending is applied, or all of it rolled back."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from dbtool.cli.context import current
from dbtool.cli.migrations.view import show_run
from dbtool.cli.migrations.wiring import (
    AllowOption,
    FolderOption,
    NoSnapshotOption,
    QuickCheckOption,
    WaitOption,
    existing_path,
    folder_of,
    prepare,
    run_options,
)
from dbtool.cli.targets import DatabaseArgument, choose

__all__ = ["EXAMPLES", "up"]

EXAMPLES = """
dbtool migrate up app.db                         # everything that is pending
dbtool migrate up --to 0007 app.db               # up to that version
dbtool migrate up --count 1 --no-snapshot app.db # the next one, without a snapshot before
dbtool migrate up --allow drop-table app.db      # although it drops a table
dbtool migrate up -q app.db                      # at every start of an application
"""


def up(
    context: typer.Context,
    db: DatabaseArgument = None,
    *,
    migrations: FolderOption = None,
    to: Annotated[
        str | None, typer.Option("--to", metavar="VERSION", help="The last to be applied.")
    ] = None,
    count: Annotated[
        int | None, typer.Option("--count", metavar="N", min=1, help="Apply the next N.")
    ] = None,
    allow: AllowOption = None,
    wait: WaitOption = "60s",
    no_snapshot: NoSnapshotOption = False,
    no_quick_check: QuickCheckOption = False,
) -> None:
    """Apply pending migrations, each in one transaction: all of it, or nothing.

    Before the first change, where something is pending: the files are compared with what was
    applied, the migrations are tried on an empty replica of the schema and judged by the rules of
    `migrate lint`, damage is looked for, and one snapshot is taken into the repository. Nothing
    commits that loses rows of a table it does not delete from, leaves rows that refer to nothing,
    or breaks a view or a trigger. Any number of processes may do this at once: one works, the
    others wait.
    """
    from dbtool.migrate.current import current_version
    from dbtool.migrate.opening import open_to_migrate
    from dbtool.migrate.options import RunResult

    session = current(context)
    target = choose(session, db)
    folder = folder_of(session, target, migrations)
    with session.work() as progress, open_to_migrate(existing_path(target)) as connection:
        version = current_version(connection, folder) if to is None and not allow else None
        if version is not None:
            show_run(session, RunResult((), version, 0), target.shown)
            return
        # The long way; at most starts of an application there is nothing to do.
        from dbtool.migrate.runner import Runner

        work = prepare(session, db, migrations)
        options = run_options(
            session,
            work,
            progress,
            allow=allow,
            wait=wait,
            snapshot=not no_snapshot,
            quick_check=not no_quick_check,
        )
        options = replace(options, to=to, count=count)
        result = Runner(connection, work.migrations, options, progress=progress).up()
    show_run(session, result, work.target.shown)
