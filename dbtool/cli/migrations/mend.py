"""`dbtool migrate repair` and `squash`: the history corrected, the folder made shorter."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dbtool.cli.confirm import confirm
from dbtool.cli.context import Session, current
from dbtool.cli.migrations.wiring import FolderOption, Work, prepare
from dbtool.cli.targets import DatabaseArgument
from dbtool.cli.views import brief, counted
from dbtool.core.atomicfile import failures_named
from dbtool.errors import CheckFailed

if TYPE_CHECKING:
    from dbtool.migrate.model import Migration
    from dbtool.migrate.squash import Squashed

__all__ = ["REPAIR_EXAMPLES", "SQUASH_EXAMPLES", "repair", "squash"]

REPAIR_EXAMPLES = """
dbtool migrate repair -n app.db              # what would be corrected
dbtool migrate repair app.db                 # takes edited files, and the schema as it is
dbtool migrate repair --forget 0009 app.db   # as if 0009 had never been applied
"""
SQUASH_EXAMPLES = """
dbtool migrate squash -n app.db              # the migration that would replace all applied ones
dbtool migrate squash --to 0020 --name base app.db  # the first twenty become 0020_base.sql
"""

ARCHIVE = "squashed"

YesOption = Annotated[bool, typer.Option("-y", "--yes", help="Write without asking.")]
DryRunOption = Annotated[bool, typer.Option("-n", "--dry-run", help="Show it, and do nothing.")]


def repair(
    context: typer.Context,
    db: DatabaseArgument = None,
    *,
    forget: Annotated[
        list[str] | None,
        typer.Option("--forget", metavar="VERSION", help="Forget it, without undoing it."),
    ] = None,
    migrations: FolderOption = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
) -> None:
    """Correct the history: take edited files as what was applied, and the schema as it is.

    Nothing but the history is written. A version whose file is gone for good is named by --forget;
    its changes stay in the database.
    """
    from dbtool.migrate.bookkeeping import Books, corrections
    from dbtool.migrate.opening import open_to_look, open_to_migrate
    from dbtool.migrate.standing import standing

    session = current(context)
    work = prepare(session, db, migrations)
    drop = forget or []
    with open_to_look(work.path) as connection:
        found = corrections(standing(connection, work.migrations), drop)
    session.note(*[f"{what}: {done}" for what, done in found])
    if found and not dry_run:
        confirm(session, f"make {counted(len(found), 'correction')}", yes=yes)
        with session.work() as progress, open_to_migrate(work.path) as connection:
            found = Books(connection, progress=progress).repair(work.migrations, drop=drop)
    data = {
        "database": work.target.shown,
        "corrections": [{"what": what, "done": done} for what, done in found],
        "dry_run": dry_run,
    }
    text = counted(len(found), "correction") if found else "nothing: all fits together"
    label = "would make" if dry_run and found else "corrected"
    session.output.report("dbtool.migrate-repair/1", data, [(label, text)])


def squash(
    context: typer.Context,
    db: DatabaseArgument = None,
    *,
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="VERSION", help="The last to be squashed. [newest applied]"),
    ] = None,
    name: Annotated[
        str, typer.Option("--name", metavar="NAME", help="Name of the new one. [squashed]")
    ] = "squashed",
    migrations: FolderOption = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
) -> None:
    """Make one migration of the first ones: the schema that they leave, and the rows they put in.

    It is proven on an empty database that both ways make the same. The old files go into
    migrations/squashed/. A database that has had all of them takes the new one as applied at its
    next `up`; one that has had only some is told to apply the others first.
    """
    from dbtool.migrate.squash import squash as make

    session = current(context)
    work = prepare(session, db, migrations)
    chosen = _chosen(work, to)
    with session.work() as progress:
        made = make(chosen, name, progress=progress)
    session.note(*[f"replaces  {migration.path.name}" for migration in made.replaces])
    if dry_run:
        session.note(*made.text.splitlines())
    else:
        action = f"write {brief(made.path)}, and move {counted(len(chosen), 'file')} away"
        confirm(session, action, yes=yes)
        _write(made)
        _settle(session, work)
    data = {
        "file": made.path,
        "replaces": [migration.version for migration in made.replaces],
        "text": made.text,
        "dry_run": dry_run,
    }
    text = f"{counted(len(chosen), 'migration')} into {brief(made.path)}"
    session.output.report(
        "dbtool.migrate-squash/1", data, [("would squash" if dry_run else "squashed", text)]
    )


def _chosen(work: Work, to: str | None) -> tuple[Migration, ...]:
    """Return what is squashed; all of it is applied, so that the database can go on."""
    from dbtool.migrate.fitting import require_fitting
    from dbtool.migrate.opening import open_to_look
    from dbtool.migrate.runner import find_order
    from dbtool.migrate.standing import standing

    with open_to_look(work.path) as connection:
        state = standing(connection, work.migrations)
    require_fitting(state, frozenset())
    newest = max((applied.order for applied in state.applied), default=-1)
    limit = newest if to is None else find_order(state, to)
    if limit > newest:
        raise CheckFailed(
            "squash-pending",
            f"{to} is not applied to {work.target.shown}",
            hint="dbtool migrate up DB      first, or squash less",
        )
    return tuple(migration for migration in work.migrations if migration.order <= limit)


def _write(made: Squashed) -> None:
    """Put the new file in the place of the old ones, which move into a folder."""
    archive = made.path.parent / ARCHIVE
    with failures_named("write", archive):
        archive.mkdir(exist_ok=True)
    fresh = made.path.with_name(f".{made.path.name}.new")
    with failures_named("write", fresh):
        fresh.write_text(made.text, encoding="utf-8")
        for migration in made.replaces:
            for path in _files(migration):
                os.replace(path, archive / path.name)  # noqa: PTH105  over an older one of its name
        os.replace(fresh, made.path)  # noqa: PTH105  last: until then nothing is lost


def _files(migration: Migration) -> list[Path]:
    return [migration.path, *([migration.down_path] if migration.down_path else [])]


def _settle(session: Session, work: Work) -> None:
    from dbtool.migrate.bookkeeping import Books
    from dbtool.migrate.discover import discover
    from dbtool.migrate.opening import open_to_migrate

    found = discover(work.folder).migrations
    with session.work() as progress, open_to_migrate(work.path) as connection:
        Books(connection, progress=progress).settle(found)
