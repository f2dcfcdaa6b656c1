"""Orphaned pages are grouped by what leads to them, and matched only where one table will do."""

from __future__ import annotations

from array import array
from pathlib import Path

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbtool.integrity.orphans import Gaps, Group, alike, groups, match
from dbtool.integrity.rowreader import RowReader
from dbtool.integrity.shapes import TableShape, shape_of
from dbtool.integrity.treerows import EVERYTHING, Bitmap, Gap
from dbtool.pages.owners import Role
from tests.integrity.damages import Target, build
from tests.pages.pagesources import Pages


def shapes(*statements: str) -> list[TableShape]:
    connection = apsw.Connection(":memory:")
    for sql in statements:
        connection.execute(sql)
    return [shape_of(connection, sql.split("(")[0].split()[-1]) for sql in statements]


def group_of(*rows: tuple[int, list[object]], is_table: bool = True) -> Group:
    rowids = [rowid for rowid, _ in rows]
    return Group(9, array("I", [9]), is_table, list(rows), min(rowids), max(rowids))


def gaps_of(*found: Gap) -> Gaps:
    gaps = Gaps()
    for gap in found:
        gaps.add(gap)
    return gaps


@given(
    cuts=st.sets(st.integers(-1000, 1000), min_size=2, max_size=30),
    low=st.integers(-1000, 1000),
    size=st.integers(0, 50),
)
def test_the_gap_that_holds_a_range_is_found(cuts: set[int], low: int, size: int) -> None:
    edges = sorted(cuts)
    every_other = [Gap(a, b) for a, b in zip(edges[::2], edges[1::2], strict=False)]
    wanted = [gap for gap in every_other if gap.low < low and low + size <= gap.high]
    assert gaps_of(*every_other).holding(low, low + size) == (wanted[0] if wanted else None)
    both = gaps_of(EVERYTHING, *every_other)
    assert both.holding(low, low + size) == (wanted[0] if wanted else EVERYTHING)


def test_a_group_goes_to_the_one_table_whose_gap_and_rows_fit() -> None:
    people, places, log = shapes(
        "CREATE TABLE people(id INTEGER PRIMARY KEY, name TEXT NOT NULL)",
        "CREATE TABLE places(id INTEGER PRIMARY KEY, name TEXT NOT NULL)",
        "CREATE TABLE log(at REAL, line TEXT, level INTEGER)",
    )
    group = group_of((100, [None, "x"]), (110, [None, "y"]))
    near, far, all_ = gaps_of(Gap(90, 120)), gaps_of(Gap(500, 600)), gaps_of(EVERYTHING)
    assert match(group, [(people, near), (places, far), (log, all_)], exact=False) == 0
    assert match(group, [(people, near), (places, all_)], exact=False) == 0
    assert match(group, [(people, all_), (places, all_)], exact=False) is None
    assert match(group, [(log, all_)], exact=False) is None
    assert match(group, [], exact=False) is None
    assert alike(group, [people, places, log]) == ["people", "places"]


def test_index_pages_go_to_tables_without_rowid_only() -> None:
    pair, rows = shapes(
        "CREATE TABLE pair(k TEXT, n INTEGER, v BLOB, PRIMARY KEY(k, n)) WITHOUT ROWID",
        "CREATE TABLE rows(k TEXT, n INTEGER, v BLOB)",
    )
    everywhere = gaps_of(EVERYTHING)
    group = group_of((0, ["a", 1, b"x"]), is_table=False)
    assert match(group, [(rows, everywhere), (pair, everywhere)], exact=True) == 1
    short = group_of((0, ["a", 1]), is_table=False)
    assert match(short, [(pair, everywhere)], exact=False) == 0
    assert match(short, [(pair, everywhere)], exact=True) is None


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Target:
    path = tmp_path_factory.mktemp("orphans") / "app.db"
    build(path, 60, page_size=512)
    return Target(path.read_bytes())


def test_without_any_tree_each_root_is_a_group(target: Target) -> None:
    source = Pages(target.raw)
    taken = Bitmap(source.page_count)
    reader = RowReader(source, "UTF-8", trees=taken, overflow=Bitmap(source.page_count))
    found = {
        group.root: len(group.pages)
        for group in groups(source, reader, usable=512, taken=taken, pulse=lambda _: None)
    }
    for name in ("orders", "customer", "reading", "log"):
        assert found[target.pages(name, Role.ROOT)[0]] == len(target.pages(name, Role.LEAF))


def test_pages_that_only_lead_to_each_other_are_found(tmp_path: Path) -> None:
    raw = bytearray(512 * 4)
    for number, child in ((2, 3), (3, 2)):
        at = (number - 1) * 512
        raw[at : at + 12] = bytes([5, 0, 0, 0, 1, 2, 0, 0]) + child.to_bytes(4, "big")
        raw[at + 12 : at + 14] = (500).to_bytes(2, "big")
        raw[at + 500 : at + 505] = (4).to_bytes(4, "big") + b"\x07"
    raw[1536 : 1536 + 10] = bytes([13, 0, 0, 0, 1, 2, 0, 0, 1, 0xF0])
    raw[1536 + 0x1F0 : 1536 + 0x1F5] = bytes([3, 7, 2, 1, 42])
    source = Pages(bytes(raw), 512)
    taken = Bitmap(4)
    reader = RowReader(source, "UTF-8", trees=taken, overflow=Bitmap(4))
    [group] = groups(source, reader, usable=512, taken=taken, pulse=lambda _: None)
    assert group.sample == [(7, [42])]
    assert tmp_path.exists()
