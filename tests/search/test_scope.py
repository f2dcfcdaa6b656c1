"""Where to search."""

from __future__ import annotations

import pytest

from dbtool.errors import UsageError
from dbtool.search.model import Filter, Place, SearchOptions
from dbtool.search.scope import chosen_tables, parse_place, require_text, usable_filters
from tests.search.conftest import in_memory

CORPUS = 'CREATE TABLE a(x, y); CREATE TABLE b(y, z); CREATE TABLE "c.d"(x)'


def test_places_name_tables_columns_or_both() -> None:
    names = ["a", "b", "c.d"]
    assert parse_place("A", names) == Place("A")
    assert parse_place("a.x", names) == Place("a", "x")
    assert parse_place(".x", names) == Place(None, "x")
    assert parse_place("c.d", names) == Place("c.d")
    assert parse_place("c.d.x", names) == Place("c.d", "x")


@pytest.mark.parametrize(
    ("places", "tables", "parts"),
    [
        ((), ["a", "b", "c.d"], []),
        ((Place("a"),), ["a"], []),
        ((Place(None, "y"),), ["a", "b"], [("y",), ("y",)]),
        ((Place("a", "X"), Place("a", "y")), ["a"], []),
        ((Place("a", "x"), Place("b")), ["a", "b"], [("x",)]),
    ],
)
def test_tables_and_columns_are_chosen(places, tables: list[str], parts: list) -> None:
    chosen, columns = chosen_tables(in_memory(CORPUS).tables, places)
    assert [table.subject.name for table in chosen] == tables
    assert list(columns.values()) == parts


@pytest.mark.parametrize("place", [Place("aa"), Place("a", "z"), Place(None, "q")])
def test_what_is_not_there_is_an_error(place: Place) -> None:
    with pytest.raises(UsageError) as caught:
        chosen_tables(in_memory(CORPUS).tables, [place])
    assert caught.value.code == "place-unknown"
    assert caught.value.hint


def test_bytes_that_are_no_text_are_refused_with_their_place() -> None:
    require_text("東京 a", SearchOptions(filters=(Filter("x = ?", (1, "ok")),)))
    with pytest.raises(UsageError) as caught:
        require_text("ab\udcff", SearchOptions())
    assert caught.value.context.splitlines()[1] == "  ^"
    for given in (Filter("x = '\udcff'"), Filter("x = ?", ("\udcff",))):
        with pytest.raises(UsageError):
            require_text("a", SearchOptions(filters=(given,)))


def test_conditions_fit_the_tables_that_have_their_columns() -> None:
    corpus = in_memory(CORPUS)
    fitting, others = usable_filters(corpus.connection, corpus.tables, Filter("y > ?", (1,)))
    assert [table.subject.name for table in fitting] == ["a", "b"]
    assert [table.subject.name for table in others] == ["c.d"]
    with pytest.raises(UsageError) as caught:
        usable_filters(corpus.connection, corpus.tables, Filter("y >> > 1"))
    assert "^" in caught.value.context
