"""The root of the command tree, where Typer is known."""

from __future__ import annotations

from typing import Any

from typer._click.core import Context
from typer._click.formatting import HelpFormatter

from dbtool.cli.catalog import COMMANDS, root_help
from dbtool.cli.command import CommandGroup
from dbtool.cli.context import Session

__all__ = ["RootGroup"]


class RootGroup(CommandGroup):
    """The program itself: lists commands without importing them."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.suggest_commands = False

    def list_commands(self, _ctx: Context) -> list[str]:
        """Return the names of the commands."""
        return list(COMMANDS)

    def format_help(self, ctx: Context, formatter: HelpFormatter) -> None:
        """Write the static help."""
        session = ctx.find_root().obj
        bold, plain = (
            ("\x1b[1m", "\x1b[0m")
            if isinstance(session, Session) and session.color(1)
            else ("", "")
        )
        formatter.write(root_help(bold, plain).rstrip("\n"))
