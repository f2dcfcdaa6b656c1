"""Tokens: nothing of a text is lost, and two texts of the same tokens have the same code."""

from __future__ import annotations

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbtool.migrate.tokens import code_of, tokens, unquoted

PIECES = st.lists(
    st.sampled_from(
        [
            "--x\n",
            "/* ; */",
            "'a;''b'",
            '"c;d"',
            "[e;f]",
            "`g`",
            "x'00'",
            "1.5e3",
            "->>",
            "-",
            ";",
            "select",
            "$a",
            ":b",
            "é",
            "\x00",
            "'",
            "/*",
            " ",
            "\n",
            ".",
        ]
    )
).map("".join)


@given(PIECES | st.text())
def test_the_tokens_of_a_text_are_the_text(text: str) -> None:
    assert "".join(token.text for token in tokens(text)) == text


@given(PIECES)
def test_code_is_stable(text: str) -> None:
    assert code_of(code_of(text)) == code_of(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SELECT  1 -- why\n, 2", "SELECT 1,2"),
        ("select'a'as b", "select 'a' as b"),
        ("CREATE TABLE t ( a , b )", "CREATE TABLE t(a,b)"),
        ("select a. b", "select a.b"),
    ],
)
def test_white_space_and_comments_are_no_code(one: str, other: str) -> None:
    assert code_of(one) == code_of(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("select 'a b'", "select 'ab'"), ("select 1 - -1", "select 1 -1"), ("a b", "ab")],
)
def test_what_sqlite_reads_otherwise_is_other_code(one: str, other: str) -> None:
    assert code_of(one) != code_of(other)


@pytest.mark.parametrize("sql", ["SELECT 1 - -1, 3 /(2) , 'x' 'y', 1 < -1 ,- + 2", "SELECT 1 .5"])
def test_code_means_what_the_text_means(sql: str) -> None:
    connection = apsw.Connection("")
    try:
        expected = connection.execute(sql).fetchall()
    except apsw.Error:
        return
    assert connection.execute(code_of(sql)).fetchall() == expected


@pytest.mark.parametrize(
    ("word", "name"), [('"a""b"', 'a"b'), ("[a b]", "a b"), ("`x`", "x"), ("plain", "plain")]
)
def test_a_quoted_name_is_read(word: str, name: str) -> None:
    assert unquoted(word) == name
