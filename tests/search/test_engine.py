"""Searches: which rows they find, how they are counted, ordered and shown."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dbtool.core.progress import Silent
from dbtool.errors import DbtoolError, UsageError
from dbtool.search import engine
from dbtool.search.access import SearchAccess, search_database
from dbtool.search.engine import run_search
from dbtool.search.model import Filter, Place, SearchOptions, SearchResult
from tests.search.conftest import INDEXED, Keys, database, found, in_memory, keys

Ask = Callable[..., SearchResult]
NOW = datetime(2026, 2, 3, tzinfo=UTC)
STONES: Keys = [("label", "en"), ("label", "ja"), ("orders", 11), ("person", 2)]


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("stone", STONES),
        ("STONE -bob", [("label", "en"), ("label", "ja"), ("orders", 11)]),
        (
            "stone*",
            [("label", "en"), ("label", "ja"), ("orders", 10), ("orders", 11), ("person", 2)],
        ),
        ('"rolling stones"', [("orders", 10)]),
        ('"stones rolling"', []),
        ("zoe", [("person", 3)]),
        ("koln", [("person", 1)]),
        ("京都", [("label", "ja")]),
        ("都京", []),
        ("石", [("label", "ja")]),
        ("🎉", [("bare", 1)]),
        ("4711", [("bare", 3)]),
        ("rock", [("bare", 1), ("label", "en")]),
        ("rock table:label", [("label", "en")]),
        ("-stone table:person", [("person", 1), ("person", 3)]),
        ("name:stone", [("person", 2)]),
        ("person.name:stone OR orders.note:stone", [("orders", 11), ("person", 2)]),
        ("total>12", [("orders", 10), ("orders", 11)]),
        ("total:..12.5 status=paid", [("orders", 10), ("orders", 12)]),
        ("status!=paid", [("orders", 11)]),
        ("born:1990", [("person", 2)]),
        ("born<=1990", [("person", 1), ("person", 2)]),
        ("paid_at>=2026-02", [("orders", 12)]),
        ("paid_at:7d..", [("orders", 12)]),
        ("paid_at=NULL", [("orders", 11)]),
        ("city=NULL OR total>50", [("orders", 11), ("person", 3)]),
        ("(bob OR ann) -city:bonn", [("person", 1)]),
        ("total>50 OR rock", [("bare", 1), ("label", "en"), ("orders", 11)]),
        ("-(stone OR rock) table:label", []),
        ("number:10", [("orders", 10)]),
    ],
)
def test_rows_are_found_with_and_without_an_index(ask: Ask, query: str, rows: Keys) -> None:
    result = ask(query, now=NOW)
    assert keys(result) == sorted(rows, key=str)
    assert result.total == len(rows)
    assert sum(each.rows for each in result.tables) == len(rows)


@pytest.mark.parametrize(
    ("query", "mode", "rows"),
    [
        ("ock", "substring", [("bare", 1), ("label", "en")]),
        ("ock -party", "substring", [("label", "en")]),
        ("OLLI", "substring", [("orders", 10), ("person", 3)]),
        ("MÜLL", "substring", [("person", 1)]),
        ("都の", "substring", [("label", "ja")]),
        ("%", "substring", []),
        ("7", "substring", [("bare", 3), ("orders", 10), ("orders", 12), ("person", 1)]),
        ("^a ", "regex", [("label", "en"), ("orders", 11)]),
        (r"[0-9]{4}-0[15]", "regex", [("person", 1), ("person", 2)]),
        (r"^\d+$", "regex", [("bare", 3), ("orders", 10), ("orders", 11), ("orders", 12)]),
    ],
)
def test_characters_and_patterns_are_found_in_the_rows(
    ask: Ask, query: str, mode: str, rows: Keys
) -> None:
    got = [key for key in keys(ask(query, mode=mode)) if mode != "regex" or key[0] != "skip"]
    if query == r"^\d+$":
        got = [key for key in got if key[0] in ("bare", "orders")]
    assert got == sorted(rows, key=str)


def test_a_hit_shows_its_key_and_what_matched(ask: Ask) -> None:
    (hit,) = ask('"piece of" lang:en').hits
    assert hit.table == "label"
    assert hit.key == (("lang", "en"), ("word", "stone"))
    excerpt = hit.excerpts[0]
    assert excerpt.column == "text"
    assert excerpt.text[slice(*excerpt.spans[0])] == "piece of"
    assert hit.row == ()


def test_whole_rows_come_with_blobs_and_generated_columns() -> None:
    corpus = in_memory("CREATE TABLE t(x, y AS (x || '!'), z); INSERT INTO t VALUES('word', x'01')")
    (hit,) = run_search(corpus, "word", SearchOptions(whole_rows=True), Silent()).hits
    assert hit.row == (("x", "word"), ("y", "word!"), ("z", b"\x01"))


def test_pages_follow_each_other_and_tables_take_turns() -> None:
    rows = "), (".join(f"'word {n}'" for n in range(30))
    corpus = in_memory(
        f"CREATE TABLE a(x); INSERT INTO a VALUES({rows});"
        "CREATE TABLE b(x); INSERT INTO b VALUES('word'), ('a word')"
    )
    everything = run_search(corpus, "word", SearchOptions(limit=100), Silent())
    assert everything.total == 32
    assert [hit.table for hit in everything.hits[:5]] == ["b", "a", "b", "a", "a"]
    pages = [
        run_search(corpus, "word", SearchOptions(limit=7, offset=at), Silent()).hits
        for at in range(0, 40, 7)
    ]
    assert tuple(hit for page in pages for hit in page) == everything.hits


def test_what_is_too_common_to_rank_comes_newest_first(monkeypatch) -> None:
    monkeypatch.setattr(engine, "RANKED_MOST", 2)
    corpus = in_memory("CREATE TABLE t(x); INSERT INTO t VALUES('w'), ('w'), ('w w'), ('v')")
    result = run_search(corpus, "w", SearchOptions(limit=2), Silent())
    assert [hit.key for hit in result.hits] == [(("rowid", 3),), (("rowid", 2),)]
    assert not result.tables[0].ranked
    assert run_search(corpus, "v", SearchOptions(), Silent()).tables[0].ranked


def test_facets_count_all_rows_that_match(ask: Ask) -> None:
    (facet, tables) = ask("table:orders OR stone", facets=("status", "table")).facets
    assert facet.values == (("Paid", 1), ("open", 1), ("paid", 1))
    assert facet.others == 4 + 0 - 1
    assert dict(tables.values) == {"orders": 3, "label": 2, "person": 1}
    with pytest.raises(UsageError) as caught:
        ask("stone", facets=("statuss",))
    assert caught.value.code == "facet-unknown"
    assert "status" in caught.value.hint


def test_conditions_leave_out_tables_that_lack_a_column(ask: Ask) -> None:
    result = ask("stone", filters=(Filter("total > ? AND person", (50,)),))
    assert keys(result) == [("orders", 11)]
    assert "left out: bare, label, person" in result.notes[0]
    assert keys(ask("", filters=(Filter("status = 'open'"),))) == [("orders", 11)]


@pytest.mark.parametrize(
    "given",
    [
        Filter("nosuch = 1"),
        Filter("total >"),
        Filter("1); SELECT (1"),
        Filter("?"),
    ],
)
def test_a_condition_that_fits_nowhere_is_an_error(ask: Ask, given: Filter) -> None:
    with pytest.raises(UsageError) as caught:
        ask("stone", filters=(given,))
    assert caught.value.code == "where-invalid"


@pytest.mark.parametrize("sql", ["json(note)", "load_extension('x')"])
def test_a_condition_that_fails_on_a_row_is_named(ask: Ask, sql: str) -> None:
    with pytest.raises(UsageError) as caught:
        ask("stone", filters=(Filter(sql),))
    assert caught.value.code == "where-invalid"


def test_a_search_in_some_columns_looks_nowhere_else(ask: Ask) -> None:
    assert keys(ask("stone", places=(Place("person", "name"),))) == [("person", 2)]
    assert keys(ask("stone", places=(Place("person", "city"),))) == []
    assert keys(ask("stone", places=(Place(None, "note"),))) == [("orders", 11)]
    assert keys(ask("ston", mode="substring", places=(Place("label", "word"),))) == [
        ("label", "en"),
        ("label", "ja"),
    ]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("nam:x", "no table has a column nam"),
        ("table:order", "there is no table order to search"),
        ("total>abc", "orders.total: the column holds numbers, and 'abc' is none"),
        ("!!!", "there is neither a letter nor a digit to search for here"),
    ],
)
def test_names_and_values_that_do_not_fit_are_errors(ask: Ask, query: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        ask(query)
    assert caught.value.message == message
    assert "^" in caught.value.context


def test_values_that_are_not_searched_are_said(ask: Ask) -> None:
    result = ask("rock")
    assert [(s.table, s.columns, s.values) for s in result.skipped] == [("bare", ("anything",), 1)]


def test_a_deadline_stops_a_search() -> None:
    corpus = in_memory(
        "CREATE TABLE t(x); WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n LIMIT"
        " 20000) INSERT INTO t SELECT 'w' FROM n"
    )
    with pytest.raises(DbtoolError) as caught:
        run_search(corpus, "wx", SearchOptions(mode="substring", timeout_s=0.0), Silent())
    assert caught.value.code == "search-timeout"


def test_hostile_names_and_values_do_no_harm() -> None:
    corpus = in_memory(
        'CREATE TABLE "a"" b\'; DROP"("rank", "c0", "id", "f""x", "fts_1");'
        "INSERT INTO \"a\"\" b'; DROP\" VALUES('needle', 1, 2, 'x', '\x1b[2J');"
        'CREATE TABLE "rows_1"("k", v, PRIMARY KEY(k)) WITHOUT ROWID;'
        "INSERT INTO rows_1 VALUES('needle', 1)"
    )
    assert found(corpus, "needle") == [("a\" b'; DROP", 1), ("rows_1", "needle")]
    assert found(corpus, 'rank:needle "f""x"=x') == [("a\" b'; DROP", 1)]
    assert found(corpus, "needle", filters=(Filter("id = 2 AND rank = 'needle'"),)) == [
        ("a\" b'; DROP", 1)
    ]


def test_keys_that_are_no_text_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "keys.db"
    database(
        path,
        """
        CREATE TABLE word(k TEXT PRIMARY KEY, v) WITHOUT ROWID;
        INSERT INTO word VALUES(CAST(x'ff61' AS TEXT), 'stone'), (CAST(x'fe61' AS TEXT), 'rock')
        """,
    ).close()
    for access in (SearchAccess(use=False), INDEXED):
        result = search_database(path, "stone", access=access)
        assert result.total == 1
        assert [hit.key for hit in result.hits] == [(("k", "\ufffda"),)]
        assert search_database(path, "v=rock", access=access).total == 1


def test_names_that_differ_in_the_case_of_other_letters_are_two_names(tmp_path: Path) -> None:
    path = tmp_path / "twins.db"
    database(
        path,
        """
        CREATE TABLE "Ä"("Ü", "ü"); INSERT INTO "Ä" VALUES('one', 'two');
        CREATE TABLE "ä"(x); INSERT INTO "ä" VALUES('one')
        """,
    ).close()

    def where(text: str, **options: Any) -> list[str]:
        access = SearchAccess(use=False)
        result = search_database(path, text, SearchOptions(**options), access)
        return sorted(hit.table for hit in result.hits)

    assert where("ü:two") == where("Ü:one") == ["Ä"]
    assert where("ü:one") == where("Ü=two") == []
    assert where("one", places=(Place("Ä", "Ü"),)) == ["Ä"]
    assert where("one", places=(Place("Ä", "ü"),)) == []
    assert where("table:ä") == where("one", places=(Place("ä"),)) == ["ä"]
    assert where("table:Ä") == ["Ä"]
