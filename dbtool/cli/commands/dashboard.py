"""`dbtool dashboard`: a database's health at a glance, live, in the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import typer

from dbtool.cli.command import PlainCommand, application
from dbtool.cli.context import current
from dbtool.cli.targets import DatabaseArgument
from dbtool.errors import UsageError

if TYPE_CHECKING:
    from dbtool.cli.context import Session
    from dbtool.tui.model import Options
    from dbtool.tui.source import Source

__all__ = ["app"]

app = application()

_EXAMPLES = """
dbtool dashboard app.db                     # one database; nothing can be changed from there
dbtool dashboard                            # all that dbtool.toml names, the fleet first
dbtool dashboard --write app.db             # with actions that change the database
dbtool dashboard --record tuesday.rec app.db  # keep what is seen
dbtool dashboard --replay tuesday.rec       # and look at it again
dbtool dashboard --once --json app.db       # the same as data, for a program
dbtool dashboard --web app.db               # in a browser on this machine
"""
_LEAST_REFRESH_S = 0.2


class DashboardCommand(PlainCommand):
    """`--web` may stand alone."""

    optional_values: ClassVar[dict[str, str]] = {"--web": "127.0.0.1:8000"}


@app.command(cls=DashboardCommand, epilog=_EXAMPLES)
def dashboard(
    context: typer.Context,
    db: DatabaseArgument = None,
    *,
    write: Annotated[
        bool, typer.Option("--write", help="Allow actions that change the database or remove.")
    ] = False,
    refresh: Annotated[
        str, typer.Option("--refresh", metavar="TIME", help="From one look to the next.")
    ] = "2s",
    trace: Annotated[
        Path | None,
        typer.Option("--trace", metavar="FILE", help="Trace log of the application, for Queries."),
    ] = None,
    theme: Annotated[
        Literal["dark", "light"],
        typer.Option("--theme", metavar="NAME", help="Colours: dark or light. [dark]"),
    ] = "dark",
    record: Annotated[
        Path | None, typer.Option("--record", metavar="FILE", help="Keep what is seen in FILE.")
    ] = None,
    replay: Annotated[
        Path | None, typer.Option("--replay", metavar="FILE", help="Show a recording.")
    ] = None,
    web: Annotated[
        str | None,
        typer.Option(
            "--web", metavar="HOST:PORT", help="Serve it to browsers on this machine. [8000]"
        ),
    ] = None,
    once: Annotated[
        bool, typer.Option("--once", help="Print what would be shown, once; exit 4 if critical.")
    ] = False,
) -> int:
    """Show a database's health live: backups, storage, locks, queries, advice, events.

    It opens no database itself: it looks at files and locks from outside and asks the other
    commands. Without --write nothing can be changed or removed; taking a backup, proving it and
    restoring into a new file can always be started. Leaving does not end a job that runs. The key ?
    explains the others. NO_COLOR is kept to.
    """
    from dbtool.cli.dashboard.run import databases_of, live_source, passed_on
    from dbtool.tui.model import Options

    session = current(context)
    if replay is not None and (record is not None or db is not None):
        raise UsageError("usage", "a recording is shown as it is: no DB and no --record with it")
    refresh_s, look = _seconds(refresh), f"dbtool-{theme}"
    if replay is not None:
        from dbtool.tui.recording import open_recording

        recording = open_recording(replay)
        options = Options(recording.databases, refresh_s=refresh_s)
    else:
        words, log = passed_on(session), None if trace is None else str(trace)
        options = Options(databases_of(session, db), write, refresh_s, words, log)
    if web is not None:
        return _serve(session, options, web, _own_words(db, refresh, theme, replay))
    if replay is not None:
        return _show(session, options, recording, once=once, theme=look)
    with live_source(session, options) as source:
        return _show(session, options, source, once=once, theme=look, record=record)


def _show(
    session: Session,
    options: Options,
    source: Source,
    *,
    once: bool,
    theme: str,
    record: Path | None = None,
) -> int:
    from dbtool.cli.dashboard.run import require_terminal, run_live, show_once

    if once:
        return show_once(session, options, source)
    require_terminal(session)
    return run_live(session, options, source, theme=theme, record=record)


def _own_words(db: str | None, refresh: str, theme: str, replay: Path | None) -> list[str]:
    """Return the options of this command that its page is started with."""
    words = ["--refresh", refresh, "--theme", theme]
    words += ["--replay", str(replay)] if replay else []
    return [*words, *([db] if db else [])]


def _serve(session: Session, options: Options, address: str, words: list[str]) -> int:
    from dbtool.cli.dashboard.web import serve

    if options.write:
        raise UsageError(
            "usage",
            "--write and --web exclude each other",
            hint="what changes a database is started from a terminal",
        )
    title = " ".join(["dbtool", *(database.name for database in options.databases)])
    trace = ["--trace", options.trace] if options.trace else []
    serve(session, address, ["dashboard", *options.words, *trace, *words], title)
    return 0


def _seconds(text: str) -> float:
    from dbtool.core.quantities import parse_duration

    try:
        return max(parse_duration(text), _LEAST_REFRESH_S)
    except ValueError as error:
        raise UsageError("invalid-value", f"--refresh: {error}") from error
