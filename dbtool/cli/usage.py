"""Turns what Typer's parser complains about into dbtool's error format, with "did you mean"."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dbtool.cli.catalog import COMMANDS
from dbtool.cli.failure import Failure

if TYPE_CHECKING:
    from dbtool.cli.context import Session

__all__ = ["describe"]

_MOST_SUGGESTIONS = 3


def describe(session: Session, error: Exception) -> Failure | None:
    """Return the failure that an exception of the parser stands for; None for any other."""
    from typer._click import exceptions

    if not isinstance(error, exceptions.ClickException):
        return None
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "dbtool"
    help_hint = f"{path} --help"
    if isinstance(error, exceptions.NoSuchOption):
        return _unknown_option(error, help_hint)
    if isinstance(error, exceptions.MissingParameter):
        name = error.param.display_name_raw if error.param is not None else "argument"
        return Failure("missing-argument", 2, f"{name} is missing", hint=help_hint)
    if isinstance(error, exceptions.BadParameter):
        return Failure("invalid-value", 2, _lower(error.format_message()), hint=help_hint)
    message = _lower(error.format_message())
    unknown = re.match(r"no such command '(.*?)'", message)
    if unknown and context is not None:
        return _unknown_command(unknown[1], path, _verbs(session, context.command))
    return Failure("usage", 2, message, hint=help_hint)


def _verbs(_session: Session, command: object) -> list[str]:
    commands = getattr(command, "commands", None)
    return list(commands) if commands is not None else list(COMMANDS)


def _unknown_command(word: str, path: str, verbs: list[str]) -> Failure:
    from difflib import get_close_matches

    close = get_close_matches(word, verbs, _MOST_SUGGESTIONS, 0.5)
    hint = "\n".join([f"did you mean {path} {match}?" for match in close] or [f"{path} --help"])
    return Failure("unknown-command", 2, f"there is no command {path} {word}", hint=hint)


def _unknown_option(error: object, help_hint: str) -> Failure:
    option = str(getattr(error, "option_name", ""))
    close = list(getattr(error, "possibilities", None) or ())[:_MOST_SUGGESTIONS]
    cause = ""
    if option.startswith("--password"):
        cause = "a password on the command line could be read by every user of the machine"
        close = ["--password-file", "--password-command"]
    hint = "\n".join([f"did you mean {match}?" for match in close] or [help_hint])
    return Failure("unknown-option", 2, f"there is no option {option}", cause, hint)


def _lower(message: str) -> str:
    text = message.strip().rstrip(".")
    return text[:1].lower() + text[1:]
