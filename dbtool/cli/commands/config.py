"""`dbtool config`: what holds, where it comes from, whether it is right and may run commands."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dbtool import config as configuration
from dbtool.cli.command import CommandGroup, PlainCommand
from dbtool.cli.context import Session, current
from dbtool.cli.render import Column
from dbtool.cli.trust import commands_in, is_trusted, revoke, trust
from dbtool.config import Config, Setting
from dbtool.config_keys import ENVIRONMENT
from dbtool.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["app"]

_NOT_SHOWN = "DBTOOL_PASSWORD"

app = typer.Typer(
    cls=CommandGroup,
    help="Show, validate and trust the configuration.",
    add_completion=False,
    rich_markup_mode=None,
    epilog="""
dbtool config show --origin   # every value and where it comes from
dbtool config validate        # before a new file is used by cron
dbtool config path            # the files that are read
""",
)


@app.command(
    cls=PlainCommand, epilog="dbtool config show --origin  # with file and line of every value"
)
def show(
    context: typer.Context,
    *,
    origin: Annotated[
        bool, typer.Option("--origin", help="Name where each value comes from.")
    ] = False,
) -> None:
    """Show every value that holds."""
    session = current(context)
    rows = [*session.config.settings.values(), *_from_environment()]
    columns = [
        Column("key", lambda s: s.key, style="cyan"),
        Column("value", lambda s: _text(s.value), wraps=True),
    ]
    if origin:
        columns.append(Column("origin", lambda s: s.origin, wraps=True))
    data = [{"key": s.key, "value": s.value, "origin": s.origin} for s in rows]
    session.output.table("dbtool.config/1", rows, data, columns)


@app.command(
    cls=PlainCommand, epilog="dbtool config validate  # exit code 2 where something is wrong"
)
def validate(context: typer.Context) -> None:
    """Check the files and name every doubt."""
    session = current(context)
    config = session.config
    for text in _doubts(config):
        session.warn(text)
    rules = config.rules.count
    data = {"files": config.files, "databases": list(config.databases), "rules": rules, "ok": True}
    lines = [("file", str(path)) for path in config.files] or [
        ("file", "none is read; the defaults hold")
    ]
    session.output.report("dbtool.config-validate/1", data, [*lines, ("result", "no errors")])


@app.command(
    "path",
    cls=PlainCommand,
    epilog="$EDITOR $(dbtool config path -o tsv | tail -1 | cut -f1)  # edit it",
)
def path_command(context: typer.Context) -> None:
    """Name the files that are read, the one that counts most last."""
    session = current(context)
    user, found = configuration.user_file(), session.config.files
    data = [
        {"path": path, "read": path in found, "trusted": _trusted(path)}
        for path in dict.fromkeys((user, *found))
    ]
    columns = [
        Column("path", lambda row: str(row["path"]), wraps=True),
        Column("read", lambda row: "yes" if row["read"] else "not there"),
    ]
    session.output.table("dbtool.config-path/1", data, data, columns)


@app.command("trust", cls=PlainCommand, epilog="dbtool config trust  # after reading the file")
def trust_command(
    context: typer.Context,
    *,
    revoked: Annotated[bool, typer.Option("--revoke", help="End the trust.")] = False,
) -> None:
    """Let the project's dbtool.toml name commands to run, until it changes."""
    session = current(context)
    file = _project_file(session)
    if revoked:
        ended = revoke(file)
        session.output.report(
            "dbtool.config-trust/1",
            {"path": file, "trusted": False},
            [("", _ended(file, ended=ended))],
        )
        return
    for setting in commands_in(session.config, file):
        session.note(f"{setting.origin}: {setting.key} = {_text(setting.value)}")
    trust(file)
    session.output.report(
        "dbtool.config-trust/1",
        {"path": file, "trusted": True},
        [("", f"{file} is trusted until it changes")],
    )


def _ended(file: Path, *, ended: bool) -> str:
    return f"{file} is not trusted any more" if ended else f"{file} was not trusted"


def _project_file(session: Session) -> Path:
    files = [path for path in session.config.files if path != configuration.user_file()]
    if not files:
        raise UsageError(
            "config-not-found",
            f"there is no {configuration.FILE_NAME} here or above",
            hint="dbtool init app.db writes one",
        )
    return files[-1]


def _trusted(path: Path) -> bool:
    return path.is_file() and is_trusted(path)


def _from_environment() -> list[Setting]:
    variables = configuration.environment()
    shown = [name for name in ENVIRONMENT if name.startswith("DBTOOL_") and variables.get(name)]
    return [
        Setting(name, "(set)" if name == _NOT_SHOWN else variables[name], "environment")
        for name in shown
    ]


def _doubts(config: Config) -> Iterable[str]:
    for settings in config.databases.values():
        if not settings.path.exists():
            yield f"[databases.{settings.name}] names {settings.path}, which does not exist"
    for file in config.files:
        if commands_in(config, file) and not is_trusted(file):
            yield f"{file} names commands that will not run before `dbtool config trust`"
    for name in configuration.environment():
        if name.startswith("DBTOOL_") and name not in ENVIRONMENT:
            yield f"the environment variable {name} means nothing to dbtool{_near(name)}"


def _near(name: str) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name, ENVIRONMENT, 1, 0.7)
    return f"; did you mean {close[0]}?" if close else ""


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return ", ".join(value) if isinstance(value, tuple) else str(value)
