"""Regular expressions that end."""

from __future__ import annotations

import time

import pytest

from dbtool.errors import UsageError
from dbtool.search.regex import compile_pattern


def test_a_pattern_matches_anywhere_and_says_where() -> None:
    pattern = compile_pattern(r"\d{3}-\d{4}")
    text = "call 555-1234 now"
    assert pattern.matches(text)
    assert pattern.find("c", text) == [(5, 13)]
    assert pattern.find("c", "none") == []
    assert compile_pattern("^a").find("c", "ab") == [(0, 1)]
    assert compile_pattern("(?i)MÜLLER").matches("Müller")


def test_what_is_none_is_an_error() -> None:
    with pytest.raises(UsageError) as caught:
        compile_pattern("(a")
    assert caught.value.code == "regex-invalid"


def test_a_pattern_that_explodes_gives_up_and_is_counted() -> None:
    pattern = compile_pattern(r"(a|aa)+\1$x")
    began = time.process_time()
    assert not pattern.matches("a" * 200 + "b")
    assert time.process_time() - began < 30
    assert pattern.given_up in (0, 1)
