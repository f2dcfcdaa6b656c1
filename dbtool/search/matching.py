"""A query tree and a table become what SQLite evaluates: a MATCH expression and conditions in SQL.

What only asks for words becomes one MATCH. A comparison becomes a condition with bound values.
Where the two are mixed by OR, the words become `document IN (... MATCH ...)`. A column or table
that a table does not have never matches there; one that no table has is an error.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from dbtool.core.names import folded, identifier
from dbtool.core.sqlerror import nearest
from dbtool.search.kinds import ColumnKind, Condition, compare, within
from dbtool.search.model import Mode, Value
from dbtool.search.query import All, Any, Compare, InTable, Node, Not, Range, Word, invalid
from dbtool.search.sidecar import IndexedTable
from dbtool.search.subjects import Subject
from dbtool.search.text import match_string, set_apart

__all__ = ["HAS", "Compiler", "Match", "check_names", "every", "has", "names_column"]

HAS: Final = "dbtool_has"
"""The SQL function (needle, value) for letters whose case SQLite does not know."""
_SEARCHABLE: Final = frozenset({"Ll", "Lm", "Lo", "Lt", "Lu", "Nd", "Nl", "No", "Co", "So"})
_SHORTEST_TRIGRAM: Final = 3
_LONGEST_PATTERN: Final = 400
_LIKE_SIGNS: Final = re.compile(r"[%_\\]")


@dataclass(frozen=True, slots=True)
class Match:
    """What a query asks of one table."""

    words: str | None
    """FTS5 expression; None: none."""
    conditions: tuple[Condition, ...]
    """All must hold."""


@dataclass(frozen=True, slots=True)
class _Words:
    """An FTS5 expression, or its opposite."""

    expression: str
    negative: bool = False


_Part = _Words | Condition | bool


def check_names(text: str, node: Node, subjects: Sequence[Subject], mode: Mode) -> None:
    """Refuse names that the database does not have, and words in which nothing can be found.

    Raises:
        UsageError: `query-invalid`, with the place.
    """
    for part in every(node):
        if isinstance(part, InTable):
            if not any(folded(part.name) == folded(s.name) for s in subjects):
                close = nearest(part.name, [s.name for s in subjects])
                raise invalid(
                    text,
                    part.at + len("table:"),
                    f"there is no table {part.name} to search",
                    f"did you mean table:{close}?" if close else "",
                )
        elif isinstance(part, (Compare, Range)) or (isinstance(part, Word) and part.column):
            _check_column(text, part, subjects)
        if isinstance(part, Word) and mode == "word" and not _searchable(part.text):
            raise invalid(
                text,
                part.at,
                "there is neither a letter nor a digit to search for here",
                "--mode substring finds any characters",
            )


def _check_column(text: str, part: Compare | Range | Word, subjects: Sequence[Subject]) -> None:
    name = part.column or ""
    if any(names_column(subject, name) for subject in subjects):
        return
    at = part.column_at if isinstance(part, Word) else part.at
    columns = sorted({column for subject in subjects for column in subject.columns})
    close = nearest(name.rpartition(".")[2], columns)
    raise invalid(
        text,
        at,
        f"no table has a column {name}",
        f"did you mean {close}?" if close else 'put text with signs in quotes: "like:this"',
    )


def names_column(subject: Subject, name: str) -> str | None:
    """Return the column of a subject that `column` or `table.column` names; None: none."""
    found = subject.column(name)
    if found is None and "." in name:
        table, _, column = name.partition(".")
        if folded(table) == folded(subject.name):
            return subject.column(column)
    return found


class Compiler:
    """Compiles queries for one table.

    Args:
        text: the query, for errors.
        mode: word or substring.
        table: as the index knows it.
        schema: under which name the index is attached; None: there is none.
        kind: tells what a column holds.
        now: what ages count from.
        trigrams: whether the index holds trigrams.
    """

    def __init__(  # noqa: PLR0913 - what every table of one search shares, and the table
        self,
        text: str,
        mode: Mode,
        table: IndexedTable,
        kind: Callable[[str], ColumnKind],
        now: datetime,
        *,
        schema: str | None,
        columns: Sequence[str] = (),
        trigrams: bool = False,
    ) -> None:
        self.text = text
        self.mode = mode
        self.table = table
        self.subject = table.subject
        self.schema = schema
        self.kind = kind
        self.now = now
        self.columns = tuple(columns) or self.subject.columns
        self.trigrams = trigrams
        self.document = "k.id" if self.subject.rowid is None else f"t.{self.subject.rowid}"

    def compile(self, node: Node) -> Match | None:
        """Return what the query asks of the table; None: no row can match."""
        part = self._node(node)
        if isinstance(part, bool):
            return Match(None, ()) if part else None
        if isinstance(part, _Words):
            if part.negative:
                return Match(None, (self._as_condition(part),))
            return Match(part.expression, ())
        return Match(None, (part,))

    def compile_top(self, node: Node) -> Match | None:
        """Return the same, with the words of a query that asks for all of its parts apart."""
        if not isinstance(node, All):
            return self.compile(node)
        found = [self._node(part) for part in node.parts]
        if any(part is False for part in found):
            return None
        matched = [part for part in found if isinstance(part, _Words)]
        conditions = [part for part in found if isinstance(part, Condition)]
        joined = self._joined_words(matched)
        if isinstance(joined, _Words) and not joined.negative:
            return Match(joined.expression, tuple(conditions))
        if joined is not None:
            conditions.append(self._as_condition(joined))
        return Match(None, tuple(conditions))

    # -- nodes

    def _node(self, node: Node) -> _Part:
        if isinstance(node, Word):
            return self._word(node)
        if isinstance(node, InTable):
            return folded(node.name) == folded(self.subject.name)
        if isinstance(node, (Compare, Range)):
            return self._comparison(node)
        if isinstance(node, Not):
            return self._opposite(self._node(node.part))
        assert isinstance(node, (All, Any))
        parts = [self._node(part) for part in node.parts]
        return self._all(parts) if isinstance(node, All) else self._any(parts)

    def _all(self, parts: list[_Part]) -> _Part:
        if any(part is False for part in parts):
            return False
        matched = self._joined_words([part for part in parts if isinstance(part, _Words)])
        conditions = [part for part in parts if isinstance(part, Condition)]
        if not conditions:
            return True if matched is None else matched
        if matched is not None:
            conditions.append(self._as_condition(matched))
        return _together(" AND ", conditions)

    def _any(self, parts: list[_Part]) -> _Part:
        if any(part is True for part in parts):
            return True
        left = [part for part in parts if not isinstance(part, bool)]
        if not left:
            return False
        positive = [part for part in left if isinstance(part, _Words) and not part.negative]
        if len(positive) == len(left):
            return _Words(" OR ".join(f"({part.expression})" for part in positive))
        others = [self._as_condition(part) for part in left if part not in positive]
        if positive:
            others.append(
                self._as_condition(_Words(" OR ".join(f"({p.expression})" for p in positive)))
            )
        return _together(" OR ", others)

    def _joined_words(self, parts: list[_Words]) -> _Words | Condition | None:
        positive = [f"({part.expression})" for part in parts if not part.negative]
        negative = [f"({part.expression})" for part in parts if part.negative]
        if not negative:
            return _Words(" AND ".join(positive)) if positive else None
        unwanted = " OR ".join(negative)
        if not positive:
            return _Words(unwanted, negative=True)
        return _Words(f"({' AND '.join(positive)}) NOT ({unwanted})")

    def _opposite(self, part: _Part) -> _Part:
        if isinstance(part, bool):
            return not part
        if isinstance(part, _Words):
            return _Words(part.expression, negative=not part.negative)
        return Condition(f"NOT coalesce(({part.sql}), 0)", part.values)

    def _as_condition(self, part: _Words | Condition) -> Condition:
        if isinstance(part, Condition):
            return part
        sign = "NOT IN" if part.negative else "IN"
        name = self.table.words
        return Condition(
            f"{self.document} {sign} ({self._documents(name)})",
            (part.expression,),
        )

    def _documents(self, index: str) -> str:
        return f"SELECT rowid FROM {self.schema}.{index} f WHERE f.{index} MATCH ?"

    # -- terms

    def _word(self, word: Word) -> _Part:
        column = names_column(self.subject, word.column) if word.column else None
        if word.column and column is None:
            return False
        if column is not None and not word.prefix:
            typed = self._typed(column, word)
            if typed is not None:
                return typed
        searched = self.columns if column is None else (column,)
        apart = self.table.inside and set_apart(word.text) != word.text
        if self.mode == "substring" or apart:  # triggers cannot set characters apart
            return self._contained(word.text, searched)
        expression = match_string(word.text, prefix=word.prefix)
        if set(searched) != set(self.subject.columns):
            names = " ".join(f"c{self.table.position(name)}" for name in searched)
            expression = f"{{{names}}} : {expression}"
        return _Words(expression)

    def _typed(self, column: str, word: Word) -> Condition | None:
        """Return `column = value` where the column holds numbers or dates and the word is one."""
        kind = self.kind(column)
        if kind.kind not in ("number", "date"):
            return None
        try:
            return compare(f"t.{identifier(column)}", kind, "=", word.text, self.now, quoted=True)
        except ValueError:
            return None

    def _comparison(self, node: Compare | Range) -> _Part:
        column = names_column(self.subject, node.column)
        if column is None:
            return False
        name, kind = f"t.{identifier(column)}", self.kind(column)
        try:
            if isinstance(node, Range):
                return within(name, kind, node.low, node.high, self.now)
            return compare(name, kind, node.operator, node.value, self.now, quoted=node.quoted)
        except ValueError as error:
            raise invalid(
                self.text, node.value_at, f"{self.subject.name}.{column}: {error}"
            ) from error

    def _contained(self, needle: str, columns: Iterable[str]) -> Condition:
        """Return the condition that one of the columns holds some characters, whatever the case."""
        plain = needle.isascii() and "\0" not in needle and len(needle) <= _LONGEST_PATTERN
        test = "{} LIKE ? ESCAPE '\\'" if plain else f"{HAS}(?, {{}})"
        value = f"%{_LIKE_SIGNS.sub(_escaped, needle)}%" if plain else needle.lower()
        parts = [
            f"(typeof(t.{identifier(c)}) <> 'blob' AND {test.format(f't.{identifier(c)}')})"
            for c in columns
        ]
        values = [value] * len(parts)
        found = Condition(f"({' OR '.join(parts)})", tuple(values))
        return self._narrowed(needle, found)

    def _narrowed(self, needle: str, found: Condition) -> Condition:
        """Look only into rows that have all trigrams of the needle, where they are indexed."""
        if not self.trigrams or len(needle) < _SHORTEST_TRIGRAM or "\0" in needle:
            return found
        pieces = dict.fromkeys(needle[at : at + 3] for at in range(len(needle) - 2))
        expression = " AND ".join('"' + piece.replace('"', '""') + '"' for piece in pieces)
        name = f"tri_{self.table.number}"
        # Values that are too long have no trigrams, so their rows are looked into in any case.
        narrowed = (
            f"(({self.document} IN ({self._documents(name)})"
            f" OR {self.document} IN (SELECT id FROM {self.schema}.rows_{self.table.number}"
            f" WHERE skipped)) AND {found.sql})"
        )
        return Condition(narrowed, (expression, *found.values))


def _together(operator: str, conditions: Sequence[Condition]) -> Condition:
    values: tuple[Value, ...] = tuple(value for part in conditions for value in part.values)
    return Condition("(" + operator.join(f"({part.sql})" for part in conditions) + ")", values)


def every(node: Node) -> Iterable[Node]:
    """Yield all parts of a tree."""
    yield node
    if isinstance(node, Not):
        yield from every(node.part)
    elif isinstance(node, (All, Any)):
        for part in node.parts:
            yield from every(part)


def _searchable(text: str) -> bool:
    return any(unicodedata.category(character) in _SEARCHABLE for character in text)


def _escaped(found: re.Match[str]) -> str:
    return f"\\{found[0]}"


def has(*given: Value) -> bool:
    """Say whether a value holds some characters, whatever their case: what `HAS` does."""
    needle, value = given
    if value is None or isinstance(value, bytes):
        return False
    return str(needle) in str(value).lower()
