"""The query language: text becomes a tree, or an error that points at the place.

    words of a row              both must occur, in any column
    "words in a row"            a phrase
    back*                       the beginning of a word
    -word, NOT word             must not occur
    one OR other                either; binds weaker than words side by side
    ( ... )                     a group
    column:word                 in that column; also column:"a phrase", column:(a OR b)
    column=value                also != < <= > >=; `column` may be `table.column`
    column:10..20               a range, both ends included; one of them may be left out
    table:name                  rows of that table

A name or value with blanks or signs in it is put in double quotes. Two double quotes within a
quoted text are one. Nothing here knows the database: `dbtool.search.matching` resolves the names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, NoReturn

from dbtool.core.sqlerror import pointed
from dbtool.errors import UsageError

__all__ = [
    "All",
    "Any",
    "Compare",
    "InTable",
    "Node",
    "Not",
    "Range",
    "Word",
    "invalid",
    "parse_query",
    "words",
]

_MOST_TERMS: Final = 200
_MOST_LEVELS: Final = 40
_LONGEST: Final = 10_000
_NAME: Final = re.compile(r'"((?:[^"]|"")*)"|([^\s"():<>=!]+)')
_OPERATOR: Final = re.compile(r"!=|<=|>=|=|<|>|:")
_COMPARING: Final = re.compile(r"!=|<=|>=|=|<|>")
_BARE: Final = re.compile(r'[^\s"()]+')
_QUOTED: Final = re.compile(r'"((?:[^"]|"")*)"')
_BLANK: Final = re.compile(r"[\s\x00-\x1f]+")


@dataclass(frozen=True, slots=True)
class Node:
    """A part of the query; `at` is the place in it, in characters."""

    at: int


@dataclass(frozen=True, slots=True)
class Word(Node):
    """A word or phrase, in any column or in one."""

    text: str
    prefix: bool = False
    column: str | None = None
    column_at: int = 0


@dataclass(frozen=True, slots=True)
class Compare(Node):
    """A comparison of a column with a value; `at` is the place of the column."""

    column: str
    operator: str
    value: str
    value_at: int
    quoted: bool


@dataclass(frozen=True, slots=True)
class Range(Node):
    """A column between two values, both included; empty: no limit."""

    column: str
    low: str
    high: str
    value_at: int


@dataclass(frozen=True, slots=True)
class InTable(Node):
    """Rows of one table."""

    name: str


@dataclass(frozen=True, slots=True)
class Not(Node):
    """What must not hold."""

    part: Node


@dataclass(frozen=True, slots=True)
class All(Node):
    """What must hold together."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Any(Node):
    """Of which something must hold."""

    parts: tuple[Node, ...]


def parse_query(text: str) -> Node:
    """Return the tree of a query.

    Raises:
        UsageError: `query-invalid`, with the place.
    """
    return _Parser(text).whole()


def words(node: Node) -> list[Word]:
    """Return the words and phrases that a row may match, not those that it must not have."""
    if isinstance(node, Word):
        return [node]
    if isinstance(node, (All, Any)):
        return [word for part in node.parts for word in words(part)]
    return []


def invalid(text: str, at: int, message: str, hint: str = "") -> UsageError:
    """Return the error about one place of a query."""
    place = len(text[:at].encode("utf-8", "surrogatepass"))
    return UsageError(
        "query-invalid",
        message,
        context=pointed(_BLANK.sub(lambda found: " " * len(found[0]), text), place),
        hint=hint or "dbtool help search-language",
    )


class _Parser:
    """Recursive descent; `at` is the next character."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.terms = 0
        self.levels = 0

    def whole(self) -> Node:
        if len(self.text) > _LONGEST:
            raise UsageError(
                "query-invalid",
                f"the query has {len(self.text):,} characters; {_LONGEST:,} are the most",
            )
        self._skip()
        if self.at == len(self.text):
            self._fail(0, "the query is empty", 'dbtool search "some words" DB')
        node = self._alternatives(None, 0)
        if self.at < len(self.text):
            self._fail(self.at, "there is no ( for this )")
        return node

    # -- operators

    def _alternatives(self, column: str | None, column_at: int) -> Node:
        start = self.at
        parts = [self._together(column, column_at)]
        while self._keyword("OR"):
            parts.append(self._together(column, column_at))
        return parts[0] if len(parts) == 1 else Any(start, tuple(parts))

    def _together(self, column: str | None, column_at: int) -> Node:
        start = self.at
        parts: list[Node] = []
        while True:
            self._skip()
            if self.at == len(self.text) or self.text[self.at] == ")" or self._sees("OR"):
                break
            if parts and self._keyword("AND"):
                self._skip()
            parts.append(self._negatable(column, column_at))
        if not parts:
            self._fail(self.at, "something to search for is missing here")
        return parts[0] if len(parts) == 1 else All(start, tuple(parts))

    def _negatable(self, column: str | None, column_at: int) -> Node:
        start = self.at
        negative = self._keyword("NOT")
        if not negative and self._sees_minus():
            self.at += 1
            negative = True
        self._skip() if negative and self.text[start] != "-" else None
        self._deeper()
        part = self._negatable(column, column_at) if negative else self._term(column, column_at)
        self.levels -= 1
        return Not(start, part) if negative else part

    def _sees_minus(self) -> bool:
        following = self.text[self.at + 1 : self.at + 2]
        return self.text[self.at : self.at + 1] == "-" and bool(following.strip(")- \t\n"))

    def _term(self, column: str | None, column_at: int) -> Node:
        self.terms += 1
        if self.terms > _MOST_TERMS:
            self._fail(self.at, f"the query has more than {_MOST_TERMS} words")
        if self.text[self.at : self.at + 1] == "(":
            return self._group(column, column_at)
        if column is None:
            named = self._named()
            if named is not None:
                return named
        return self._word(column, column_at)

    def _group(self, column: str | None, column_at: int) -> Node:
        opened = self.at
        self.at += 1
        self._deeper()
        node = self._alternatives(column, column_at)
        self.levels -= 1
        if self.text[self.at : self.at + 1] != ")":
            self._fail(opened, "this ( is never closed")
        self.at += 1
        return node

    # -- column:word and comparisons

    def _named(self) -> Node | None:
        """Return what begins with a name and an operator; None where a plain word stands."""
        start = self.at
        name = _NAME.match(self.text, start)
        operator = _OPERATOR.match(self.text, name.end()) if name else None
        if name is None or operator is None or (name[2] or "").isdigit():
            return None
        column = _unquoted(name)
        self.at = operator.end()
        if operator[0] != ":":
            return self._compare(start, column, operator[0])
        after = _COMPARING.match(self.text, self.at)
        if after:  # column:>10, as others write it
            self.at = after.end()
            return self._compare(start, column, after[0])
        if self.text[self.at : self.at + 1] == "(":
            return self._group(column, start)
        if column.lower() == "table" and name[1] is None:
            value, _ = self._value(f"the name of a table is missing behind {operator[0]}")
            return InTable(start, value)
        return self._range(start, column) or self._word(column, start)

    def _compare(self, start: int, column: str, operator: str) -> Node:
        at = self.at
        value, quoted = self._value(f"a value is missing behind {operator}")
        return Compare(start, column, operator, value, at, quoted)

    def _range(self, start: int, column: str) -> Node | None:
        found = _BARE.match(self.text, self.at)
        if found is None or ".." not in found[0]:
            return None
        low, _, high = found[0].partition("..")
        if not low and not high:
            self._fail(
                self.at, "a range needs at least one end", "size:10..20, size:10.. , size:..20"
            )
        at, self.at = self.at, found.end()
        return Range(start, column, low, high, at)

    def _value(self, missing: str) -> tuple[str, bool]:
        quoted = _QUOTED.match(self.text, self.at)
        found = quoted or _BARE.match(self.text, self.at)
        if found is None:
            self._fail(self.at, missing)
        self.at = found.end()
        return (_unquoted(found), True) if quoted else (found[0], False)

    # -- words

    def _word(self, column: str | None, column_at: int) -> Node:
        start = self.at
        if self.text[start : start + 1] == '"':
            found = _QUOTED.match(self.text, start)
            if found is None:
                self._fail(start, 'this " is never closed')
            self.at = found.end()
            text, prefix = _unquoted(found), self.text[self.at : self.at + 1] == "*"
            self.at += prefix
        else:
            found = _BARE.match(self.text, start)
            if found is None:
                self._fail(start, "a word is missing here")
            self.at = found.end()
            text, prefix = found[0].rstrip("*"), found[0].endswith("*")
        if not text.strip():
            self._fail(start, "there is no word here")
        return Word(start, text, prefix, column, column_at)

    # -- characters

    def _skip(self) -> None:
        blank = _BLANK.match(self.text, self.at)
        self.at = blank.end() if blank else self.at

    def _sees(self, keyword: str) -> bool:
        end = self.at + len(keyword)
        return self.text[self.at : end] == keyword and not _BARE.match(self.text[end : end + 1])

    def _keyword(self, keyword: str) -> bool:
        self._skip()
        if not self._sees(keyword):
            return False
        self.at += len(keyword)
        return True

    def _deeper(self) -> None:
        self.levels += 1
        if self.levels > _MOST_LEVELS:
            self._fail(self.at, f"more than {_MOST_LEVELS} levels of brackets and NOT")

    def _fail(self, at: int, message: str, hint: str = "") -> NoReturn:
        raise invalid(self.text, at, message, hint)


def _unquoted(found: re.Match[str]) -> str:
    quoted = found[1] if found.re.groups else None
    return found[0] if quoted is None else quoted.replace('""', '"')
