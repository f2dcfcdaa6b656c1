"""Saved searches and their filters."""

from __future__ import annotations

import pytest

from dbtool.errors import NotFound, UsageError
from dbtool.search.model import Filter, Place
from dbtool.search.saved import chosen_filters, find_saved, saved_searches

SEARCHES = saved_searches(
    {
        "files": {
            "table": "files",
            "columns": ("name", "note"),
            "description": "stored files",
            "filters.client": "client = ?",
            "filters.size": "size BETWEEN ? AND ? * 2 AND name <> '?'",
            "filters.verified": "verified = 1",
        },
        "all": {},
        "table": {"table": "t"},
    }
)


def test_a_saved_search_is_a_table_columns_and_filters() -> None:
    files = find_saved(SEARCHES, "files")
    assert files.places == (Place("files", "name"), Place("files", "note"))
    assert files.description == "stored files"
    assert find_saved(SEARCHES, "all").places == ()
    assert find_saved(SEARCHES, "table").places == (Place("t"),)


def test_each_question_mark_takes_the_value() -> None:
    files = find_saved(SEARCHES, "files")
    found = chosen_filters(files, [("client", "x' OR 1"), ("size", 5)], bare=["verified"])
    assert found == (
        Filter("client = ?", ("x' OR 1",), "filter client"),
        Filter("size BETWEEN ? AND ? * 2 AND name <> '?'", (5, 5), "filter size"),
        Filter("verified = 1", (), "filter verified"),
    )


@pytest.mark.parametrize(
    ("given", "bare", "code"),
    [
        ([("clint", 1)], [], "filter-unknown"),
        ([("verified", 1)], [], "filter-value"),
        ([], ["client"], "filter-value"),
        ([], ["nosuch"], "filter-unknown"),
    ],
)
def test_filters_that_do_not_fit_say_what_would(given, bare, code: str) -> None:
    with pytest.raises(UsageError) as caught:
        chosen_filters(find_saved(SEARCHES, "files"), given, bare=bare)
    assert caught.value.code == code
    assert caught.value.hint


def test_an_unknown_search_names_those_there_are() -> None:
    with pytest.raises(NotFound) as caught:
        find_saved(SEARCHES, "file")
    assert "files" in caught.value.hint
    with pytest.raises(NotFound) as caught:
        find_saved({}, "file")
    assert "[search.NAME]" in caught.value.hint
