"""Rules over random rows against the same rules written in Python."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import apsw
from hypothesis import given
from hypothesis import strategies as st

from dbtool.integrity.rules.check import check_rules
from dbtool.integrity.rules.model import (
    Holds,
    Matches,
    NotNull,
    OneOf,
    Range,
    References,
    Rule,
    RuleSet,
    TableRules,
    TypeIs,
    Unique,
)

VALUES = st.one_of(
    st.none(),
    st.integers(-3, 3),
    st.integers(-(1 << 63), (1 << 63) - 1),
    st.floats(allow_nan=False),
    st.text(st.characters(blacklist_categories=["Cs"], max_codepoint=0x2FF), max_size=3),
    st.binary(max_size=2),
)
TYPES = {int: "integer", float: "real", str: "text", bytes: "blob"}


def is_number(value: Any) -> bool:
    return isinstance(value, (int, float))


ORACLE: list[tuple[Rule, Callable[[Any], bool]]] = [
    (TypeIs("v", ("integer", "blob")), lambda v: TYPES[type(v)] in ("integer", "blob")),
    (Range("v", -2, 2.5), lambda v: is_number(v) and -2 <= v <= 2.5),
    (Range("v", "a", None), lambda v: isinstance(v, str) and v.encode() >= b"a"),
    (OneOf("v", (1, 2.5, "a", "")), lambda v: not isinstance(v, bytes) and v in (1, 2.5, "a", "")),
    (
        Matches("v", "[0-9a-f]*"),
        lambda v: isinstance(v, str) and bool(re.fullmatch("[0-9a-f]*", v)),
    ),
    (Holds("typeof(v) <> 'text' OR v <> ''"), lambda v: v != ""),
    (References("v", "p", "k"), lambda v: v in (0, 1, "a")),
]


@given(st.lists(VALUES, max_size=30), st.integers(0, 5))
def test_every_rule_finds_what_python_finds(values: list[Any], limit: int) -> None:
    db = apsw.Connection(":memory:")
    db.execute("CREATE TABLE p(k)")
    db.execute("INSERT INTO p VALUES (0), (1), ('a')")
    db.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, v)")
    db.executemany("INSERT INTO t VALUES (?, ?)", enumerate(values))
    rules = (NotNull("v"), Unique(("v",)), *(rule for rule, _ in ORACLE))
    report = check_rules(db, RuleSet((TableRules("t", rules),)), limit=limit)
    null, unique, *others = report.results
    assert null.total == values.count(None)
    filled = [v for v in values if v is not None]
    distinct: set[Any] = {(isinstance(v, bytes), v) for v in filled}
    assert unique.total == len(filled) - len(distinct)
    for result, (rule, holds) in zip(others, ORACLE, strict=True):
        wrong = [i for i, v in enumerate(values) if v is not None and not holds(v)]
        assert result.total == len(wrong), rule
        assert [o.key[0][1] for o in result.offenders] == wrong[:limit], rule
    db.close()
