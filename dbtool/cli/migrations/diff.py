"""`dbtool migrate diff`: what a database has that its schema.sql does not say."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dbtool.cli.context import Session, current
from dbtool.cli.migrations.schemafile import find_schema_file, load_schema
from dbtool.cli.migrations.wiring import FolderOption
from dbtool.cli.schemaview import schema_change_data, schema_line
from dbtool.cli.sources import failures_named, reading
from dbtool.cli.targets import DatabaseArgument
from dbtool.cli.views import brief, counted, pasted

if TYPE_CHECKING:
    from dbtool.core.schemadiff import SchemaChange

__all__ = ["EXAMPLES", "diff"]

EXAMPLES = """
dbtool migrate diff app.db                       # schema.sql against the database
dbtool migrate diff --check -q app.db            # exit code 4 where they differ
dbtool migrate diff --schema wanted.sql app.db   # another file
"""

_NO = 4
SchemaFileOption = Annotated[
    Path | None,
    typer.Option(
        "--schema", metavar="FILE", help="The schema file. [schema.sql, here or in migrations]"
    ),
]


def diff(
    context: typer.Context,
    db: DatabaseArgument = None,
    *,
    schema: SchemaFileOption = None,
    migrations: FolderOption = None,
    at: Annotated[
        str | None, typer.Option("--at", metavar="SNAPSHOT", help="Of a snapshot, or of a time.")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Exit with 4 where they differ.")] = False,
) -> int | None:
    """Compare schema.sql with the schema of the database: what came, went or changed.

    Definitions are compared by what they mean: layout, comments and quotes do not count. `+` stands
    in the database alone, `-` in the file alone.
    """
    from dbtool.core.schema import read_schema
    from dbtool.migrate.drift import schema_drift

    session = current(context)
    file = find_schema_file(session, schema, migrations)
    wanted = load_schema(file).schema()
    with reading(session, db, at) as source, failures_named(source):
        changes = schema_drift(wanted, read_schema(source.connection, "main"))
    if not (session.quiet and check):
        _show(session, changes, file, source.shown)
    return _NO if check and changes else None


def _show(session: Session, changes: tuple[SchemaChange, ...], file: Path, database: str) -> None:
    output = session.output
    listed = [schema_change_data(change) for change in changes]
    if output.format in ("csv", "tsv"):
        output.table("dbtool.migrate-diff/1", changes, listed, ())
        return
    data = {"database": database, "file": str(file), "changes": listed}
    heads = [("file", brief(file)), ("database", database)]
    end = counted(len(changes), "difference") if changes else "they are the same"
    if output.format != "table":
        output.report("dbtool.migrate-diff/1", data, heads)
        return
    output.report("dbtool.migrate-diff/1", data, heads, always=True)
    if changes:
        output.line()
    for change in changes:
        output.line(schema_line(change, color=session.color(1)))
    session.note(end)
    if changes:
        name = pasted(file)
        session.note(
            f"dbtool migrate new NAME --from-diff {name} DB      brings the database to the file",
            f"dbtool migrate dump --to {name} DB                 brings the file to the database",
        )
