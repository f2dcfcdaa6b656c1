"""Excerpts and what is marked in them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dbtool.search.excerpts import Term, excerpts_of, plain_finder, word_finder
from dbtool.search.text import tokens


def term(text: str, *, prefix: bool = False, columns: frozenset[str] | None = None) -> Term:
    return Term(tuple(token.word for token in tokens(text)), prefix, columns)


def marked(text: str, *terms: Term) -> list[str]:
    """Return the marked parts of the only excerpt."""
    (excerpt,) = excerpts_of([("c", text)], word_finder(terms))
    return [excerpt.text[begin:end] for begin, end in excerpt.spans]


def test_words_are_marked_as_they_were_found() -> None:
    assert marked("Rock and ROCK, rocks", term("rock")) == ["Rock", "ROCK"]
    assert marked("Rock and ROCK, rocks", term("roc", prefix=True)) == ["Rock", "ROCK", "rocks"]
    assert marked("Müller, MULLER", term("muller")) == ["Müller", "MULLER"]
    assert marked("one two three two", term("two three")) == ["two three"]
    assert marked("one two three", term("two thr", prefix=True)) == ["two three"]
    assert marked("東京都庁", term("京都")) == ["京都"]
    assert marked("a 🎉 b", term("🎉")) == ["🎉"]


def test_a_word_asked_of_one_column_is_marked_there_alone() -> None:
    find = word_finder([term("x", columns=frozenset({"a"}))])
    assert [e.column for e in excerpts_of([("b", "x"), ("a", "x")], find)] == ["a"]


def test_the_excerpt_of_a_long_value_lies_around_its_matches() -> None:
    text = "filler " * 30_000 + "needle in\n\n a\thaystack " + "filler " * 50
    (excerpt,) = excerpts_of([("c", text)], word_finder([term("needle"), term("haystack")]))
    assert excerpt.before
    assert excerpt.after
    assert len(excerpt.text) < 200
    assert "needle in a haystack" in excerpt.text
    assert [excerpt.text[b:e] for b, e in excerpt.spans] == ["needle", "haystack"]


def test_the_value_with_most_matches_comes_first_and_blobs_never() -> None:
    values = [("a", "x"), ("b", "x x x"), ("c", b"x"), ("d", None), ("e", 5)]
    assert [e.column for e in excerpts_of(values, word_finder([term("x")]))] == ["b", "a"]
    assert [e.column for e in excerpts_of(values, word_finder([]))] == ["a", "b", "e"]


def test_characters_are_marked_whatever_their_case() -> None:
    (excerpt,) = excerpts_of([("c", "100% SURE, 100%")], plain_finder(["100%", "sure"]))
    assert [excerpt.text[b:e] for b, e in excerpt.spans] == ["100%", "SURE", "100%"]


@given(st.text("ab 1-_.É", max_size=30), st.text("ab 1-", min_size=1, max_size=4), st.booleans())
def test_ascii_text_is_marked_as_any_other(text: str, asked: str, prefix: bool) -> None:
    find = word_finder([term(asked, prefix=prefix)])
    plain = text.replace("É", "")
    # With a letter beyond ASCII behind it, the same text goes another way.
    with_more = [span for span in find("c", f"{plain} \u0416") if span[1] <= len(plain)]
    assert find("c", plain) == with_more


@given(st.text(max_size=400), st.text(min_size=1, max_size=5))
def test_spans_lie_in_the_excerpt_in_order(text: str, needle: str) -> None:
    for find in (word_finder([term(needle)]), plain_finder([needle])):
        for excerpt in excerpts_of([("c", text)], find):
            edges = [edge for span in excerpt.spans for edge in span]
            assert edges == sorted(edges)
            assert all(0 <= edge <= len(excerpt.text) for edge in edges)
