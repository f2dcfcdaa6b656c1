"""The program: a group whose commands are imported when they are run, and not before.

`--help` is printed from the static table of `dbtool.cli.catalog`; the `commands` mapping shows
every name, so that a mistyped one gets "did you mean", and imports the module of the one that is
asked for.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, MutableMapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from dbtool.cli.catalog import COMMANDS, root_help
from dbtool.cli.context import Session
from dbtool.cli.exits import run
from dbtool.cli.visible import never_fail, visible_lines

if TYPE_CHECKING:
    from typer._click.core import Command

    from dbtool.cli.command import CommandGroup

__all__ = ["main", "root"]


class LazyCommands(MutableMapping[str, "Command"]):
    """Name to command; importing happens on access."""

    def __init__(self) -> None:
        self._loaded: dict[str, Command] = {}

    def __getitem__(self, name: str) -> Command:
        """Import a command."""
        if name not in self._loaded:
            self._loaded[name] = _load(name)
        return self._loaded[name]

    def get(self, name: str, default: Any = None) -> Any:
        """Import a command, or return the default for an unknown name."""
        return self[name] if name in COMMANDS else default

    def __setitem__(self, name: str, command: Command) -> None:
        """Put a ready command in the place of a name."""
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        """Forget a loaded command."""
        del self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        """Yield the names without importing anything."""
        return iter(COMMANDS)

    def __len__(self) -> int:
        """Return how many commands there are."""
        return len(COMMANDS)


def _load(name: str) -> Command:
    import typer

    module = import_module(f"dbtool.cli.commands.{COMMANDS[name].module}")
    command = typer.main.get_command(module.app)
    command.name = name
    return command


def root() -> CommandGroup:
    """Return the whole command tree."""
    from dbtool.cli.root import RootGroup

    return RootGroup(name="dbtool", commands=LazyCommands())


def main(words: list[str]) -> int:
    """Run one command line.

    Args:
        words: what follows the program's name.

    Returns:
        The exit code of the process.
    """
    never_fail()
    if words[:1] == ["__complete"]:
        from dbtool.cli.complete import complete

        return complete(words[1:])
    session = Session(words)
    session.interrupts.install()
    return run(session, lambda: _dispatch(session, words))


def _dispatch(session: Session, words: list[str]) -> int | None:
    if words in (["-h"], ["--help"], []):
        bold, plain = ("\x1b[1m", "\x1b[0m") if session.color(1) else ("", "")
        sys.stdout.write(root_help(bold, plain))
        return None
    if session.words.count("-v") or session.words.count("-vv"):
        _log_to_stderr(debug="-vv" in words)
    return _invoke(session, words)


def _invoke(session: Session, words: list[str]) -> int | None:
    """Parse and run; errors, signals and closed pipes are left to `exits`, not to Typer."""
    from typer.exceptions import Exit

    tree = root()
    try:
        with tree.make_context("dbtool", list(words), obj=session) as context:
            result: int | None = tree.invoke(context)
    except Exit as finished:
        return finished.exit_code
    return result


def _log_to_stderr(*, debug: bool) -> None:
    import logging

    class Visible(logging.Formatter):
        def format(self, record: logging.LogRecord) -> str:
            return visible_lines(super().format(record))

    level = logging.DEBUG if debug else logging.INFO
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Visible("dbtool: %(message)s"))
    logging.basicConfig(level=level, handlers=[handler])
    logging.getLogger("dbtool").setLevel(level)
