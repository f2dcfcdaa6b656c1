"""Puts the dashboard together: databases, options, source; and runs it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbtool import config as configuration
from dbtool.cli.targets import choose, default_repository, require_path
from dbtool.core.connection import require_database
from dbtool.errors import UsageError

if TYPE_CHECKING:
    from dbtool.cli.context import Session
    from dbtool.cli.dashboard.looks import Looks
    from dbtool.cli.targets import Target
    from dbtool.monitor.alerts import AlertLimits
    from dbtool.tui.model import DatabaseRef, Options
    from dbtool.tui.source import Source

__all__ = [
    "databases_of",
    "live_source",
    "looks_of",
    "passed_on",
    "require_terminal",
    "run_live",
    "show_once",
]

_PASSED_ON = ("repo", "config", "password_file", "password_command", "limit_upload")
"""Global options that the commands behind the dashboard are given too."""


def databases_of(session: Session, argument: str | None) -> tuple[DatabaseRef, ...]:
    """Return the database that was named, or all that are configured.

    Raises:
        DbtoolError: the one that was named is not there, or no database.
    """
    names = list(session.config.databases)
    named = argument or configuration.environment().get("DBTOOL_DB")
    if named or len(names) < 2:  # noqa: PLR2004 - one is no fleet
        target = choose(session, argument)
        require_database(require_path(target))
        return (_ref(target),)
    return tuple(_ref(choose(session, name)) for name in names)


def _ref(target: Target) -> DatabaseRef:
    from dbtool.tui.model import DatabaseRef

    path = target.path or Path(target.repository)
    repository = target.repository or default_repository(path)
    word = target.name or str(path)
    return DatabaseRef(
        target.shown,
        str(path.resolve()),
        # A file whose name begins with a dash is no option of the commands behind.
        f"./{word}" if word.startswith("-") else word,
        repository,
        target.max_backup_age_s,
    )


def passed_on(session: Session) -> tuple[str, ...]:
    """Return the global options of this run as words for the commands that it starts."""
    words: list[str] = []
    for name in _PASSED_ON:
        value = session.given.get(name)
        if value is not None:
            words += [f"--{name.replace('_', '-')}", str(value)]
    return tuple(words)


def require_terminal(session: Session) -> None:
    """Refuse to draw where nothing shows it.

    Raises:
        UsageError: `terminal-missing`.
    """
    # Textual's driver for browsers needs no terminal.
    if configuration.environment().get("TEXTUAL_DRIVER") or (
        session.terminal(0) and session.terminal(1)
    ):
        return
    raise UsageError(
        "terminal-missing",
        "the dashboard needs a terminal",
        context="standard input or output is none, or TERM is dumb",
        hint="dbtool dashboard --once --json      the same as data\n"
        "dbtool stats      a report as text",
    )


@contextmanager
def live_source(session: Session, options: Options) -> Iterator[Source]:
    """Give what asks the commands and looks at the files; end its helpers afterwards."""
    from dbtool.tui.source import ChildSource

    looks = looks_of(session)
    try:
        yield ChildSource(options, looks.look, looks.past)
    finally:
        looks.close()


def looks_of(session: Session) -> Looks:
    """Return what looks at databases, with the limits and histories of the configuration."""
    from dbtool.cli.dashboard.looks import Looks
    from dbtool.cli.histories import history_of
    from dbtool.cli.monitor.samplers import limits_of
    from dbtool.core.clock import SystemClock

    def watch(database: DatabaseRef) -> tuple[Path, AlertLimits]:
        target = choose(session, database.word)
        return history_of(session, Path(database.path)), limits_of(session, target)

    return Looks(watch, SystemClock())


def run_live(
    session: Session, options: Options, source: Source, *, theme: str, record: Path | None
) -> int:
    """Run the dashboard on the terminal until it is left; return the exit code."""
    from dbtool.tui.app import DashboardApp, run_dashboard
    from dbtool.tui.recording import Recorder

    recorder = None
    if record is not None:
        source = recorder = Recorder(source, record, options.databases)
    folder = configuration.state_folder() / "jobs"
    app = DashboardApp(options, source, folder, theme=theme)
    try:
        code = run_dashboard(app)
    finally:
        if recorder is not None:
            recorder.close()
    for job in app.jobs.running:
        session.note(f"still running: {job.title} (process {job.pid}); its log is {job.log}")
    sys.stdout.flush()
    return code


def show_once(session: Session, options: Options, source: Source) -> int:
    """Write what the dashboard would show; return 4 where something is critical."""
    from dbtool.tui.line import SYMBOLS, Status
    from dbtool.tui.once import document, gather

    states = gather(source, options)
    data, status = document(states, source.now())
    lines = [
        (line["what"], f"{SYMBOLS[_status(line)]} {line['text']}")
        for database in data["databases"]
        for line in [{"what": "database", "status": "none", "text": database["path"]}]
        + database["health"]
    ]
    session.output.report("dbtool.dashboard/1", data, lines, always=True)
    return 4 if status is Status.CRIT else 0


def _status(line: dict[str, Any]) -> Any:
    from dbtool.tui.line import Status

    return Status.PLAIN if line["status"] == "none" else Status(line["status"])
