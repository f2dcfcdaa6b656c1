"""Words that may have been meant."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbtool.core.progress import Silent
from dbtool.search.access import search_corpus
from dbtool.search.model import SearchOptions
from dbtool.search.suggest import distance
from tests.search.conftest import in_memory

WORDS = [
    "abandon",
    "accurate",
    "backup",
    "balance",
    "calendar",
    "capacity",
    "database",
    "decision",
    "economy",
    "electric",
    "fabric",
    "failure",
    "garden",
    "general",
    "harbour",
    "history",
    "imagine",
    "industry",
    "journey",
    "justice",
    "kitchen",
    "kingdom",
    "language",
    "liberty",
    "machine",
    "material",
    "network",
    "northern",
    "observe",
    "opinion",
    "package",
    "parallel",
    "quality",
    "quarter",
    "railway",
    "receive",
    "science",
    "security",
    "teacher",
    "theatre",
    "uniform",
    "universe",
    "village",
    "volcano",
    "weather",
    "western",
    "yesterday",
    "younger",
    "zealous",
    "zoology",
    "snapshot",
    "repository",
    "transaction",
    "checkpoint",
]


def damaged(word: str, draw: random.Random) -> str:
    """Return a word with one or two mistakes of typing."""
    for _ in range(draw.choice((1, 1, 2))):
        at = draw.randrange(len(word) - 1)
        letter = draw.choice("abcdefghijklmnopqrstuvwxyz")
        word = draw.choice(
            (
                word[:at] + word[at + 1 :],
                word[:at] + letter + word[at:],
                word[:at] + letter + word[at + 1 :],
                word[:at] + word[at + 1] + word[at] + word[at + 2 :],
            )
        )
    return word


def test_28_of_30_damaged_words_are_found_among_five() -> None:
    draw = random.Random(1)
    values = "), (".join(f"'{' '.join(draw.sample(WORDS, 5))}'" for _ in range(200))
    corpus = in_memory(f"CREATE TABLE t(x); INSERT INTO t VALUES({values})")
    good = 0
    for word in draw.sample(WORDS, 30):
        wrong = word
        while wrong in WORDS or len(wrong) < 5:
            wrong = damaged(word, draw)
        result = search_corpus(corpus, wrong, SearchOptions(), Silent())
        assert result.total == 0
        good += word in result.suggestions[:5]
    assert good >= 28


def test_nothing_is_suggested_for_short_words_and_words_that_occur() -> None:
    corpus = in_memory("CREATE TABLE t(x); INSERT INTO t VALUES('rocks'), ('stones')")
    for text in ("roks", "rocks stones", "rocks*x"):
        assert search_corpus(corpus, text, SearchOptions(), Silent()).suggestions == ()
    result = search_corpus(corpus, "rocks stonse", SearchOptions(), Silent())
    assert result.suggestions == ("stones",)


@pytest.mark.parametrize(
    ("one", "other", "steps"),
    [("abc", "abc", 0), ("abc", "acb", 1), ("abc", "ab", 1), ("abc", "xbz", 2), ("abc", "xyz", 3)],
)
def test_swapped_letters_are_one_step(one: str, other: str, steps: int) -> None:
    assert distance(one, other, 5) == distance(other, one, 5) == steps


@given(st.text("abc", max_size=7), st.text("abc", max_size=7))
def test_the_limit_only_cuts_off(one: str, other: str) -> None:
    exact = distance(one, other, 20)
    for most in (1, 2, 3):
        assert (distance(one, other, most) <= most) == (exact <= most)
