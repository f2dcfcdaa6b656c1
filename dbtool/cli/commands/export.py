"""`dbtool export`: rows out of a database or a snapshot, exact, in the format that is needed."""

from __future__ import annotations

from typing import Annotated

import typer

from dbtool.cli.command import PlainCommand, application
from dbtool.cli.context import current
from dbtool.cli.targets import NameOption

__all__ = ["app"]

app = application()

_EXAMPLES = """
dbtool export --to shop/ app.db                     # all of it: a folder with a manifest
dbtool export --table orders --to orders.csv app.db  # one table; the suffix says the format
dbtool export --table orders --as tsv app.db        # to standard output
dbtool export --query "SELECT * FROM orders" --to all.json.gz app.db  # what a query gives
dbtool export --at yesterday --to yesterday.sql.zst app.db  # a snapshot, as SQL
dbtool export --table users --table orders --to part.db app.db  # two tables as a database
dbtool export --subject users:42 --to ann.json app.db  # all that is known about one user
dbtool export --subject users:email=ann@example.com --dry-run app.db  # what that would be
"""


@app.command(cls=PlainCommand, epilog=_EXAMPLES)
def export(
    context: typer.Context,
    db: Annotated[
        str | None,
        typer.Argument(metavar="DB", help="Path of the database, or a name from dbtool.toml."),
    ] = None,
    *,
    tables: Annotated[
        list[str] | None,
        typer.Option("--table", metavar="TABLE", help="Only this table or view; may come again."),
    ] = None,
    query: Annotated[
        str | None,
        typer.Option("--query", metavar="SQL", help="The rows of one statement that reads."),
    ] = None,
    param: Annotated[
        list[str] | None,
        typer.Option("--param", metavar="NAME=VALUE", help="Value of :NAME, or 1=VALUE of ?."),
    ] = None,
    subject: Annotated[
        str | None,
        typer.Option(
            "--subject",
            metavar="TABLE:KEY",
            help="Everything about one row, along foreign keys; or TABLE:COLUMN=VALUE.",
        ),
    ] = None,
    detect: Annotated[
        bool,
        typer.Option("--detect-keys", help="With --subject: also keys that only names show."),
    ] = False,
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="PATH", help="File or folder. [standard output]"),
    ] = None,
    format_name: Annotated[
        str | None,
        typer.Option(
            "--as",
            metavar="FORMAT",
            help="One of json, ndjson, csv, tsv, sql, sqlite, parquet, markdown. [suffix]",
        ),
    ] = None,
    compress: Annotated[
        str | None,
        typer.Option("--compress", metavar="HOW", help="By gzip, zstd or none. [by the suffix]"),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(
            "--at",
            metavar="SNAPSHOT",
            help="Export a snapshot: the beginning of an id, latest, or a time.",
        ),
    ] = None,
    name: NameOption = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    dry_run: Annotated[
        bool, typer.Option("-n", "--dry-run", help="Only say which tables and rows it would be.")
    ] = False,
) -> None:
    """Export a database, tables or the rows of a query, with every value as it is.

    All rows are of one moment. A file appears when it is whole, and never replaces another without
    --force. A folder has one file for each table, schema.sql, and manifest.json with checksums; as
    NDJSON or JSON it holds all that the database holds. What a format cannot hold is said in a
    warning, and the exit code is 3.

    --subject takes one row, the rows that refer to it, those that refer to these, and so on; then
    whatever any of them refers to. Other rows that refer to the latter are not about the subject.
    """
    from dbtool.cli.transfer import exporting

    request = exporting.Request(
        tables=tuple(tables or ()),
        query=query,
        parameters=tuple(param or ()),
        subject=subject,
        detect=detect,
        dry_run=dry_run,
        to=to,
        format=format_name,
        compress=compress,
        force=force,
    )
    exporting.export(current(context), db, request, at=at, name=name)
