"""Rows go into their table, or into lost_and_found with a reason that is counted."""

from __future__ import annotations

import pytest

from dbtool.integrity.loading import Loader, LostAndFound
from dbtool.integrity.newdatabase import NewDatabase
from dbtool.integrity.rowreader import PageRows
from dbtool.integrity.shapes import shape_of
from dbtool.pages.records import RawText
from tests.integrity.test_newdatabase import database

__all__ = ["database"]


def page_of(*rows: tuple[int, list[object]], raw: bool = False) -> PageRows:
    found = PageRows()
    found.rows = list(rows)
    found.has_raw_text = raw
    return found


@pytest.fixture
def loader(database: NewDatabase) -> Loader:
    database.make("CREATE TABLE t(a TEXT UNIQUE, b NOT NULL DEFAULT 1, c INTEGER CHECK (c <> 13))")
    shape = shape_of(database.connection, "t")
    return Loader(database, shape, LostAndFound(database))


def all_of(database: NewDatabase, table: str) -> list[tuple[object, ...]]:
    return database.connection.execute(f"SELECT * FROM {table}").fetchall()


def test_refused_rows_are_kept_with_the_others_around_them(
    database: NewDatabase, loader: Loader
) -> None:
    rows = [
        (1, ["a", 1, 1]),
        (2, ["a", 2, 2]),
        (3, ["c", None, 3]),
        (4, ["d", 4, 13]),
        (1, ["e", 5, 5]),
        (6, ["f", 6, 6]),
        (7, ["g", 7, 7, 7]),
        (8, ["h"]),
    ]
    loader.load(page_of(*rows), root=3, page=9, orphan=False)
    assert [row[0] for row in all_of(database, "t")] == ["a", "f", "h"]
    assert loader.totals.rejected == {
        "unique value exists already": 1,
        "NULL where it is not allowed": 1,
        "CHECK failed": 1,
        "key exists already": 1,
        "more fields than the table has columns": 1,
    }
    assert loader.totals.in_tree == 3
    lost = all_of(database, "lost_and_found")
    assert [row[3:6] for row in lost] == [
        (2, "a", 2),
        (3, "c", None),
        (4, "d", 4),
        (1, "e", 5),
        (7, "g", 7),
    ]
    assert {row[:3] for row in lost} == {(3, 9, 3), (3, 9, 4)}


def test_text_that_is_not_valid_stays_text_with_its_bytes(
    database: NewDatabase, loader: Loader
) -> None:
    loader.load(
        page_of((1, [RawText(b"\xff\xfe"), b"\xff", 1]), raw=True), root=1, page=1, orphan=True
    )
    types = "SELECT typeof(a), hex(a), typeof(b) FROM t"
    assert database.connection.execute(types).fetchall() == [("text", "FFFE", "blob")]
    assert loader.totals.orphans == 1


def test_lost_and_found_grows_and_takes_a_free_name(database: NewDatabase) -> None:
    database.make("CREATE TABLE lost_and_found(mine)")
    lost = LostAndFound(database)
    lost.add(1, 2, [(5, ["x"])])
    lost.add(1, 3, [(None, list(range(2500)))])
    lost.add(1, 4, [(7, [])])
    assert (lost.name, lost.rows, lost.cut) == ("lost_and_found_0", 3, 1)
    found = all_of(database, lost.name)
    assert [row[:5] for row in found] == [
        (1, 2, 1, 5, "x"),
        (1, 3, 2500, None, 0),
        (1, 4, 0, 7, None),
    ]
