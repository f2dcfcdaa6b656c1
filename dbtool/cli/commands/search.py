"""`dbtool search`: one box over every table of a database, or of a snapshot."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from dbtool.cli.command import PlainCommand, application
from dbtool.cli.context import current
from dbtool.cli.targets import NameOption

__all__ = ["app"]

app = application()

_EXAMPLES = """
dbtool search "annual report" app.db                # both words, in any column of any table
dbtool search "status:paid created>=2026-01 NOT draft" app.db  # columns, dates, not
dbtool search 'back* OR "hot spare"' --in posts.body --facet author app.db  # one column, counted
dbtool search 4711 --open --limit 1 app.db          # the whole row of the best match
dbtool search --mode regex '[0-9]{3}-[0-9]{4}' app.db  # a regular expression over every value
dbtool search invoice --at yesterday app.db         # in a snapshot
dbtool search report --saved files --filter client=acme app.db  # a saved search with a filter
dbtool search --index status app.db                 # how large the index is, how old
"""


@app.command(cls=PlainCommand, epilog=_EXAMPLES)
def search(
    context: typer.Context,
    query: Annotated[
        str | None,
        typer.Argument(
            metavar="QUERY", help="What to search for; left out with --index.", show_default=False
        ),
    ] = None,
    db: Annotated[
        str | None,
        typer.Argument(metavar="DB", help="Path of the database, or a name from dbtool.toml."),
    ] = None,
    *,
    places: Annotated[
        list[str] | None,
        typer.Option("--in", metavar="PLACE", help="Only here: a TABLE, TABLE.COLUMN or .COLUMN."),
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            "--where", metavar="SQL", help="Condition over the row, in SQL; all must hold."
        ),
    ] = None,
    mode: Annotated[
        Literal["word", "substring", "regex"],
        typer.Option("--mode", metavar="MODE", help="Find by word, substring or regex. [word]"),
    ] = "word",
    facet: Annotated[
        list[str] | None,
        typer.Option("--facet", metavar="COLUMN", help="Count the values of COLUMN, or `table`."),
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=0, max=10_000, help="Show N rows. [20]")
    ] = 20,
    offset: Annotated[
        int, typer.Option("--offset", metavar="N", min=0, max=100_000, help="Leave N out first.")
    ] = 0,
    count: Annotated[bool, typer.Option("--count", help="Only say how many rows match.")] = False,
    whole: Annotated[bool, typer.Option("--open", help="Show the whole rows.")] = False,
    saved: Annotated[
        str | None,
        typer.Option("--saved", metavar="NAME", help="Use the [search.NAME] of the configuration."),
    ] = None,
    filters: Annotated[
        list[str] | None,
        typer.Option("--filter", metavar="NAME=VALUE", help="Apply a filter of the saved search."),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(
            "--at", metavar="SNAPSHOT", help="Search a snapshot: the beginning of an id, or a time."
        ),
    ] = None,
    name: NameOption = None,
    index: Annotated[
        Literal["status", "build", "drop"] | None,
        typer.Option("--index", metavar="VERB", help="Instead: status, build or drop the index."),
    ] = None,
    substring: Annotated[
        bool,
        typer.Option("--substring", help="With --index build: for --mode substring too; larger."),
    ] = False,
    in_db: Annotated[
        bool,
        typer.Option("--in-db", help="Use or keep an index in the database itself, by triggers."),
    ] = False,
    no_refresh: Annotated[
        bool, typer.Option("--no-refresh", help="Answer from the index as it is, however old.")
    ] = False,
    no_index: Annotated[
        bool, typer.Option("--no-index", help="Read the rows; neither use nor build an index.")
    ] = False,
    timeout: Annotated[
        str | None, typer.Option("--timeout", metavar="TIME", help="Stop after this long, as 30s.")
    ] = None,
    yes: Annotated[
        bool, typer.Option("-y", "--yes", help="Do not ask before an index is built.")
    ] = False,
) -> None:
    """Search every table of a database for words, phrases, and rows with certain values.

    Words side by side must all occur in a row, whatever their case and accents. The language has
    phrases, prefixes*, -not, OR, column:word, comparisons and ranges; `dbtool help search-language`
    explains it. The index lies beside the database (DB.search.db) and is brought up to date by
    every search; the database is only read. Small databases are searched without one.
    """
    from dbtool.cli.search import index as searchindex
    from dbtool.cli.search import run as searching

    session = current(context)
    if index is not None:
        searchindex.manage(
            session,
            index,
            searchindex.only_database(query, db),
            substring=substring,
            in_db=in_db,
            yes=yes,
        )
        return
    request = searching.Request(
        mode=mode,
        places=tuple(places or ()),
        where=tuple(where or ()),
        facets=tuple(facet or ()),
        limit=0 if count else limit,
        offset=offset,
        counts=count,
        whole=whole,
        saved=saved,
        filters=tuple(filters or ()),
        timeout=timeout,
        refresh=not no_refresh,
        use_index=not no_index,
        in_db=in_db,
        yes=yes,
    )
    text, argument = searching.query_and_database(session, query, db, request)
    searching.search(session, text, argument, request, at=at, name=name)
