"""A text of SQL cut into its statements, with the line that each of them begins in.

The cuts are those of `sqlite3_complete`: a semicolon ends a statement unless it stands in a
quotation, a comment or the body of a trigger, whose end is `; END ;`. A statement begins with its
first word: comments between statements belong to none.
Source: https://sqlite.org/c3ref/complete.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dbtool.migrate.model import Statement
from dbtool.migrate.tokens import Token, tokens, unquoted

__all__ = ["UnendedText", "created_table", "split"]

_START, _NORMAL, _EXPLAIN, _CREATE, _TRIGGER, _SEMICOLON, _END = range(7)

# What a token makes of a state; a token that is not named here makes _OTHER of it.
_NEXT: Final = {
    _START: {";": _START, "EXPLAIN": _EXPLAIN, "CREATE": _CREATE},
    _NORMAL: {";": _START},
    _EXPLAIN: {";": _START, "QUERY": _EXPLAIN, "PLAN": _EXPLAIN, "CREATE": _CREATE},
    _CREATE: {";": _START, "TEMP": _CREATE, "TEMPORARY": _CREATE, "TRIGGER": _TRIGGER},
    _TRIGGER: {";": _SEMICOLON},
    _SEMICOLON: {";": _SEMICOLON, "END": _END},
    _END: {";": _START},
}
_OTHER: Final = {_TRIGGER: _TRIGGER, _SEMICOLON: _TRIGGER, _END: _TRIGGER}


class UnendedText(ValueError):  # noqa: N818  named for the situation
    """A quotation or a trigger does not end before the text does.

    Attributes:
        line: where it begins.
        what: what it is, for people.
    """

    def __init__(self, line: int, what: str) -> None:
        super().__init__(f"line {line}: {what} does not end")
        self.line = line
        self.what = what


def split(sql: str, *, first_line: int = 1) -> Iterator[Statement]:
    """Yield the statements of a text in order; what holds only comments is none.

    Args:
        sql: any text.
        first_line: number of its first line in the file.

    Raises:
        UnendedText: a quotation, a comment or a trigger does not end.
    """
    state, start = _START, -1
    for token in tokens(sql):
        if token.kind in ("space", "comment"):
            _require_ended(sql, token, first_line)
            continue
        if token.kind == "open":
            mark = token.text[0] if token.text[0] not in "xX" else token.text[:2]
            raise UnendedText(_line(sql, token.start, first_line), f"the quotation {mark}")
        if start < 0 and token.text != ";":
            start = token.start
        state = _step(state, token)
        if state == _START and start >= 0:
            yield Statement(sql[start : token.start + 1], _line(sql, start, first_line))
            start = -1
    if start >= 0:
        if state in (_TRIGGER, _SEMICOLON):
            raise UnendedText(_line(sql, start, first_line), "the trigger")
        yield Statement(sql[start:].rstrip(), _line(sql, start, first_line))


def created_table(sql: str) -> str | None:
    """Return the table that a CREATE TABLE makes; None for every other statement."""
    found = [token for token in tokens(sql) if token.kind not in ("space", "comment")]
    words = [token.text.upper() if token.kind == "word" else "" for token in found]
    at = 1 + (words[1:2] in (["TEMP"], ["TEMPORARY"]))
    if words[:1] != ["CREATE"] or words[at : at + 1] != ["TABLE"]:
        return None
    at += 1 + 3 * (words[at + 1 : at + 4] == ["IF", "NOT", "EXISTS"])
    if len(found) > at + 2 and found[at + 1].text == ".":
        at += 2
    return unquoted(found[at].text) if len(found) > at else None


def _step(state: int, token: Token) -> int:
    key = token.text.upper() if token.kind in ("word", "sign") else ""
    return _NEXT[state].get(key, _OTHER.get(state, _NORMAL))


def _require_ended(sql: str, token: Token, first_line: int) -> None:
    if token.text.startswith("/*") and not (token.text.endswith("*/") and len(token.text) > 3):  # noqa: PLR2004  "/*/"
        raise UnendedText(_line(sql, token.start, first_line), "the comment /*")


def _line(sql: str, offset: int, first_line: int) -> int:
    return first_line + sql.count("\n", 0, offset)
