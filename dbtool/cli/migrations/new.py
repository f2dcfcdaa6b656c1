"""`dbtool migrate new`: the file of a new migration, blank or written from a schema.sql."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dbtool.cli.context import Session, current
from dbtool.cli.migrations.schemafile import load_schema
from dbtool.cli.migrations.wiring import FolderOption, folder_of
from dbtool.cli.targets import DatabaseArgument, Target, optional_database
from dbtool.cli.views import brief, counted, pasted
from dbtool.cli.visible import Painted, visible_lines
from dbtool.errors import NotFound

if TYPE_CHECKING:
    from dbtool.migrate.fromdiff import SchemaWay
    from dbtool.migrate.model import Migration
    from dbtool.migrate.replica import Replica

__all__ = ["EXAMPLES", "new"]

EXAMPLES = """
dbtool migrate new add_orders                               # blank, with a way up and a way down
dbtool migrate new add_orders --from-diff schema.sql app.db # what leads from app.db to schema.sql
dbtool migrate new add_orders --from-diff schema.sql -n app.db  # only shown
dbtool migrate new first --from-diff schema.sql             # from what the migrations make so far
"""


def new(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it does, in a few words.")],
    db: DatabaseArgument = None,
    *,
    from_diff: Annotated[
        Path | None,
        typer.Option("--from-diff", metavar="FILE", help="Write what leads to this schema.sql."),
    ] = None,
    migrations: FolderOption = None,
    dry_run: Annotated[
        bool, typer.Option("-n", "--dry-run", help="Show the text, and write no file.")
    ] = False,
) -> None:
    """Write the file of a new migration; its version follows those that there are.

    With --from-diff, its two ways are written: from the schema of the database, with the migrations
    that are pending, to the schema file, and back. ALTER TABLE where SQLite can do it on a table
    with rows, a rebuild where it cannot. The way is tried in memory first. Without a database, it
    begins at what the migrations of the folder make of an empty one.
    """
    from dbtool.migrate.newfile import blank_text, file_name, next_version, write_migration

    session = current(context)
    target = optional_database(session, db)
    folder = folder_of(session, target, migrations)
    known = _known(folder)
    text, way = blank_text(), None
    if from_diff is not None:
        text, way = _written(session, target, known, from_diff.expanduser())
        if not text:
            session.output.report(
                "dbtool.migrate-new/1", _data(None, way), [("migration", "none: nothing differs")]
            )
            return
    file = file_name(next_version(known, datetime.now(UTC)), name)
    if dry_run:
        _show_text(session, folder / file, text, way)
        return
    path = write_migration(folder, file, text)
    lines = [("written", brief(path)), *_losses(way)]
    lines.append(("next", _next(target, path, written=way is not None)))
    session.output.report("dbtool.migrate-new/1", _data(path, way), lines)


def _next(target: Target | None, path: Path, *, written: bool) -> str:
    if not written:
        return f"edit {brief(path)}"
    database = f" {pasted(brief(target.path))}" if target is not None and target.path else ""
    return f"dbtool migrate lint{database}"


def _known(folder: Path) -> tuple[Migration, ...]:
    from dbtool.migrate.discover import discover

    try:
        return discover(folder).migrations
    except NotFound as error:
        if error.code != "migrations-not-found" or folder.exists():
            raise
        return ()


def _written(
    session: Session, target: Target | None, known: tuple[Migration, ...], file: Path
) -> tuple[str, SchemaWay]:
    from dbtool.migrate.fromdiff import way_between
    from dbtool.migrate.newfile import text_of_ways
    from dbtool.migrate.projected import require_way

    wanted = load_schema(file)
    start = _start(session, target, known)
    back = start.copy()
    up = way_between(start.copy(), wanted)
    if not up.parts:
        return "", up
    text = text_of_ways(up, way_between(load_schema(file), back))
    require_way(text, start, wanted)
    return text, up


def _start(session: Session, target: Target | None, known: tuple[Migration, ...]) -> Replica:
    """Return the schema that the new migration will meet."""
    from dbtool.migrate.opening import open_to_look
    from dbtool.migrate.projected import project
    from dbtool.migrate.replica import Replica
    from dbtool.migrate.standing import standing

    if target is None or target.path is None:
        replica, pending = Replica(), known
    else:
        with open_to_look(target.path) as connection:
            replica = Replica.of(connection)
            pending = standing(connection, known).pending
        if pending:
            session.note(
                f"{counted(len(pending), 'migration')} pending: the new one comes after them"
            )
    project(replica, pending)
    return replica


def _losses(way: SchemaWay | None) -> list[tuple[str, str]]:
    if way is None:
        return []
    lines = [("loses", loss) for loss in way.losses]
    return lines + [
        ("edit", f"{column} is NOT NULL: say what old rows have there, with -- dbtool:map")
        for column in way.unfilled
    ]


def _show_text(session: Session, path: Path, text: str, way: SchemaWay | None) -> None:
    if session.output.format == "table":
        session.note(f"{brief(path)} would be:")
        session.output.line(Painted(visible_lines(text).rstrip("\n")))
        return
    data = _data(path, way) | {"written": False, "text": text}
    session.output.report("dbtool.migrate-new/1", data, [])


def _data(path: Path | None, way: SchemaWay | None) -> dict[str, object]:
    return {
        "file": path,
        "written": path is not None,
        "losses": way.losses if way else [],
        "unfilled": way.unfilled if way else [],
    }
