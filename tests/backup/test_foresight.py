"""What a reader of a b-tree will want next."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from dbtool.backup.foresight import Foresight, interior_children
from tests.backup.conftest import make_database

PAGE = 4096


@pytest.fixture
def pages(tmp_path: Path) -> list[memoryview]:
    """Return the pages of a database with a tree of three levels; page 1 is pages[1]."""
    data = make_database(tmp_path / "a.db", rows=4000, page_size=PAGE).read_bytes()
    return [memoryview(data[at : at + PAGE]) for at in range(-PAGE, len(data), PAGE)]


def roots(pages: list[memoryview]) -> dict[int, list[int]]:
    """Return the children of every interior page."""
    found = {
        number: interior_children(number, pages[number], len(pages) - 1)
        for number in range(1, len(pages))
    }
    return {number: children for number, children in found.items() if children}


def test_interior_pages_name_their_children_in_order(pages: list[memoryview]) -> None:
    trees = roots(pages)
    assert 2 in trees  # the root of the only table
    leaves = [child for children in trees.values() for child in children if child not in trees]
    assert len(leaves) == len(set(leaves))
    assert all(pages[leaf][0] == 13 for leaf in leaves)
    assert len(leaves) + len(trees) == len(pages) - 2  # all but page 1


def test_a_scan_is_told_every_leaf_once_before_it_wants_it(pages: list[memoryview]) -> None:
    trees = roots(pages)
    foresight, seen, told = Foresight(len(pages) - 1, pages.__getitem__), set(), []

    def read(number: int) -> None:
        told.extend(foresight.next_after(number, seen) or ())
        if number in trees:
            foresight.learn(number, pages[number])
        seen.add(number)
        for child in trees.get(number, ()):
            read(child)

    read(2)
    leaves = {child for children in trees.values() for child in children if child not in trees}
    assert len([page for page in told if page in leaves]) == len(set(told) & leaves)
    assert len(leaves - set(told)) <= 2  # where it began; the next parent is looked into ahead


def test_one_way_down_tells_nothing(pages: list[memoryview]) -> None:
    foresight = Foresight(len(pages) - 1, pages.__getitem__)
    foresight.learn(2, pages[2])
    child = interior_children(2, pages[2], len(pages) - 1)[1]
    assert foresight.next_after(child, {1, 2}) is None
    assert foresight.next_after(99, {1, 2, 98}) is None


def test_noise_is_no_interior_page_or_a_guess_within_the_file() -> None:
    draw = random.Random(5)
    for number in range(1, 300):
        noise = memoryview(bytes([5]) + draw.randbytes(PAGE - 1))
        assert all(0 < child <= 1000 for child in interior_children(number, noise, 1000))
    assert interior_children(3, memoryview(bytes(PAGE)), 1000) == []
    assert interior_children(3, memoryview(b"\x05" + bytes(511)), 1000) == []


def test_only_a_few_interior_pages_are_kept() -> None:
    foresight = Foresight(1 << 20, lambda _: None)
    for number in range(100, 200):
        content = bytearray(PAGE)
        content[0], content[3:5] = 5, (1).to_bytes(2, "big")
        content[8:12] = (number * 2 + 1000).to_bytes(4, "big")
        content[12:14] = (4000).to_bytes(2, "big")
        content[4000:4004] = (number * 2 + 999).to_bytes(4, "big")
        foresight.learn(number, memoryview(content))
    first, last = 1200, 1398
    assert foresight.next_after(first, {first - 1}) is None
    assert foresight.next_after(last, {last - 1}) is not None
