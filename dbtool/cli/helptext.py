"""The text of `dbtool COMMAND --help`: bold headings on a terminal, plain in pipes, never boxed."""

from __future__ import annotations

import inspect
import shutil
import textwrap
from typing import TYPE_CHECKING

from dbtool.cli.catalog import GLOBAL_OPTIONS
from dbtool.cli.context import Session
from dbtool.cli.description import Description, OptionText, describe

if TYPE_CHECKING:
    from typer._click.core import Command, Context

__all__ = ["command_help"]

_WIDEST = 100
_LEFT_COLUMN = 28


def command_help(command: Command, context: Context) -> str:
    """Return the help of one command, without a final line feed."""
    session = context.find_root().obj
    color = session.color(1) if isinstance(session, Session) else False
    width = min(shutil.get_terminal_size().columns, _WIDEST)
    return render(describe(command, context.command_path), color=color, width=width)


def render(description: Description, *, color: bool, width: int) -> str:
    """Return the help text.

    Args:
        description: of the command.
        color: write headings in bold.
        width: columns to stay within.
    """
    heading = "\x1b[1m{}\x1b[0m" if color else "{}"
    parts = [f"{heading.format('Usage:')} {description.usage}", _prose(description.text, width)]
    if description.commands:
        parts.append(heading.format("Commands:") + "\n" + _rows(list(description.commands), width))
    for title, texts in (("Arguments:", description.arguments), ("Options:", description.options)):
        if texts:
            parts.append(heading.format(title) + "\n" + _rows(_pairs(texts), width))
    if description.examples:
        parts.append(heading.format("Examples:") + "\n" + _example_rows(description, width))
    everywhere = [(option.spelling, option.help) for option in GLOBAL_OPTIONS.values()]
    parts.append(heading.format("Options of every command:") + "\n" + _rows(everywhere, width))
    return "\n\n".join(part for part in parts if part)


def _pairs(texts: tuple[OptionText, ...]) -> list[tuple[str, str]]:
    return [(text.spelling, text.help) for text in texts]


def _prose(text: str, width: int) -> str:
    paragraphs = inspect.cleandoc(text).split("\n\n")
    return "\n\n".join(textwrap.fill(paragraph, width - 2) for paragraph in paragraphs)


def _rows(pairs: list[tuple[str, str]], width: int) -> str:
    left = min(max(len(first) for first, _ in pairs), _LEFT_COLUMN)
    lines: list[str] = []
    for first, second in pairs:
        wrapped = textwrap.wrap(second, max(width - left - 4, 30)) or [""]
        if len(first) > left:
            lines.append(f"  {first}")
        else:
            lines.append(f"  {first:<{left}}  {wrapped.pop(0)}")
        lines += [f"  {'':<{left}}  {line}" for line in wrapped]
    return "\n".join(line.rstrip() for line in lines)


def _example_rows(description: Description, width: int) -> str:
    longest = max(len(command) for command, _ in description.examples)
    if longest + max(len(text) for _, text in description.examples) + 4 <= width:
        return "\n".join(
            f"  {command:<{longest}}  {text}".rstrip() for command, text in description.examples
        )
    return "\n".join(
        f"  {command}\n      {text}".rstrip() for command, text in description.examples
    )
