"""The index itself: its state, and building it."""

from __future__ import annotations

import time
from pathlib import Path

import apsw

from dbtool.core.clock import SystemClock
from dbtool.core.progress import Silent
from dbtool.search.access import SearchAccess, search_database
from dbtool.search.model import SearchOptions
from dbtool.search.upkeep import build_index, index_status
from tests.search.conftest import keys


def build(path: Path, *, trigrams: bool = False) -> int:
    place = path.with_name("i.search.db")
    found = build_index(path, place, trigrams=trigrams, progress=Silent(), clock=SystemClock())
    return found.rows_changed


def test_the_status_says_what_there_is(shop: Path) -> None:
    place = shop.with_name("i.search.db")
    assert index_status(shop, place) is None
    place.touch()
    empty = index_status(shop, place)
    assert empty is not None
    assert not empty.usable
    time.sleep(0.06)
    assert build(shop) == 11
    status = index_status(shop, place)
    assert status is not None
    assert status.usable
    assert status.size_bytes == place.stat().st_size
    assert {each.table: each.rows for each in status.tables} == {
        "person": 3, "orders": 3, "label": 2, "bare": 3,
    }  # fmt: skip
    assert [(t.skipped, t.skipped_columns) for t in status.tables if t.skipped] == [
        (1, ("anything",))
    ]
    apsw.Connection(str(shop)).execute("DELETE FROM bare")
    status = index_status(shop, place)
    assert status is not None
    assert not status.current


def test_trigrams_are_built_once_asked_for_and_give_the_same_rows(shop: Path) -> None:
    build(shop)
    assert build(shop) == 0
    assert build(shop, trigrams=True) == 11
    assert build(shop, trigrams=True) == 0
    assert build(shop) == 0
    status = index_status(shop, shop.with_name("i.search.db"))
    assert status is not None
    assert status.trigrams
    connection = apsw.Connection(str(shop))
    connection.execute("CREATE TABLE later(x); INSERT INTO later VALUES('a rocket')")
    connection.close()
    for text in ("ock", "OLLI", "都の石", "ock -party", "177", "zzz", "ro", "müll"):
        options = SearchOptions(mode="substring")
        by_rows = search_database(shop, text, options, SearchAccess(use=False))
        by_index = search_database(
            shop, text, options, SearchAccess(index=shop.with_name("i.search.db"))
        )
        assert keys(by_index) == keys(by_rows)
