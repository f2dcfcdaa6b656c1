"""`dbtool import`: files into tables, every value as it was."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from dbtool.cli.command import PlainCommand, application
from dbtool.cli.context import current
from dbtool.cli.targets import DatabaseArgument
from dbtool.cli.transfer.folder import is_whole_export, run_folder
from dbtool.cli.transfer.importing import Asked, run_import
from dbtool.cli.transfer.sync import SyncAsked, require_no_sync_options, run_sync

__all__ = ["app"]

app = application()

_EXAMPLES = """
dbtool import people.csv app.db                       # into the table people
dbtool import events.ndjson.zst --table events app.db # compressed, into a table that has a name
dbtool import 'logs/*.json' --table logs app.db       # many files into one table; quote the pattern
dbtool import data/ app.db                            # each file of a folder into a table
dbtool import browser.json app.db                     # an IndexedDB database that Dexie exported
dbtool import people.csv -n app.db                    # only show the schema and the first rows
dbtool import people.csv --pk id --mode upsert app.db # new rows, and rows that changed
dbtool import people.csv --types zip=text --null NA app.db   # say what only you know
dbtool import orders.json --child-tables --pk id app.db      # lists become tables of their own
dbtool import people.csv --on-error quarantine app.db # keep bad records aside, with the reason
dbtool import events.ndjson --resume app.db           # go on after an interruption
dbtool import wallet.json --pk id --mode sync app.db  # again and again: new, changed, gone rows
dbtool import wallet.json --pk id --verify app.db     # compare only; exit code 4 where they differ
zcat dump.gz | dbtool import - --table dump app.db    # from standard input
"""


@app.command(cls=PlainCommand, epilog=_EXAMPLES)
def import_data(
    context: typer.Context,
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE", help="A file, a folder, a quoted pattern, or - for stdin."
        ),
    ],
    db: DatabaseArgument = None,
    *,
    table: Annotated[
        str | None,
        typer.Option("-t", "--table", metavar="NAME", help="Table. [each file's name]"),
    ] = None,
    form: Annotated[
        Literal["json", "ndjson", "csv", "tsv", "dexie", "sqlite", "sql"] | None,
        typer.Option(
            "--from",
            metavar="FORMAT",
            help="Format: json, ndjson, csv, tsv, dexie, sqlite, sql. [found out]",
        ),
    ] = None,
    types: Annotated[
        list[str] | None,
        typer.Option("--types", metavar="COLUMN=TYPE,...", help="Types that you choose yourself."),
    ] = None,
    pk: Annotated[
        str | None,
        typer.Option("--pk", metavar="COLUMN,...", help="Columns that name a row: primary key."),
    ] = None,
    mode: Annotated[
        Literal["insert", "upsert", "ignore", "replace", "sync"],
        typer.Option(
            "--mode",
            metavar="MODE",
            help="Rows that are there: insert, upsert, ignore, replace, sync.",
        ),
    ] = "insert",
    null: Annotated[
        list[str] | None,
        typer.Option("--null", metavar="TEXT", help="Text that stands for NULL. Repeatable."),
    ] = None,
    rename: Annotated[
        list[str] | None,
        typer.Option(
            "--map", metavar="OLD=NEW", help="Rename a column; OLD= leaves it out. Repeatable."
        ),
    ] = None,
    keep_json: Annotated[
        bool, typer.Option("--json-values", help="Nested values as JSON text. The default.")
    ] = False,
    flatten: Annotated[
        bool, typer.Option("--flatten", help="Nested objects as columns: address_city.")
    ] = False,
    child_tables: Annotated[
        bool, typer.Option("--child-tables", help="Lists as tables of their own; needs --pk.")
    ] = False,
    on_error: Annotated[
        Literal["abort", "skip", "quarantine"],
        typer.Option(
            "--on-error", metavar="WHAT", help="Bad records: abort, skip, quarantine. [abort]"
        ),
    ] = "abort",
    max_errors: Annotated[
        int | None,
        typer.Option("--max-errors", metavar="N", min=0, help="Stop after more bad records."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with an import that was interrupted.")
    ] = False,
    restart: Annotated[
        bool, typer.Option("--restart", help="Forget an interrupted import; its rows stay.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("-n", "--dry-run", help="Only show the schema and the first rows.")
    ] = False,
    report: Annotated[
        Path | None,
        typer.Option("--report", metavar="FILE", help="Write what was done to FILE, as JSON."),
    ] = None,
    no_snapshot: Annotated[
        bool, typer.Option("--no-snapshot", help="Take no snapshot before.")
    ] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Compare source and database; write nothing.")
    ] = False,
    no_delete: Annotated[
        bool, typer.Option("--no-delete", help="Keep rows that the source lacks, in --mode sync.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("-y", "--yes", help="Let --mode sync delete most of a table.")
    ] = False,
) -> int:
    """Import JSON, NDJSON, CSV, TSV and Dexie exports, gzip and zstd too; every value as it was.

    The source is read twice: for the types of its columns, then for its rows. A column of text
    becomes a number only where every value of it is written again exactly as it was; 007, +1, 1.0
    and what is too long for a number stay text. Dates stay the text that they are.

    Rows are written a block in one transaction, together with the place in the source: an import
    that was interrupted goes on with --resume, and no row is doubled or lost. The database is made
    where there is none. Where it has a repository, a snapshot is taken first.

    --mode sync makes the tables equal to the source, in one transaction: rows are added, changed
    and, unless --no-delete, deleted. It is run again while an old application still writes the
    source; --verify compares without writing. Both show what differs, table by table.

    A folder that dbtool export wrote, with its manifest, comes back whole: a new database, equal to
    the one exported, after every checksum was proven.

    Another SQLite database, or a dump of one in SQL, gives its tables with types, keys and indexes;
    a dump is run in a private database first.

    Text that stands for NULL must be said (--null ''), as nothing in CSV tells them apart. The
    default for nested values of JSON is JSON text in one column.
    """
    asked = Asked(
        source=source,
        table=table,
        form=form,
        types=tuple(types or ()),
        pk=pk,
        mode=mode,
        nulls=tuple(null or ()),
        renames=tuple(rename or ()),
        nesting=tuple(
            name
            for name, on in (
                ("json", keep_json),
                ("flatten", flatten),
                ("child-tables", child_tables),
            )
            if on
        ),
        on_error=on_error,
        max_errors=max_errors,
        resume=resume,
        restart=restart,
    )
    session = current(context)
    if is_whole_export(asked):
        require_no_sync_options(delete=not no_delete, yes=yes)
        run_folder(session, asked, db, report, single=dry_run or verify)
        return 0
    if verify or mode == "sync":
        how = SyncAsked(verify, dry_run, not no_snapshot, not no_delete, yes)
        return run_sync(session, asked, db, report, how)
    require_no_sync_options(delete=not no_delete, yes=yes)
    run_import(session, asked, db, report, dry_run=dry_run, snapshot=not no_snapshot)
    return 0
