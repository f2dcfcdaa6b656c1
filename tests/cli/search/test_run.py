"""From the words of the command line to a search."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbtool.cli.context import Session
from dbtool.cli.search.run import Request, index_place, query_and_database
from dbtool.errors import UsageError
from tests.cli.conftest import make_database


def request(**given: object) -> Request:
    values = dict.fromkeys(Request._fields, ())
    return Request(**{**values, "saved": None, "timeout": None, **given})


def test_one_word_is_the_query_unless_conditions_say_which_rows() -> None:
    make_database(Path("app.db"), rows=1)
    session = Session([])
    assert query_and_database(session, "app.db", None, request()) == ("app.db", None)
    with_where = request(where=("id = 1",))
    assert query_and_database(session, "app.db", None, with_where) == ("", "app.db")
    assert query_and_database(session, "word", None, with_where) == ("word", None)
    assert query_and_database(session, "word", "app.db", with_where) == ("word", "app.db")
    with pytest.raises(UsageError):
        query_and_database(session, None, None, request())


def test_the_index_of_a_folder_that_is_not_ours_lies_in_the_cache(
    tmp_path: Path, monkeypatch
) -> None:
    import os

    assert index_place(Path("app.db")).parent == Path.cwd()
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert index_place(Path("app.db")).parent == tmp_path / ".xdg-cache" / "dbtool" / "search"
