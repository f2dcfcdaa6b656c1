"""`dbtool migrate dump`: the schema as text."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dbtool.cli.context import current
from dbtool.cli.sources import failures_named, reading
from dbtool.cli.targets import DatabaseArgument
from dbtool.cli.views import brief
from dbtool.cli.visible import Painted, visible_lines

__all__ = ["EXAMPLES", "dump"]

EXAMPLES = """
dbtool migrate dump app.db                   # the schema on standard output
dbtool migrate dump --to schema.sql app.db   # into the file that is committed with the code
dbtool migrate dump --at yesterday app.db    # as a snapshot has it
"""


def dump(
    context: typer.Context,
    db: DatabaseArgument = None,
    *,
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="FILE", help="Write it to FILE, over an older dump."),
    ] = None,
    at: Annotated[
        str | None, typer.Option("--at", metavar="SNAPSHOT", help="Of a snapshot, or of a time.")
    ] = None,
) -> None:
    """Write the schema in canonical form: the same schema always gives the same text.

    Tables by name, each with its indexes, then virtual tables, views and triggers. Loading the text
    into an empty database gives the schema again. The history of migrations is left out, and so is
    what SQLite and virtual tables make by themselves.
    """
    from dbtool.cli.migrations.dumpfile import write_dump
    from dbtool.migrate.dump import schema_sql

    session = current(context)
    with reading(session, db, at) as source, failures_named(source):
        text = schema_sql(source.connection)
    data: dict[str, object] = {"database": source.shown, "schema": text}
    if to is not None:
        changed = write_dump(to.expanduser(), text)
        word = "written" if changed else "is up to date"
        data |= {"file": str(to), "changed": changed}
        session.output.report("dbtool.migrate-dump/1", data, [("file", f"{brief(to)} {word}")])
        return
    if session.output.format == "table":
        session.output.line(Painted(visible_lines(text).rstrip("\n")))
        return
    session.output.report("dbtool.migrate-dump/1", data, [])
