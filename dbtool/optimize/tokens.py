"""SQL cut into tokens, as far as that helps: statements, values, calls. Not a parser.

Whatever is built from tokens is a candidate only; SQLite judges it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

__all__ = ["Token", "name_of", "split_statements", "tokens"]

_TOKEN: Final = re.compile(
    r"""(?P<space>\s+)
      | (?P<comment>--[^\n]*(?:\n|$)|/\*.*?(?:\*/|$))
      | (?P<value>[xX]'[0-9a-fA-F]*'|'(?:[^']|'')*'|\d[\w.]*(?:(?<=[eE])[+-]\d+)?|\.\d+)
      | (?P<quoted>"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\])
      | (?P<parameter>\?\d*|[:@$][^\W\d]\w*)
      | (?P<word>[^\W\d][\w$]*)
      | (?P<other><=|>=|<>|!=|==|\|\||<<|>>|->>|->|.)""",
    re.VERBOSE | re.DOTALL,
)
_OPENERS: Final = {"begin", "case"}


class Token(NamedTuple):
    """One piece of SQL."""

    kind: str
    """space, comment, value, quoted, parameter, word or other."""
    text: str
    start: int


def tokens(sql: str, *, all_kinds: bool = False) -> list[Token]:
    """Return the tokens of a text; without white space and comments unless asked."""
    found = (Token(str(m.lastgroup), m[0], m.start()) for m in _TOKEN.finditer(sql))
    return [token for token in found if all_kinds or token.kind not in ("space", "comment")]


def name_of(token: Token) -> str:
    """Return the name that a word or a quoted name stands for."""
    if token.kind != "quoted":
        return token.text
    mark = token.text[-1]
    return token.text[1:-1].replace(mark * 2, mark)


def split_statements(text: str) -> Iterator[str]:
    """Yield the statements of a text with the comments before them, without their semicolons."""
    start = depth = 0
    trigger: list[str] = []
    for token in tokens(text, all_kinds=True):
        word = token.text.lower()
        if token.kind == "word":
            trigger.append(word)
            if _makes_trigger(trigger) and word in _OPENERS:
                depth += 1
            elif word == "end" and depth:
                depth -= 1
        elif token.text == ";" and token.kind == "other" and not depth:
            yield text[start : token.start].strip()
            start, trigger = token.start + 1, []
    yield text[start:].strip()


def _makes_trigger(words: Sequence[str]) -> bool:
    return words[0] == "create" and "trigger" in words[1:4]
