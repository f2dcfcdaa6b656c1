"""`dbtool help`: a command or a topic."""

from __future__ import annotations

from typing import Annotated

import typer

from dbtool.cli import topics
from dbtool.cli.app import root
from dbtool.cli.catalog import COMMANDS, root_help
from dbtool.cli.command import PlainCommand, application
from dbtool.cli.context import current
from dbtool.cli.visible import Painted
from dbtool.errors import UsageError

__all__ = ["app"]

app = application()

_EXAMPLES = """
dbtool help backup       # the same as dbtool backup --help
dbtool help key add      # a verb of a verb
dbtool help exit-codes   # a topic
"""


@app.command("help", cls=PlainCommand, epilog=_EXAMPLES)
def show(
    context: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="TOPIC", help="A command, or a topic; nothing lists both."),
    ] = None,
) -> None:
    """Explain a command or a topic."""
    session = current(context)
    if not words:
        session.output.line(Painted(root_help().rstrip()))
        session.output.line()
        session.output.line("Topics:")
        for name, topic in topics.TOPICS.items():
            session.output.line(f"  {name:<14} {topic.summary}")
        return
    if words[0] in topics.TOPICS:
        session.output.line(Painted(topics.text(words[0]).rstrip()))
        return
    session.output.line(Painted(_command_help(context, words)))


def _command_help(context: typer.Context, words: list[str]) -> str:
    tree = root()
    command = tree.commands.get(words[0])
    if command is None:
        raise _unknown(words[0])
    inner = type(context)(command, info_name=words[0], parent=context.find_root())
    for word in words[1:]:
        child = getattr(command, "commands", {}).get(word)
        if child is None:
            raise _unknown(" ".join(words))
        command = child
        inner = type(context)(child, info_name=word, parent=inner)
    return str(command.get_help(inner))


def _unknown(word: str) -> UsageError:
    from difflib import get_close_matches

    close = get_close_matches(word, [*COMMANDS, *topics.TOPICS], 3, 0.5)
    hint = "\n".join(
        [f"did you mean {match}?" for match in close] or ["dbtool help lists commands and topics"]
    )
    return UsageError("unknown-topic", f"there is no command or topic {word}", hint=hint)
