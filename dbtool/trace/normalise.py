"""SQL without its values, so that calls of one statement are counted together and none is told.

Literals and parameters become `?`, comments and needless white space go, a list of many values and
an INSERT of many rows become two of them. What is left is SQL that SQLite prepares again, with its
meaning for the planner: numbers that name columns (`ORDER BY 2`), paths into JSON (`'$.a.b'`) and
names after `->` and `->>` stay. It is no parser: a text that is no SQL comes back in the same way.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["LONGEST_SQL", "normalise"]

LONGEST_SQL: Final = 16_384
"""Characters of a statement that are kept; the rest of a longer one is left out."""

_TOKEN: Final = re.compile(
    r"""
      (?P<space>   (?: \s | --[^\n]* | /\*.*?(?:\*/|\Z) )+ )
    | (?P<kept>    \b(?:ORDER|GROUP)\s+BY\s+\d+\b(?:\s+(?:ASC|DESC)\b)?
                   (?:\s*,\s*\d+\b(?:\s+(?:ASC|DESC)\b)?)*
                 | ->>?\s*'(?:[^']|'')*'
                 | '\$(?:\.[A-Za-z_]\w*|\[\#?-?\d*\])*'
                 | "(?:[^"]|"")*" | `(?:[^`]|``)*` | \[[^\]]*\] )
    | (?P<value>   [xX]?'(?:[^']|'')*(?:'|\Z)
                 | (?<![\w$]) (?: 0[xX][0-9a-fA-F]+
                   | (?:\d[\d_]*(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)? )
                 | \?\d* | [:@\#]\w+ | \$\w+(?:::\w+)*(?:\([^)]*\))? )
    | (?P<word>    [^\W\d][\w$]* )
    | (?P<other>   . )
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_IN_LIST: Final = re.compile(r"(\bIN ?\( ?)\? ?(?:, ?\? ?){2,}(?=\))", re.IGNORECASE)
_ROWS: Final = re.compile(r"(\bVALUES ?)(\((?:[^()]|\([^()]*\))*\))(?: ?, ?\2){2,}", re.IGNORECASE)


def normalise(sql: str) -> str:
    """Return `sql` without its values."""
    text = _TOKEN.sub(_replace, sql[:LONGEST_SQL]).strip(" ;")
    if text.count("?") <= 2:  # noqa: PLR2004 - a list of two values is as short as it gets
        return text
    text = _IN_LIST.sub(r"\1?, ?", text)
    return _ROWS.sub(r"\1\2, \2", text)


def _replace(match: re.Match[str]) -> str:
    kind = match.lastgroup
    if kind == "value":
        return "?"
    if kind == "space":
        return " "
    text = match[0]
    return " ".join(text.split()) if kind == "kept" and text[0] in "oOgG" else text
