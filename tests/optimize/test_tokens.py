# ruff: noqa: E501 - statements read best on one line
"""SQL cut into tokens."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbtool.optimize.tokens import name_of, split_statements, tokens


@given(st.text(alphabet="ab'\"`[];-/*.?:1 \n(", max_size=60))
def test_tokens_are_the_whole_text_in_order(text: str) -> None:
    assert "".join(token.text for token in tokens(text, all_kinds=True)) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT 1; SELECT 2", ["SELECT 1", "SELECT 2"]),
        ("SELECT ';' -- ; \n; SELECT 2;", ["SELECT ';' -- ;", "SELECT 2", ""]),
        ('SELECT "a;b"', ['SELECT "a;b"']),
        (
            "CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; SELECT CASE WHEN 1 THEN 2 END; END; X",
            [
                "CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; SELECT CASE WHEN 1 THEN 2 END; END",
                "X",
            ],
        ),
    ],
)
def test_statements_end_where_sqlite_ends_them(text: str, expected: list[str]) -> None:
    assert list(split_statements(text)) == expected


def test_quoted_names_lose_their_quotes() -> None:
    names = [name_of(token) for token in tokens('"a""b" `c` [d] e')]
    assert names == ['a"b', "c", "d", "e"]
