"""`dbtool shell`: APSW's SQL shell, on a connection that only reads."""

from __future__ import annotations

from typing import Annotated

import typer

from dbtool.cli.command import PlainCommand, application
from dbtool.cli.context import current
from dbtool.cli.sources import reading
from dbtool.cli.targets import DatabaseArgument, NameOption

__all__ = ["app"]

app = application()

_EXAMPLES = """
dbtool shell app.db                        # the live database, read-only
dbtool shell --at latest app.db            # the newest snapshot, straight from the repository
dbtool shell --at yesterday app.db < q.sql # statements from a file
"""


@app.command(cls=PlainCommand, epilog=_EXAMPLES)
def shell(
    context: typer.Context,
    db: DatabaseArgument = None,
    *,
    at: Annotated[
        str | None,
        typer.Option(
            "--at",
            metavar="SNAPSHOT",
            help="Open a snapshot: the beginning of an id, latest, or a time (the last before it).",
        ),
    ] = None,
    name: NameOption = None,
) -> None:
    """Open an SQL shell that reads: .tables, .schema, .mode and statements; .exit ends it.

    It is the shell of APSW, which is made like sqlite3. The connection cannot write, attach other
    databases or change settings of the file. Where standard input is no terminal, statements are
    read from it up to the first that fails; --format chooses how rows are shown.
    """
    session = current(context)
    with reading(session, db, at, name) as source:
        from dbtool.cli.reading_shell import interact

        code = interact(source, session.given_format)
    if code:
        raise typer.Exit(code)
