"""Trees become MATCH expressions and conditions."""

from __future__ import annotations

from datetime import UTC, datetime

import apsw
import pytest

from dbtool.errors import UsageError
from dbtool.search.kinds import ColumnKind
from dbtool.search.matching import Compiler, Match, check_names, names_column
from dbtool.search.query import parse_query
from dbtool.search.sidecar import IndexedTable
from dbtool.search.subjects import subjects_of


def table() -> IndexedTable:
    connection = apsw.Connection(":memory:")
    connection.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT, b INT)")
    return IndexedTable(1, subjects_of(connection).tables[0], (1, 0, 2))


def compiled(text: str, mode: str = "word", **settings: object) -> Match | None:
    kinds = {"id": ColumnKind("number"), "a": ColumnKind("text"), "b": ColumnKind("number")}
    compiler = Compiler(
        text,
        mode,
        table(),
        lambda column: kinds[column],
        datetime(2026, 1, 1, tzinfo=UTC),
        schema="s",
        **settings,
    )
    return compiler.compile_top(parse_query(text))


@pytest.mark.parametrize(
    ("text", "words", "conditions"),
    [
        ("x", '"x"', 0),
        ("x y*", '("x") AND ("y" *)', 0),
        ("x -y", '(("x")) NOT (("y"))', 0),
        ("x OR y", '("x") OR ("y")', 0),
        ("a:x", '{c0} : "x"', 0),
        ("x b>1", '("x")', 1),
        ("b:1", None, 1),
        ("x OR b>1", None, 1),
        ("-x", None, 1),
        ("table:t x", '("x")', 0),
        ("-table:u x", '("x")', 0),
    ],
)
def test_words_become_one_match_and_the_rest_conditions(
    text: str, words: str | None, conditions: int
) -> None:
    match = compiled(text)
    assert match is not None
    assert match.words == words
    assert len(match.conditions) == conditions


@pytest.mark.parametrize("text", ["nosuch:x", "x table:u", "nosuch>1 x", "(table:u) (x OR b>1)"])
def test_what_the_table_does_not_have_matches_nothing(text: str) -> None:
    assert compiled(text) is None


def test_values_are_bound_and_never_in_the_sql() -> None:
    match = compiled('a="x\'y" OR id>7')
    assert match is not None
    (condition,) = match.conditions
    assert condition.values == ("x'y", 7)
    assert "x'y" not in condition.sql


def test_trigrams_narrow_substrings_of_three_characters_and_more() -> None:
    for text, narrowed in (("abcd", True), ("ab", False)):
        match = compiled(text, "substring", trigrams=True)
        assert match is not None
        assert ("tri_1" in match.conditions[0].sql) is narrowed


def test_names_may_say_their_table() -> None:
    subject = table().subject
    assert names_column(subject, "A") == "a"
    assert names_column(subject, "T.a") == "a"
    assert names_column(subject, "u.a") is None


def test_names_are_checked_against_all_tables() -> None:
    for text in ("c:x", "c>1", "c:1..2", "table:x y"):
        with pytest.raises(UsageError):
            check_names(text, parse_query(text), [table().subject], "word")
    check_names("!!!", parse_query("!!!"), [table().subject], "substring")
