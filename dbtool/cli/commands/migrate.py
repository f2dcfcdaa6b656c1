"""`dbtool migrate`: schema changes that cannot lose rows. Its verbs are in `cli.migrations`."""

from __future__ import annotations

import typer

from dbtool.cli.command import CommandGroup, PlainCommand
from dbtool.cli.migrations import diff, down, dump, lint, new, status, up

__all__ = ["app"]

app = typer.Typer(
    cls=CommandGroup,
    help="""Change the schema of a database, by migrations that cannot lose rows.

    Migrations are files of SQL in a folder, `migrations` unless another is named. Each is applied
    once, in one transaction, behind a snapshot; its text is kept in the database, so that it can be
    undone after its file is gone. Files of dbmate, goose, sqlx and golang-migrate are read as they
    are.
    """,
    add_completion=False,
    rich_markup_mode=None,
    epilog="""
dbtool migrate status app.db       # what is applied, what is pending
dbtool migrate up app.db           # apply what is pending
dbtool migrate down app.db         # undo the newest
""",
)

for _name, _verb, _examples in (
    ("new", new.new, new.EXAMPLES),
    ("status", status.status, status.EXAMPLES),
    ("up", up.up, up.EXAMPLES),
    ("down", down.down, down.DOWN_EXAMPLES),
    ("redo", down.redo, down.REDO_EXAMPLES),
    ("lint", lint.lint, lint.EXAMPLES),
    ("dump", dump.dump, dump.EXAMPLES),
    ("diff", diff.diff, diff.EXAMPLES),
):
    app.command(_name, cls=PlainCommand, epilog=_examples)(_verb)
