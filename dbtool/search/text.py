"""What of a value is indexed, and the tokens that both index and query are made of.

Tokens are FTS5's own: unicode61 without diacritics, with symbols (emoji) as words. It makes one
word of a run of Chinese or Japanese, in which nobody puts blanks; so each such character is set
apart with blanks before the tokeniser sees it, in documents and in queries alike. A word of them
then is a phrase of single characters: found exactly, also where it has only one or two of them,
which an index of trigrams could not do.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any, Final, NamedTuple

import apsw
from blake3 import blake3

from dbtool.search.model import Value

__all__ = [
    "LARGEST_TEXT",
    "TOKENIZER",
    "Token",
    "indexed",
    "match_string",
    "row_digest",
    "set_apart",
    "tokens",
]

LARGEST_TEXT: Final = 1 << 20
"""Characters of the longest text that is indexed."""

TOKENIZER: Final = "unicode61 remove_diacritics 2 categories 'L* N* Co So'"
_ARGUMENTS: Final = ["remove_diacritics", "2", "categories", "L* N* Co So"]

_APART: Final = re.compile(
    "(["
    "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3038-\u303c"  # radicals, iteration marks
    "\u3041-\u30ff\u31f0-\u31ff"  # Hiragana, Katakana
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # Han
    "\u1100-\u11ff\u3130-\u318f\ua960-\ua97f\uac00-\ud7ff"  # Hangul
    "\uff66-\uff9f"  # half-width Katakana
    "\U00020000-\U0003fffd"  # Han, supplementary
    "\u2190-\u2bff\U0001f000-\U0001faff"  # arrows, symbols, emoji
    "])"
)
_CONTINUATION: Final = 0b1100_0000
_CONTINUES: Final = 0b1000_0000
"""The upper bits of a byte of UTF-8 that goes on with a character."""


class Token(NamedTuple):
    """A word, and where it stands in the text, in characters; `end` is exclusive."""

    word: str
    start: int
    end: int


def set_apart(text: str) -> str:
    """Return text with blanks around the characters that are words by themselves."""
    return text if text.isascii() else _APART.sub(r" \1 ", text)


def indexed(value: Value) -> Value:
    """Return what is indexed of a value; None: nothing."""
    if type(value) is str:
        if len(value) > LARGEST_TEXT:
            return None
        return value if value.isascii() else _APART.sub(r" \1 ", value)
    return None if type(value) is bytes else value


def row_digest(values: tuple[Value, ...]) -> int:
    """Return 64 bits that differ where two rows would be indexed differently."""
    data = repr(values).encode("utf-8", "surrogatepass")
    return int.from_bytes(blake3(data).digest(8), "little", signed=True)


def match_string(text: str, *, prefix: bool = False) -> str:
    """Return a word or phrase as FTS5 reads it in MATCH: quoted, so nothing in it is an operator.

    See https://sqlite.org/fts5.html#fts5_strings.
    """
    quoted = set_apart(text).replace("\0", " ").replace('"', '""')
    return f'"{quoted}" *' if prefix else f'"{quoted}"'


def tokens(text: str, *, query: bool = False) -> list[Token]:
    """Return the words of a text as the index has them.

    Args:
        text: any text; half surrogates count as signs.
        query: as a part of a query.
    """
    apart, places = _spread(text)
    data = apart.encode("utf-8", "replace")
    reason = apsw.FTS5_TOKENIZE_QUERY if query else apsw.FTS5_TOKENIZE_DOCUMENT
    found: Any = _tokenizer()(data, reason, None)
    if len(data) == len(apart):
        return [Token(word, places(start), places(end)) for start, end, word, *_ in found]
    at = _characters(data)
    return [Token(word, places(at[start]), places(at[end])) for start, end, word, *_ in found]


class _Places:
    """From an offset in text set apart to the offset in the text as it was."""

    def __init__(self, text: str) -> None:
        self._at: list[int] = []
        number = 0
        for piece in _APART.split(text):
            if _APART.fullmatch(piece):
                self._at += [number, number, number + 1]
                number += 1
            else:
                self._at += range(number, number + len(piece))
                number += len(piece)
        self._at.append(number)

    def __call__(self, offset: int) -> int:
        return self._at[offset]


def _spread(text: str) -> tuple[str, _Places | type[int]]:
    if text.isascii() or not _APART.search(text):
        return text, int
    return _APART.sub(r" \1 ", text), _Places(text)


def _characters(data: bytes) -> list[int]:
    """Return the number of the character at each byte of UTF-8, and one more for the end."""
    found, number = [], -1
    for byte in data:
        number += byte & _CONTINUATION != _CONTINUES
        found.append(number)
    found.append(number + 1)
    return found


@cache
def _tokenizer() -> apsw.FTS5Tokenizer:
    # Kept open for good: a tokeniser lives as long as its connection, which holds no file.
    connection = apsw.Connection(":memory:")
    _KEPT.append(connection)
    return connection.fts5_tokenizer("unicode61", _ARGUMENTS)


_KEPT: Final[list[apsw.Connection]] = []
