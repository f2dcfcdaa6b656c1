"""How the answer of a search looks."""

from __future__ import annotations

import pytest

from dbtool.cli.context import Session
from dbtool.cli.search.run import Request
from dbtool.cli.search.view import show
from dbtool.search.model import Excerpt, Hit, SearchResult, TableMatches

REQUEST = Request(**{**dict.fromkeys(Request._fields, ()), "mode": "word", "limit": 1, "offset": 2})


def result(**given: object) -> SearchResult:
    excerpt = Excerpt("c", "a word", ((2, 6),), before=True, after=True)
    values: dict[str, object] = {
        "hits": (Hit("t", (("id", 3),), 3, (excerpt,)),),
        "total": 30_000,
        "tables": (TableMatches("t", 30_000, ranked=False),),
        "elapsed_s": 0.0021,
    }
    return SearchResult(**{**values, **given})


def test_what_was_cut_and_what_comes_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    show(Session([]), result(), REQUEST, "word")
    captured = capsys.readouterr()
    assert captured.out == "t  30,000 rows\n  id=3  c  …a word…\n"
    assert "30,000 rows match (t); these are 3 to 3; 2 ms" in captured.err
    assert "not ranked, the newest rows first: t" in captured.err


def test_nothing_and_suggestions(capsys: pytest.CaptureFixture[str]) -> None:
    show(Session([]), result(hits=(), total=0, tables=(), suggestions=("word",)), REQUEST, "wrod")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "nothing matches wrod\ndid you mean word?\n"


def test_infinite_numbers_are_text_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    session = Session(["--json"])
    hit = Hit("t", (("id", float("inf")),), 1, ())
    show(session, result(hits=(hit,)), REQUEST, "")
    assert '"id": "Infinity"' in capsys.readouterr().out
