"""`dbtool migrate`: schema changes that cannot lose rows. Its verbs are in `cli.migrations`."""

from __future__ import annotations

import typer

from dbtool.cli.command import CommandGroup, PlainCommand
from dbtool.cli.migrations import (
    adopt,
    diff,
    down,
    dump,
    lint,
    mend,
    new,
    plan,
    rehearse,
    status,
    up,
    verify,
)

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
dbtool migrate new add_orders      # writes the file of a new migration
dbtool migrate status app.db       # what is applied, what is pending
dbtool migrate rehearse app.db     # try it on a copy, with times and row counts
dbtool migrate up app.db           # apply what is pending
dbtool migrate down app.db         # undo the newest
""",
)

for _name, _verb, _examples in (
    ("new", new.new, new.EXAMPLES),
    ("status", status.status, status.EXAMPLES),
    ("plan", plan.plan, plan.EXAMPLES),
    ("rehearse", rehearse.rehearse, rehearse.EXAMPLES),
    ("up", up.up, up.EXAMPLES),
    ("down", down.down, down.DOWN_EXAMPLES),
    ("redo", down.redo, down.REDO_EXAMPLES),
    ("verify", verify.verify, verify.EXAMPLES),
    ("lint", lint.lint, lint.EXAMPLES),
    ("dump", dump.dump, dump.EXAMPLES),
    ("diff", diff.diff, diff.EXAMPLES),
    ("baseline", adopt.baseline, adopt.BASELINE_EXAMPLES),
    ("adopt", adopt.adopt, adopt.ADOPT_EXAMPLES),
    ("squash", mend.squash, mend.SQUASH_EXAMPLES),
    ("repair", mend.repair, mend.REPAIR_EXAMPLES),
):
    app.command(_name, cls=PlainCommand, epilog=_examples)(_verb)
