"""`dbtool query`: one SQL statement that reads, on the live database or on a snapshot."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dbtool.cli.command import PlainCommand, application
from dbtool.cli.context import Session, current
from dbtool.cli.parameters import parse_parameters
from dbtool.cli.resultset import write_rows
from dbtool.cli.sources import Source, reading
from dbtool.cli.targets import NameOption, choose
from dbtool.cli.views import brief
from dbtool.core.quantities import parse_duration
from dbtool.errors import Damaged, NotFound, StorageFailed, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import apsw

    from dbtool.core.query import QueryOptions
    from dbtool.errors import DbtoolError

__all__ = ["app"]

app = application()

_EXAMPLES = """
dbtool query "SELECT count(*) FROM orders" app.db   # on the live database
dbtool query "SELECT * FROM users WHERE id = :id" --param id=42 --at latest app.db   # one row
dbtool query "SELECT * FROM users" --at yesterday -o csv app.db  # a whole table as it was
dbtool query --file report.sql --json app.db        # from a file; - is standard input
dbtool query "SELECT count(*) FROM orders" --with-archives app.db   # with archived rows
dbtool query "PRAGMA table_info(users)" --at a1b2c3d4 app.db  # what the table looked like
"""


@app.command(cls=PlainCommand, epilog=_EXAMPLES)
def query(
    context: typer.Context,
    sql: Annotated[
        str | None,
        typer.Argument(metavar="SQL", help="One statement; left out with --file."),
    ] = None,
    db: Annotated[
        str | None,
        typer.Argument(metavar="DB", help="Path of the database, or a name from dbtool.toml."),
    ] = None,
    *,
    at: Annotated[
        str | None,
        typer.Option(
            "--at",
            metavar="SNAPSHOT",
            help="Ask a snapshot: the beginning of an id, latest, or a time (the last before it).",
        ),
    ] = None,
    param: Annotated[
        list[str] | None,
        typer.Option("--param", metavar="NAME=VALUE", help="Value of :NAME, or 1=VALUE of ?."),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("--file", metavar="FILE", help="Read the statement from FILE; - is stdin."),
    ] = None,
    timeout: Annotated[
        str | None, typer.Option("--timeout", metavar="TIME", help="Stop after this long, as 30s.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="N", min=0, help="Stop after N rows.")
    ] = None,
    name: NameOption = None,
    archives: Annotated[
        bool,
        typer.Option(
            "--with-archives", help="See tables and their archives ([retention.TABLE]) as one."
        ),
    ] = False,
) -> None:
    """Run one SQL statement that reads; what writes is refused.

    With --at the pages that the statement needs are read from the repository, each proven by its
    hash; nothing is restored. A value of --param is a number, NULL, x'0aff' or 'quoted text', and
    everything else is text as it stands. Rows are written as they come.
    """
    session = current(context)
    statement, argument = _statement(sql, db, file)
    options = _options(param, timeout, limit)
    if archives and at is not None:
        raise UsageError("usage", "--with-archives is for the live database, and excludes --at")
    with reading(session, argument, at, name) as source:
        from dbtool.core.query import run_query

        failed = source.failed
        if archives:
            failed = _attach_archives(session, source, argument)
        answer = run_query(source.connection, statement, options, failed=failed)
        columns = [column.name for column in answer.columns]
        _write(session, columns, answer.rows)
        if answer.truncated:
            session.note(f"stopped after {options.limit} rows; there are more")


def _attach_archives(
    session: Session, source: Source, argument: str | None
) -> Callable[[apsw.Error], DbtoolError]:
    """Let the source see its archives; return what names a failure of any of the files."""
    from dbtool.cli.optimize.retention import retention_rules
    from dbtool.optimize.retention.reading import with_archives

    rules = [
        rule for rule in retention_rules(session, choose(session, argument)) if rule.archive_to
    ]
    if not rules:
        raise UsageError(
            "no-archives",
            "no table of this database has archives",
            context="no [retention.TABLE] of the configuration has archive_to",
            hint="dbtool help configuration",
        )
    found = with_archives(source.connection, rules)
    session.detail(f"{len(found)} archives are read beside the database")

    def failed(error: apsw.Error) -> DbtoolError:
        named = source.failed(error)
        if not found or not isinstance(named, Damaged):
            return named
        return Damaged(
            "archive-damaged",
            "the database or one of its archives is damaged",
            context="SQLite does not say which of them: " + ", ".join(map(brief, found)),
            hint="dbtool verify FILE      for each of them",
        )

    return failed


def _statement(sql: str | None, db: str | None, file: Path | None) -> tuple[str, str | None]:
    """Return the SQL and the database; with a file the only argument is the database."""
    if file is None:
        if sql is None:
            raise UsageError(
                "missing-argument", "which statement? none was given", hint="dbtool query --help"
            )
        return sql, db
    if db is not None:
        raise UsageError(
            "usage", "a statement and --file exclude each other", hint="dbtool query --help"
        )
    return _from_file(file), sql


def _from_file(file: Path) -> str:
    try:
        data = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        return data.decode("utf-8-sig")
    except FileNotFoundError as error:
        raise NotFound("sql-file-not-found", f"there is no file {file}") from error
    except UnicodeDecodeError as error:
        raise UsageError("sql-file-not-text", f"{file} is not UTF-8 text") from error
    except OSError as error:
        message = f"cannot read {file}: {error.strerror}"
        raise StorageFailed("sql-file-unreadable", message) from error


def _options(param: list[str] | None, timeout: str | None, limit: int | None) -> QueryOptions:
    from dbtool.core.query import QueryOptions

    try:
        timeout_s = None if timeout is None else parse_duration(timeout)
    except ValueError as error:
        raise UsageError("invalid-value", f"--timeout: {error}") from error
    return QueryOptions(parse_parameters(param or ()), timeout_s, limit)


def _write(
    session: Session, columns: list[str], rows: Iterable[Sequence[int | float | str | bytes | None]]
) -> None:
    write_rows(
        columns,
        rows,
        session.format,
        schema="dbtool.query/1",
        warnings=session.warnings,
        width=session.width(),
        color=session.color(1),
    )
