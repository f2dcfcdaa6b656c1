"""Definitions of tables in one canonical layout, and the meaning of any definition, for comparing.

Works on tokens alone and never changes one: quotes are left out only around names that stand where
SQLite can read nothing but a name. A definition with comments is left as somebody wrote it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import apsw

from dbtool.core.names import folded
from dbtool.migrate.tokens import Token, tokens, unquoted

__all__ = [
    "TableText",
    "canonical_sql",
    "external_content",
    "is_plain_name",
    "meaning",
    "meaningful",
    "read_table",
    "spelled",
    "split_list",
]

_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_CONSTRAINTS: Final = frozenset({"CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"})
_EXPRESSIONS: Final = frozenset({"CHECK", "AS", "DEFAULT"})
"""Words before a bracket in which quoted text may be a string."""
_SPACED: Final = frozenset(
    {
        "ALWAYS", "AND", "AS", "BETWEEN", "CASE", "CHECK", "DEFAULT", "ELSE", "ESCAPE", "EXISTS",
        "FROM", "IN", "IS", "KEY", "NOT", "NULL", "ON", "OR", "SELECT", "THEN", "UNIQUE", "USING",
        "WHEN", "WHERE",
    }
)  # fmt: skip
"""Words that are no functions or tables, so that a bracket after them stands apart."""


@dataclass(frozen=True, slots=True)
class TableText:
    """The text of one CREATE TABLE, cut where its parts begin."""

    name: str
    columns: tuple[tuple[str, tuple[Token, ...]], ...]
    """Each column's name and definition, the name included."""
    constraints: tuple[tuple[Token, ...], ...]
    options: tuple[Token, ...]
    """WITHOUT ROWID, STRICT."""

    def column(self, name: str) -> tuple[Token, ...] | None:
        """Return the definition of a column."""
        wanted = folded(name)
        return next((text for each, text in self.columns if folded(each) == wanted), None)


def meaningful(sql: str) -> list[Token]:
    """Return the tokens that SQLite looks at: neither space nor comments, nor a last semicolon."""
    listed = [token for token in tokens(sql) if token.kind not in ("space", "comment")]
    while listed and listed[-1].text == ";":
        listed.pop()
    return listed


def meaning(sql: str | Iterable[Token]) -> tuple[str, ...]:
    """Return what two definitions have in common that mean the same.

    Space, comments, the case of ASCII letters outside of strings, and how a name is quoted are left
    out.
    """
    return tuple(map(_meant, meaningful(sql) if isinstance(sql, str) else sql))


def _meant(token: Token) -> str:
    if token.kind == "name":
        name = folded(unquoted(token.text))
        return name if _PLAIN.fullmatch(name) else f'"{name}"'
    return folded(token.text) if token.kind in ("word", "number") else token.text


def is_plain_name(name: str) -> bool:
    """Say whether a name needs no quotes."""
    return bool(_PLAIN.fullmatch(name)) and name.upper() not in _keywords()


@cache
def _keywords() -> frozenset[str]:
    return frozenset(apsw.keywords)


def canonical_sql(kind: str, sql: str) -> str:
    """Return the definition of one object, as `sqlite_schema` has it, in its canonical layout.

    A table has one column or constraint on each line, an index stands on one line. Views, triggers,
    virtual tables and what holds comments stay as they are, but for space at the ends of lines.
    """
    table = read_table(sql) if kind == "table" and not _has_comments(sql) else None
    if table is not None:
        parts = [spelled(_bare(list(text))) for _, text in table.columns]
        parts += [spelled(_bare(list(text))) for text in table.constraints]
        options = f" {spelled(table.options)}" if table.options else ""
        head = spelled(_bare(_head(sql)))
        return f"{head} (\n    " + ",\n    ".join(parts) + f"\n){options}"
    if kind == "index" and not _has_comments(sql):
        return spelled(_bare_index(meaningful(sql), len(_head(sql))))
    return "\n".join(line.rstrip() for line in sql.strip().removesuffix(";").splitlines())


def _has_comments(sql: str) -> bool:
    return any(token.kind == "comment" for token in tokens(sql))


def _head(sql: str) -> list[Token]:
    listed = meaningful(sql)
    return listed[: next(i for i, token in enumerate(listed) if token.text == "(")]


def read_table(sql: str) -> TableText | None:
    """Cut a CREATE TABLE with a list of columns into its parts; None where it is something else."""
    listed = meaningful(sql)
    words = [token.text.upper() for token in listed[:3]]
    start = next((i for i, token in enumerate(listed) if token.text == "("), None)
    if not words or words[0] != "CREATE" or "VIRTUAL" in words or start is None:
        return None
    if any(token.text.upper() == "AS" and token.kind == "word" for token in listed[:start]):
        return None
    end = max((i for i, token in enumerate(listed) if token.text == ")"), default=len(listed))
    columns: list[tuple[str, tuple[Token, ...]]] = []
    constraints: list[tuple[Token, ...]] = []
    for part in split_list(listed[start + 1 : end]):
        if part[0].kind == "word" and part[0].text.upper() in _CONSTRAINTS:
            constraints.append(tuple(part))
        else:
            columns.append((unquoted(part[0].text), tuple(part)))
    name = unquoted(listed[start - 1].text)
    return TableText(name, tuple(columns), tuple(constraints), tuple(listed[end + 1 :]))


def external_content(sql: str) -> str | None:
    """Return the table whose rows a full-text index is over; None: it keeps its text itself."""
    listed = meaningful(sql)
    words = [token.text.upper() for token in listed]
    if words[:2] != ["CREATE", "VIRTUAL"] or not {"FTS4", "FTS5"} & set(words):
        return None
    for at, word in enumerate(words[:-2]):
        if word == "CONTENT" and words[at + 1] == "=":
            return unquoted(listed[at + 2].text) or None
    return None


def split_list(listed: Sequence[Token]) -> list[list[Token]]:
    """Split tokens at the commas that stand in no brackets; empty parts are left out."""
    parts: list[list[Token]] = [[]]
    depth = 0
    for token in listed:
        depth += (token.text == "(") - (token.text == ")")
        if token.text == "," and depth == 0:
            parts.append([])
        else:
            parts[-1].append(token)
    return [part for part in parts if part]


def _bare_index(listed: list[Token], head: int) -> Iterator[Token]:
    yield from _bare(listed[:head])
    for token in listed[head:]:
        yield from [token] if token.text.startswith('"') else _bare([token])


def _bare(listed: list[Token]) -> Iterator[Token]:
    """Yield tokens, the quotes left out around names that need none and can be nothing else."""
    expression: int | None = None
    depth = 0
    for index, token in enumerate(listed):
        before = listed[index - 1].text.upper() if index else ""
        if token.text == "(":
            depth += 1
            if expression is None and before in _EXPRESSIONS:
                expression = depth
        elif token.text == ")":
            if expression == depth:
                expression = None
            depth -= 1
        # Text in double quotes may be a string; the other quotes are always those of a name.
        surely = not token.text.startswith('"') or (expression is None and before != "DEFAULT")
        free = token.kind == "name" and surely
        name = unquoted(token.text)
        yield Token("word", name, token.start) if free and is_plain_name(name) else token


def spelled(listed: Iterable[Token]) -> str:
    """Return tokens as one line, spaced as people do."""
    text, before, unary = "", None, True
    for token in listed:
        if before is not None and _apart(before, token, unary=unary):
            text += " "
        text += token.text
        # A sign is unary where no operand stands before it.
        unary = _begins_operand(before, token)
        before = token
    return text


def _begins_operand(before: Token | None, token: Token) -> bool:
    """Say whether a + or - is part of the operand that follows it."""
    if token.text not in ("+", "-", "~") or before is None:
        return token.text in ("+", "-", "~")
    if before.kind == "word":
        return before.text.upper() in _keywords()
    return before.kind == "sign" and before.text != ")"


def _apart(before: Token, token: Token, *, unary: bool) -> bool:
    """Say whether a space belongs between two tokens."""
    if token.text in (",", ")", ".", ";") or before.text in ("(", "."):
        return False
    if unary and before.text in ("+", "-", "~"):
        return token.text in ("+", "-")  # "--" would begin a comment
    if token.text == "(":
        return before.kind not in ("name", "word") or before.text.upper() in _SPACED
    return True
