"""What a command says about itself: the one source of help, man pages and completions."""

from __future__ import annotations

from typing import Any, NamedTuple

from typer._click.core import Command, Parameter

__all__ = ["Description", "OptionText", "describe", "option_text", "summary"]


class OptionText(NamedTuple):
    """One option or argument as it is documented."""

    spelling: str
    help: str
    words: tuple[str, ...]
    """The spellings alone, for completion; empty for an argument."""
    metavar: str
    choices: tuple[str, ...]


class Description(NamedTuple):
    """What is known about a command, for every kind of documentation."""

    path: str
    usage: str
    text: str
    arguments: tuple[OptionText, ...]
    options: tuple[OptionText, ...]
    commands: tuple[tuple[str, str], ...]
    examples: tuple[tuple[str, str], ...]


def describe(command: Command, path: str) -> Description:
    """Collect what a command says about itself; global options are left out."""
    own = [parameter for parameter in command.params if parameter.expose_value]
    arguments = tuple(
        option_text(parameter) for parameter in own if parameter.param_type_name == "argument"
    )
    options = tuple(
        option_text(parameter) for parameter in own if parameter.param_type_name == "option"
    )
    commands = tuple(
        (name, summary(child))
        for name, child in getattr(command, "commands", {}).items()
        if not child.hidden
    )
    pieces = ["COMMAND"] if commands else []
    pieces += [a.spelling if _required(own, a.metavar) else f"[{a.spelling}]" for a in arguments]
    usage = f"{path} [OPTIONS] {' '.join(pieces)}".rstrip()
    return Description(
        path,
        usage,
        command.help or "",
        arguments,
        options,
        commands,
        _examples(command.epilog or ""),
    )


def summary(command: Command) -> str:
    """Return the first sentence of a command's help."""
    return (command.help or "").strip().partition("\n")[0].rstrip(".")


def _required(parameters: list[Parameter], metavar: str) -> bool:
    return any(p.required and p.metavar == metavar for p in parameters)


def option_text(parameter: Any) -> OptionText:
    """Return how one parameter is documented."""
    choices = tuple(str(choice) for choice in parameter.type_descriptor.choices or ())
    if parameter.param_type_name == "argument":
        name = parameter.metavar or parameter.name.upper()
        return OptionText(name, parameter.help or "", (), name, choices)
    words = tuple(parameter.opts) + tuple(parameter.secondary_opts)
    takes_value = not parameter.is_flag and not parameter.count
    metavar = (parameter.metavar or "|".join(choices) or "TEXT") if takes_value else ""
    separator = "" if metavar.startswith("[") else " "
    spelling = ", ".join(words) + (f"{separator}{metavar}" if metavar else "")
    return OptionText(spelling, parameter.help or "", words, metavar, choices)


def _examples(epilog: str) -> tuple[tuple[str, str], ...]:
    """Split `command  # what it does` lines."""
    pairs = [line.partition("#")[::2] for line in epilog.splitlines() if line.strip()]
    return tuple((command.strip(), text.strip()) for command, text in pairs)
