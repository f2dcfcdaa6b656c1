"""Tokens and what is indexed of a value."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbtool.search.text import (
    LARGEST_TEXT,
    indexed,
    match_string,
    row_digest,
    set_apart,
    tokens,
)


def test_tokens_have_no_case_and_no_accents() -> None:
    found = tokens("Ünïted STATES, naïve")
    assert [token.word for token in found] == ["united", "states", "naive"]
    assert [(token.start, token.end) for token in found] == [(0, 6), (7, 13), (15, 20)]


def test_characters_of_scripts_without_blanks_are_words_with_their_places() -> None:
    text = "ab東京🎉é"
    assert [(t.word, text[t.start : t.end]) for t in tokens(text)] == [
        ("ab", "ab"),
        ("東", "東"),
        ("京", "京"),
        ("🎉", "🎉"),
        ("e", "é"),
    ]
    assert set_apart("plain") == "plain"


def test_a_query_word_is_quoted_whatever_it_holds() -> None:
    assert match_string('a"b') == '"a""b"'
    assert match_string("a", prefix=True) == '"a" *'
    assert match_string("東京") == '" 東  京 "'
    assert "\0" not in match_string("a\0b")


def test_only_text_and_numbers_are_indexed() -> None:
    assert indexed(b"abc") is None
    assert indexed(None) is None
    assert indexed(1.5) == 1.5
    assert indexed("x" * (LARGEST_TEXT + 1)) is None
    assert indexed("東") == " 東 "


def test_the_digest_tells_types_and_places_apart() -> None:
    rows = [(1,), (1.0,), ("1",), (None,), ("a", "b"), ("ab", ""), ("\ud800",)]
    assert len({row_digest(row) for row in rows}) == len(rows)


@given(st.text(max_size=60))
def test_places_of_tokens_lie_in_the_text(text: str) -> None:
    end = 0
    for token in tokens(text):
        assert end <= token.start <= token.end <= len(text)
        end = token.start


@pytest.mark.parametrize("text", ["\ud800 a", "a\0b", ""])
def test_odd_text_has_tokens_all_the_same(text: str) -> None:
    assert [token.word for token in tokens(text)] in ([], ["a"], ["a", "b"], ["a\0b"])
