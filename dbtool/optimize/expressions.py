"""Expressions that statements compare or sort by, which only an index on the same one can serve.

Found in the tokens of a statement: a call such as lower(name) or json_extract(data, '$.a'), or
data ->> '$.a', whose names are all columns of one table. SQLite is asked whether it takes an index
on it; here nothing is judged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from dbtool.core.names import folded
from dbtool.optimize.tokens import Token, name_of, tokens

__all__ = ["expressions_in"]

_COMPARED: Final = frozenset(
    {"=", "==", "<", ">", "<=", ">=", "in", "is", "between", "like", "glob", "not"}
)
_NO_COLUMNS: Final = frozenset({"as", "collate", "nocase", "text", "integer", "real"})
_AFTER_ORDER: Final = frozenset({"by", ","})
_NO_CALLS: Final = frozenset(
    {
        "and", "as", "avg", "between", "by", "case",
        "count", "date", "datetime", "else", "exists", "from",
        "group_concat", "having", "in", "into", "join", "julianday",
        "like", "limit", "max", "min", "not", "on",
        "or", "over", "random", "returning", "select", "set",
        "strftime", "string_agg", "sum", "then", "time", "total",
        "unixepoch", "using", "values", "when", "where",
    }
)  # fmt: skip
"""Words before a bracket that call nothing, or nothing that an index may hold."""


def expressions_in(sql: str, columns: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, str]]:
    """Yield (table, expression) that a statement compares or sorts by.

    Args:
        sql: one statement.
        columns: names of the columns of each table of the schema.
    """
    found = tokens(sql)
    words = {folded(name_of(token)) for token in found if token.kind in ("word", "quoted")}
    tables = {name: cols for name, cols in columns.items() if folded(name) in words}
    at = 0
    while at < len(found):
        end = _call_end(found, at) or _arrow_end(found, at)
        if end is None:
            at += 1
            continue
        if _matters(found, at, end):
            inner = _unqualified(found[at:end])
            for table, names in tables.items():
                if _is_about(inner, names):
                    yield table, "".join(_spaced(inner))
        at = end


def _call_end(found: Sequence[Token], at: int) -> int | None:
    """Return where the call that begins at a token ends; None where none does."""
    head = found[at]
    if head.kind != "word" or head.text.lower() in _NO_CALLS or at + 1 >= len(found):
        return None
    if found[at + 1].text != "(":
        return None
    depth = 0
    for index in range(at + 1, len(found)):
        depth += (found[index].text == "(") - (found[index].text == ")")
        if found[index].text.lower() == "select" or found[index].kind == "parameter":
            return None
        if not depth:
            return index + 1
    return None


def _arrow_end(found: Sequence[Token], at: int) -> int | None:
    """Return where `column ->> 'path'` ends, which may have several arrows."""
    end = at + (3 if at + 1 < len(found) and found[at + 1].text == "." else 1)
    if end >= len(found) or found[at].kind not in ("word", "quoted"):
        return None
    start = end
    while end + 1 < len(found) and found[end].text in ("->", "->>"):
        if found[end + 1].kind != "value":
            return None
        end += 2
    return end if end > start else None


def _matters(found: Sequence[Token], at: int, end: int) -> bool:
    before = found[at - 1].text.lower() if at else ""
    after = found[end].text.lower() if end < len(found) else ""
    return after in _COMPARED or before in (_COMPARED - {"in", "not"}) or before in _AFTER_ORDER


def _unqualified(piece: Sequence[Token]) -> list[Token]:
    """Leave the name of the table before a column out: an index allows none."""
    kept: list[Token] = []
    for token in piece:
        if kept and kept[-1].text == "." and token.kind in ("word", "quoted"):
            del kept[-2:]
        kept.append(token)
    return kept


def _is_about(piece: Sequence[Token], names: Sequence[str]) -> bool:
    known = {folded(name) for name in names}
    calls = {index for index, token in enumerate(piece[1:]) if token.text == "("}
    used = [
        folded(name_of(token))
        for index, token in enumerate(piece)
        if token.kind in ("word", "quoted") and index not in calls
    ]
    meant = [name for name in used if name not in _NO_COLUMNS]
    return bool(meant) and all(name in known for name in meant)


def _spaced(piece: Sequence[Token]) -> Iterator[str]:
    for index, token in enumerate(piece):
        tight = token.text in "(),." or (index and piece[index - 1].text in "(.")
        yield token.text if tight or not index else f" {token.text}"
