"""Walks bound the rowids of each leaf, and say where branches are lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbtool.integrity.treerows import EVERYTHING, Bitmap, Gap, tree_pages
from dbtool.pages.btree import table_leaf_cells
from dbtool.pages.owners import Role
from tests.integrity.damages import Target, build
from tests.pages.pagesources import Pages


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Target:
    path = tmp_path_factory.mktemp("treerows") / "app.db"
    build(path, 60, page_size=512)
    return Target(path.read_bytes())


def walked(raw: bytes, root: int):
    source = Pages(raw)
    gaps: list[Gap] = []
    taken = Bitmap(source.page_count)
    leaves = list(
        tree_pages(source, root, usable=512, taken=taken, gap=lambda gap, _: gaps.append(gap))
    )
    return leaves, gaps


def test_every_rowid_lies_in_the_range_of_its_leaf(target: Target) -> None:
    leaves, gaps = walked(target.raw, target.pages("orders", Role.ROOT)[0])
    assert gaps == []
    assert len(leaves) == len(target.pages("orders", Role.LEAF))
    for leaf in leaves:
        for cell in table_leaf_cells(leaf.page, pytest.fail):
            assert leaf.low < cell[0] <= leaf.high


def test_a_lost_branch_is_a_gap_that_holds_its_rowids(target: Target) -> None:
    root = target.pages("orders", Role.ROOT)[0]
    whole, _ = walked(target.raw, root)
    lost = whole[len(whole) // 2]
    leaves, gaps = walked(target.with_page(lost.page.number, b""), root)
    assert [leaf.page.number for leaf in leaves] == [
        leaf.page.number for leaf in whole if leaf != lost
    ]
    assert gaps == [Gap(lost.low, lost.high)]
    assert walked(target.with_page(root, b""), root) == ([], [EVERYTHING])


def test_pages_that_are_taken_are_not_entered(target: Target) -> None:
    root = target.pages("orders", Role.ROOT)[0]
    taken = Bitmap(target.source.page_count)
    for number in target.pages("orders", Role.LEAF):
        taken.add(number)
    gaps: list[str] = []
    found = tree_pages(
        target.source, root, usable=512, taken=taken, gap=lambda _, why: gaps.append(why)
    )
    assert list(found) == []
    assert len(gaps) == len(target.pages("orders", Role.LEAF))


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 100))), st.sets(st.integers(1, 100)))
def test_a_bitmap_is_a_set(changes: list[tuple[bool, int]], others: set[int]) -> None:
    bits, other, known = Bitmap(100), Bitmap(100), set()
    for add, number in changes:
        if add:
            assert bits.add(number) == (number not in known)
            known.add(number)
        else:
            bits.discard(number)
            known.discard(number)
    for number in others:
        other.add(number)
    bits.update(other)
    assert {number for number in range(101) if number in bits} == known | others
