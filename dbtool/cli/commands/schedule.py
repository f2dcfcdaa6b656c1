"""`dbtool schedule`: the timer of the nightly job."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dbtool.cli.command import CommandGroup, PlainCommand
from dbtool.cli.context import Session, current
from dbtool.cli.policies import retention_of
from dbtool.cli.targets import DatabaseArgument, Target, choose, require_path
from dbtool.cli.views import brief
from dbtool.config import config_folder, environment, user_file
from dbtool.errors import NotFound, UsageError

if TYPE_CHECKING:
    from dbtool.schedule.systemd import Systemd, TimerState
    from dbtool.schedule.units import Plan

__all__ = ["app"]

_RANDOM_DELAY_S = 900
"""For jobs that run once a day or less."""
_DAY_S = 86400

app = typer.Typer(
    cls=CommandGroup,
    help="Install, show and remove the timer of the nightly job.",
    add_completion=False,
    rich_markup_mode=None,
    epilog="""
dbtool schedule install app.db                     # every night at 02:30
dbtool schedule install --at "every 15m" app.db    # four times an hour
dbtool schedule install --print app.db             # only show what would be installed
dbtool schedule show app.db                        # when it ran, and when it will
""",
)

_Systemd = Annotated[
    bool, typer.Option("--systemd", help="A systemd timer. [where systemd runs the system]")
]
_Cron = Annotated[bool, typer.Option("--cron", help="A line in the crontab. [elsewhere]")]


@app.command(
    cls=PlainCommand,
    epilog="""
dbtool schedule install app.db                      # every night at 02:30
dbtool schedule install --at "sun 04:00" app.db     # once a week
dbtool schedule install --cron --at hourly app.db   # by cron instead of systemd
dbtool schedule install --follow app.db             # back up continuously, from the start on
dbtool schedule install --print app.db              # the units, for your own deployment
""",
)
def install(
    context: typer.Context,
    db: DatabaseArgument = None,
    *,
    at: Annotated[
        str,
        typer.Option(
            "--at",
            metavar="WHEN",
            help='Such as "daily 02:30", "sun 03:00", "every 6h" or "every 15m", local time.',
        ),
    ] = "daily 02:30",
    follow: Annotated[
        bool,
        typer.Option("--follow", help="A service that runs `dbtool follow` instead of a timer."),
    ] = False,
    systemd: _Systemd = False,
    cron: _Cron = False,
    print_only: Annotated[
        bool, typer.Option("--print", help="Print what would be installed, and install nothing.")
    ] = False,
) -> None:
    """Install the timer that runs `dbtool run` for a database; again replaces it.

    Root installs a system timer that runs as the owner of the database, anyone else a timer of
    their own. A run that was missed is made up for by systemd, not by cron. Where the job is
    killed, systemd runs the hooks and pings of a failure.

    With --follow it is a service that backs the database up continuously, started with the machine
    (or with the user's session) and again where it fails. Both may be installed.
    """
    session = current(context)
    target = choose(session, db)
    by_cron = _by_cron(systemd=systemd or follow, cron=cron)
    if follow and by_cron:
        raise UsageError("usage", "--follow and --cron exclude each other")
    plan = _plan(session, target, at, by_cron=by_cron, continuous=follow)
    if print_only:
        _print(session, plan, by_cron=by_cron)
        return
    if by_cron:
        from dbtool.schedule import cron as crontab

        crontab.install(plan)
    else:
        _manager().install(plan)
        _require_linger(session)
    _show(session, target, _states(target, by_cron=by_cron))
    if not follow:
        _tell_of_retention(session, target)


@app.command(cls=PlainCommand, epilog="dbtool schedule show app.db   # systemd's or cron's")
def show(context: typer.Context, db: DatabaseArgument = None) -> None:
    """Show the timer of a database: when it runs, when it ran, how that ended."""
    session = current(context)
    target = choose(session, db)
    states = [state for by_cron in (False, True) for state in _found(target, by_cron=by_cron)]
    if not states:
        raise _nothing(target)
    _show(session, target, states)


@app.command(cls=PlainCommand, epilog="dbtool schedule remove app.db   # no more nightly job")
def remove(context: typer.Context, db: DatabaseArgument = None) -> None:
    """Remove the timer of a database; snapshots and repository stay."""
    from dbtool.schedule import cron as crontab

    session = current(context)
    target = choose(session, db)
    gone: list[str] = []
    if _found(target, by_cron=False):
        gone += [str(path) for path in _manager().remove(_database(target))]
    if _found(target, by_cron=True) and crontab.remove(_database(target)):
        gone.append("the line in the crontab")
    if not gone:
        raise _nothing(target)
    lines = [("removed" if place == gone[0] else "", place) for place in gone]
    session.output.report("dbtool.schedule-removed/1", {"removed": gone}, lines)


def _by_cron(*, systemd: bool, cron: bool) -> bool:
    from dbtool.schedule.systemd import Systemd

    if systemd and cron:
        raise UsageError("usage", "--systemd and --cron exclude each other")
    return cron or not (systemd or Systemd.is_running())


def _manager() -> Systemd:
    from dbtool.schedule.systemd import Systemd

    return Systemd.of_system() if os.geteuid() == 0 else Systemd.of_user(config_folder())


def _database(target: Target) -> Path:
    return require_path(target).resolve()


def _plan(session: Session, target: Target, at: str, *, by_cron: bool, continuous: bool) -> Plan:
    from dbtool.core.connection import require_database
    from dbtool.schedule.timespec import TimeSpec
    from dbtool.schedule.units import Plan

    when = TimeSpec.parse(at)
    database = require_database(_database(target))
    verb = "follow" if continuous else "run"
    job = (*_program(), verb, "--quiet", *_options(session, target), *_last(target))
    return Plan(
        database=database,
        name=target.shown,
        when=when,
        command=job,
        on_failure=(*job[:-1], "--report-failure", job[-1]),
        folder=database.parent,
        random_delay_s=_RANDOM_DELAY_S if when.period_s >= _DAY_S else 0,
        continuous=continuous,
        user=None if by_cron else _owner(database),
    )


def _program() -> tuple[str, ...]:
    """Return how this dbtool is called again, whatever the PATH of a timer is."""
    script = Path(sys.executable).with_name("dbtool")
    return (str(script),) if script.is_file() else (sys.executable, "-m", "dbtool")


def _options(session: Session, target: Target) -> list[str]:
    """Return the options that give the job what this call has, with absolute paths.

    A timer has another folder and another environment than the shell that installs it.
    """
    words: list[str] = []
    project = next((file for file in session.config.files if file != user_file()), None)
    if project is not None:
        words += ["--config", str(project.absolute())]
    if _from_environment(session, "repo", "DBTOOL_REPO") is not None:
        place = target.repository
        words += ["--repo", place if "://" in place else str(Path(place).absolute())]
    file = _from_environment(session, "password_file", "DBTOOL_PASSWORD_FILE")
    if file is not None:
        words += ["--password-file", str(Path(file).expanduser().absolute())]
    command = _from_environment(session, "password_command", "DBTOOL_PASSWORD_COMMAND")
    if command is not None:
        words += ["--password-command", command]
    if "DBTOOL_PASSWORD" in environment() and file is None and command is None:
        session.warn("the timer does not have DBTOOL_PASSWORD; it needs a --password-file")
    return words


def _from_environment(session: Session, option: str, variable: str) -> str | None:
    value = session.given.get(option) or environment().get(variable)
    return str(value) if value else None


def _last(target: Target) -> tuple[str]:
    return (target.name or str(_database(target)),)


def _owner(database: Path) -> str | None:
    """Return who runs a system unit: the owner of the database, so that no file becomes root's."""
    owner = database.stat().st_uid
    if os.geteuid() != 0 or owner == 0:
        return None
    try:
        return database.owner()
    except KeyError:
        return str(owner)


def _require_linger(session: Session) -> None:
    import getpass

    user = getpass.getuser()
    if not _manager().lingers(user):
        session.warn(
            f"the timer runs only while {user} is logged in; always: loginctl enable-linger {user}"
        )


def _print(session: Session, plan: Plan, *, by_cron: bool) -> None:
    from dbtool.schedule.cron import cron_lines
    from dbtool.schedule.units import unit_files

    files = {"crontab": cron_lines(plan)} if by_cron else unit_files(plan)
    if session.format != "table":
        session.output.report("dbtool.schedule-files/1", {"files": files}, [], always=True)
        return
    for name, text in files.items():
        if not by_cron:
            session.output.line(f"# {name}")
        for line in text.splitlines():
            session.output.line(line)
        if not by_cron and name != list(files)[-1]:
            session.output.line()


def _found(target: Target, *, by_cron: bool) -> list[TimerState]:
    """Return what is installed; a program that is not there has nothing installed."""
    import shutil

    if shutil.which("crontab" if by_cron else "systemctl") is None:
        return []
    return _states(target, by_cron=by_cron)


def _states(target: Target, *, by_cron: bool) -> list[TimerState]:
    from dbtool.schedule import cron as crontab

    if by_cron:
        state = crontab.state(_database(target))
        return [state] if state else []
    return _manager().states(_database(target))


def _tell_of_retention(session: Session, target: Target) -> None:
    """Say once, here, what the nights will only mention."""
    adds_only = session.config.get("repository.append_only")
    if adds_only and not retention_of(session, target.name).keeps_nothing:
        session.note(
            "append_only is set: the job thins nothing out. Let `dbtool prune` apply"
            " [retention] on a machine that may remove"
        )


def _show(session: Session, target: Target, states: list[TimerState]) -> None:
    """Show all that is installed: one document, whatever there is."""
    lines = [("database", target.shown)]
    for state in states:
        lines += [*([("", "")] if state is not states[0] else []), *_lines(state)]
    data = {"database": target.source, "timers": [_data(state) for state in states]}
    session.output.report("dbtool.schedule/2", data, lines)


def _lines(state: TimerState) -> list[tuple[str, str]]:
    lines = [("timer", state.kind), ("when", state.when)]
    if state.when == "always":
        lines.append(("follow", state.last_result or "unknown"))
    elif state.kind == "systemd":
        lines += [
            ("next run", state.next_run or "unknown"),
            ("last run", state.last_run or "never"),
            *([("result", state.last_result)] if state.last_result else []),
        ]
    places = [("where" if place == state.where[0] else "", brief(place)) for place in state.where]
    return [*lines, *places]


def _data(state: TimerState) -> dict[str, Any]:
    return {
        "timer": state.kind,
        "when": state.when,
        "next_run": state.next_run,
        "last_run": state.last_run,
        "last_result": state.last_result,
        "where": [str(place) for place in state.where],
    }


def _nothing(target: Target) -> NotFound:
    return NotFound(
        "schedule-not-found",
        f"no timer is installed for {target.shown}",
        hint=f"dbtool schedule install {target.shown}",
    )
