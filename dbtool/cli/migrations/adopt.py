"""`dbtool migrate adopt` and `baseline`: an existing database gets a history."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from dbtool.cli.confirm import confirm
from dbtool.cli.context import Session, current
from dbtool.cli.migrations.wiring import FolderOption, Work, existing_path, folder_of, prepare
from dbtool.cli.targets import DatabaseArgument, choose
from dbtool.cli.views import brief, counted
from dbtool.errors import Refused, UsageError

if TYPE_CHECKING:
    import apsw

    from dbtool.migrate.history import Kind
    from dbtool.migrate.model import Migration

__all__ = ["ADOPT_EXAMPLES", "BASELINE_EXAMPLES", "adopt", "baseline"]

ADOPT_EXAMPLES = """
dbtool migrate adopt --from goose -n app.db          # what would count as applied
dbtool migrate adopt --from dbmate -m db/migrations app.db  # its files are read as they are
dbtool migrate adopt --from alembic app.db           # the schema becomes a first migration
"""
BASELINE_EXAMPLES = """
dbtool migrate baseline --to 0007 app.db   # what was done by hand up to here counts as applied
dbtool migrate baseline --write app.db     # the schema as it is becomes a first migration
"""

YesOption = Annotated[bool, typer.Option("-y", "--yes", help="Write without asking.")]
DryRunOption = Annotated[bool, typer.Option("-n", "--dry-run", help="Show it, and do nothing.")]


def adopt(
    context: typer.Context,
    db: DatabaseArgument = None,
    *,
    tool: Annotated[
        Literal["dbmate", "goose", "migrate", "sqlx", "alembic", "yoyo", "sqlite-utils"] | None,
        typer.Option(
            "--from", metavar="TOOL", help="Whose history; migrate is golang-migrate. [found]"
        ),
    ] = None,
    migrations: FolderOption = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
) -> None:
    """Take over the history of another tool: what it applied counts as applied.

    TOOL is dbmate, goose, migrate, sqlx, alembic, yoyo or sqlite-utils. Files of the first four are
    read as they are. The others have Python of their own: there the schema as it is becomes a first
    migration, 0001_baseline.sql, and new ones build on it. The tables of the tool stay.
    """
    from dbtool.migrate.adopt import matching, read_foreign
    from dbtool.migrate.opening import open_to_look

    session = current(context)
    target = choose(session, db)
    with open_to_look(existing_path(target)) as connection:
        chosen = tool or _only_tool(connection)
        foreign = read_foreign(connection, chosen)
    session.note(f"{chosen} has applied {counted(len(foreign.versions), 'version')}")
    if not foreign.reads_files:
        session.detail(f"the newest: {', '.join(foreign.versions[-3:])}")
        folder = folder_of(session, target, migrations)
        _write_baseline(session, existing_path(target), folder, (chosen, dry_run, yes))
        return
    work = prepare(session, db, migrations)
    _mark(session, work, matching(foreign, work.migrations), "adopted", (dry_run, yes))


def baseline(
    context: typer.Context,
    db: DatabaseArgument = None,
    *,
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="VERSION", help="The last that counts as applied."),
    ] = None,
    write: Annotated[
        bool, typer.Option("--write", help="Write the schema as it is into 0001_baseline.sql.")
    ] = False,
    migrations: FolderOption = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
) -> None:
    """Record migrations as applied without running them, for a database that has them already."""
    from dbtool.migrate.opening import open_to_look
    from dbtool.migrate.options import RunOptions
    from dbtool.migrate.runner import choose_up
    from dbtool.migrate.standing import standing

    session = current(context)
    if write == (to is not None):
        raise UsageError(
            "usage",
            "either --to VERSION or --write is needed",
            hint="dbtool migrate baseline --to VERSION DB\ndbtool migrate baseline --write DB",
        )
    if write:
        target = choose(session, db)
        folder = folder_of(session, target, migrations)
        _write_baseline(session, existing_path(target), folder, (None, dry_run, yes))
        return
    work = prepare(session, db, migrations)
    with open_to_look(work.path) as connection:
        chosen = choose_up(standing(connection, work.migrations), RunOptions(to=to))
    _mark(session, work, chosen, "baseline", (dry_run, yes))


def _only_tool(connection: apsw.Connection) -> str:
    from dbtool.migrate.adopt import TOOLS, tools_in

    found = tools_in(connection)
    if len(found) != 1:
        what = f"the database has those of {', '.join(found)}" if found else "none was found"
        raise UsageError(
            "history-ambiguous",
            f"whose history? {what}",
            hint=f"--from {'|'.join(found or TOOLS)}",
        )
    return found[0]


def _mark(
    session: Session,
    work: Work,
    chosen: tuple[Migration, ...],
    kind: Kind,
    how: tuple[bool, bool],
) -> None:
    from dbtool.migrate.bookkeeping import Books
    from dbtool.migrate.opening import open_to_migrate

    dry_run, yes = how
    session.note(*[f"applied  {migration.label}" for migration in chosen])
    marked = [migration.label for migration in chosen]
    if not dry_run and chosen:
        confirm(session, f"record {counted(len(chosen), 'migration')} as applied", yes=yes)
        with session.work() as progress, open_to_migrate(work.path) as connection:
            marked = Books(connection, progress=progress).mark(chosen, kind)
    data = {"database": work.target.shown, "recorded": marked, "kind": kind, "dry_run": dry_run}
    what = counted(len(marked), "migration")
    text = f"{what} would be recorded" if dry_run else f"{what} as applied, without running any"
    session.output.report("dbtool.migrate-record/1", data, [("recorded", text)])


def _write_baseline(
    session: Session, path: Path, folder: Path, how: tuple[str | None, bool, bool]
) -> None:
    """Write the schema as a first migration, and record it as applied."""
    from dbtool.migrate.adopt import baseline_text
    from dbtool.migrate.bookkeeping import Books
    from dbtool.migrate.discover import discover, read_migration
    from dbtool.migrate.newfile import write_migration
    from dbtool.migrate.opening import open_to_look, open_to_migrate

    tool, dry_run, yes = how
    if folder.is_dir() and discover(folder).migrations:
        raise Refused(
            "migrations-exist",
            f"{brief(folder)} has migrations already, so the schema cannot be the first one",
            hint="dbtool migrate baseline --to VERSION DB\nor name another folder with -m",
        )
    with open_to_look(path) as connection:
        text = baseline_text(connection, without=tool)
    file = folder / "0001_baseline.sql"
    kind: Kind = "adopted" if tool else "baseline"
    if not dry_run:
        confirm(session, f"write {brief(file)} and record it as applied", yes=yes)
        write_migration(folder, file.name, text)
        with session.work() as progress, open_to_migrate(path) as connection:
            Books(connection, progress=progress).mark([read_migration(file)], kind)
    data = {"file": file, "recorded": ["0001_baseline"], "kind": kind, "dry_run": dry_run}
    text = f"{brief(file)} {'would be written' if dry_run else 'written, and recorded as applied'}"
    session.output.report("dbtool.migrate-record/1", data, [("baseline", text)])
