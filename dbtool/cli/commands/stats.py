"""`dbtool stats`: what is in a database, how it grows, who writes it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dbtool.cli.command import PlainCommand, application
from dbtool.cli.context import current
from dbtool.cli.targets import DatabaseArgument, NameOption
from dbtool.core.quantities import parse_duration
from dbtool.errors import UsageError

__all__ = ["app"]

app = application()

_EXAMPLES = """
dbtool stats app.db                                # what matters first, then every section
dbtool stats --section tables,indexes -v app.db    # all tables and indexes, SQLite's own too
dbtool stats --section map app.db                  # where in the file each table lies
dbtool stats --section growth --compare app.db     # and what grew between two snapshots
dbtool stats --section workload --trace app.log app.db  # the SQL of a traced application
dbtool stats --health --json app.db                # for a health endpoint; exit code 4 is "no"
dbtool stats --html report.html app.db             # one page to look at, or to send
dbtool stats --saved files,quotas vault.db         # saved statistics of dbtool.toml
"""


@app.command(cls=PlainCommand, epilog=_EXAMPLES)
def stats(
    context: typer.Context,
    db: DatabaseArgument = None,
    *,
    section: Annotated[
        list[str] | None,
        typer.Option(
            "--section",
            metavar="NAME,...",
            help="Only these: storage, tables, indexes, growth, workload, writes, backups, map.",
        ),
    ] = None,
    saved: Annotated[
        list[str] | None,
        typer.Option("--saved", metavar="NAME,...", help="Only these saved statistics, or all."),
    ] = None,
    health: Annotated[
        bool, typer.Option("--health", help="Say whether all is well; exit code 4 where not.")
    ] = False,
    trace: Annotated[
        Path | None,
        typer.Option("--trace", metavar="FILE", help="Log of a traced application."),
    ] = None,
    compare: Annotated[
        bool,
        typer.Option("--compare", help="Compare the tables of the oldest and newest snapshot."),
    ] = False,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write one page for a browser.")
    ] = None,
    svg: Annotated[
        Path | None, typer.Option("--svg", metavar="FILE", help="Write the map of its pages.")
    ] = None,
    timeout: Annotated[
        str | None,
        typer.Option("--timeout", metavar="TIME", help="Leave out what takes longer, as 5s."),
    ] = None,
    name: NameOption = None,
) -> int:
    """Report on a database: size, tables, indexes, growth, writes, backups; nothing is changed.

    What needs attention comes first, with the command to run next. Sizes of tables and indexes are
    those of their pages, rows are counted exactly by a look at every page: half a second for 500
    MB. What cannot be seen from outside is n/a, with the reason and how to get it.

    Saved statistics are queries of your own, as sections [stats.NAME] with `sql` and `description`
    in dbtool.toml. They are run read-only, for at most 5 s and 1000 rows each.

    With --health: integrity, foreign keys, backups and alerts, as a list of checks.

    Exit code 4: --health found something wrong. 3: parts could not be had, as of a database that is
    encrypted, locked or damaged, or within --timeout.
    """
    from dbtool.cli.stats.run import Request, run_stats

    try:
        timeout_s = None if timeout is None else parse_duration(timeout)
    except ValueError as error:
        raise UsageError("invalid-value", f"--timeout: {error}", hint="--timeout 5s") from error
    request = Request(
        sections=_words(section),
        saved=_words(saved),
        trace=trace,
        compare=compare,
        html=html,
        svg=svg,
        timeout_s=timeout_s,
        name=name,
    )
    session = current(context)
    if health:
        from dbtool.cli.stats.health import run_health

        return run_health(session, db, request)
    return run_stats(session, db, request)


def _words(given: list[str] | None) -> tuple[str, ...]:
    """Return the names of an option that may be repeated and may hold commas."""
    words = [word.strip() for each in given or () for word in each.split(",")]
    return tuple(dict.fromkeys(word for word in words if word))
