"""The tokens of SQLite's SQL: enough to find where statements, comments and names begin and end.

No parser: what a statement means is for SQLite to say. The tokens of a text put together again are
the text, whatever it holds; what SQLite would not take is a token of kind `unknown` or `open`.
Source: https://sqlite.org/lang_keywords.html and https://sqlite.org/syntax/literal-value.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

__all__ = ["Token", "code_of", "tokens", "unquoted"]

Kind = Literal["space", "comment", "string", "name", "word", "number", "sign", "open", "unknown"]

_TOKEN: Final = re.compile(
    r"""
      (?P<space>[ \t\r\n\f]+)
    | (?P<comment>--[^\n]*|/\*.*?(?:\*/|\Z))
    | (?P<string>[xX]?'(?:[^']|'')*')
    | (?P<name>"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\])
    | (?P<open>[xX]?['"`\[].*)
    | (?P<word>[^\W\d][\w$]*|[^\x00-\x7f]+)
    | (?P<number>(?:0[xX][0-9a-fA-F_]+|[0-9][0-9_]*(?:\.[0-9_]*)?(?:[eE][+-]?[0-9]+)?
                   |\.[0-9][0-9_]*(?:[eE][+-]?[0-9]+)?))
    | (?P<sign>\|\||->>|->|<>|<=|>=|==|!=|<<|>>|[-+*/%=<>!~&|,;.()?:@$\#])
    | (?P<unknown>.)
    """,
    re.VERBOSE | re.DOTALL,
)


class Token(NamedTuple):
    """One token of a text."""

    kind: Kind
    """`name` is quoted with `"`, a backtick or brackets; `open` is a quotation that never ends."""
    text: str
    start: int
    """Offset of its first character."""


def tokens(sql: str) -> Iterator[Token]:
    """Yield every token of a text, white space and comments included."""
    for match in _TOKEN.finditer(sql):
        yield Token(match.lastgroup, match[0], match.start())  # type: ignore[arg-type]


def code_of(sql: str) -> str:
    """Return a text without comments, and with a space only where two tokens need one.

    Texts that SQLite reads as the same tokens have the same code. Case and the way of quoting names
    count: `sqlite_schema` keeps them.
    """
    parts: list[str] = []
    for token in tokens(sql):
        if token.kind not in ("space", "comment"):
            if parts and _needs_space(parts[-1], token.text):
                parts.append(" ")
            parts.append(token.text)
    return "".join(parts)


def unquoted(word: str) -> str:
    """Return the name that a token of kind `name`, `word` or `string` stands for."""
    if len(word) > 1 and word[0] in "\"'`":
        return word[1:-1].replace(word[0] * 2, word[0])
    return word[1:-1] if word[:1] == "[" else word


def _needs_space(before: str, after: str) -> bool:
    """Say whether two tokens would read as something else when put together."""
    last, first = before[-1], after[0]
    if last in _OPERATORS:
        return first in _OPERATORS
    return _is_wordlike(last) and _is_wordlike(first)


_OPERATORS: Final = frozenset("-+*/<>|=!")


def _is_wordlike(character: str) -> bool:
    return character.isalnum() or character in "_$\"'`[]" or ord(character) > 127  # noqa: PLR2004  ASCII
