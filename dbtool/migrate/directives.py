"""The lines of a migration that are for dbtool: comments to SQLite, such as `-- dbtool:up`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from dbtool.migrate.tokens import tokens

__all__ = ["Directive", "directives"]

_DIRECTIVE: Final = re.compile(r"--[ \t]*dbtool:[ \t]*([A-Za-z-]*)[ \t]*(.*)")


class Directive(NamedTuple):
    """One such line."""

    name: str
    """In lower case."""
    argument: str
    """What follows the name, without white space around it."""
    start: int
    """Offset of the comment in the text."""
    end: int
    """Offset behind it."""
    line: int
    """Line of the text, from 1."""


def directives(text: str) -> Iterator[Directive]:
    """Yield the directives of a text; what stands in strings or longer comments is none."""
    if "dbtool:" not in text:
        return
    for token in tokens(text):
        match = _DIRECTIVE.fullmatch(token.text.rstrip()) if token.kind == "comment" else None
        if match is not None:
            line = text.count("\n", 0, token.start) + 1
            end = token.start + len(token.text)
            yield Directive(match[1].lower(), match[2].strip(), token.start, end, line)
