"""Which rows can differ, from the pages that do."""

from __future__ import annotations

import random
from itertools import pairwise
from pathlib import Path

import apsw
import pytest

from dbtool.pages.source import PageInvalid
from dbtool.rows.sets import HIGHEST, LOWEST, Bits
from dbtool.rows.territory import Side, differing_ranges, leaves, survey
from tests.rows.states import Two

MANY = (
    "CREATE TABLE t(id INTEGER PRIMARY KEY, v); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL"
    " SELECT i + 1 FROM n WHERE i < 3000) INSERT INTO t SELECT i * 7 - 9000, hex(i) FROM n"
)


class Memory:
    """Pages in memory."""

    def __init__(self, path: Path, page_size: int) -> None:
        data = path.read_bytes()
        self.page_size = page_size
        self.content = [data[at : at + page_size] for at in range(0, len(data), page_size)]
        self.page_count = len(self.content)
        self.read: list[int] = []

    def page(self, number: int) -> bytes:
        self.read.append(number)
        return self.content[number - 1]


def sides(folder: Path, before: str, after: str) -> tuple[Side, Side, Bits, int, int]:
    two = Two(folder, before, after)
    paths = [folder / "a.db", folder / "b.db"]
    for snapshot, path in zip((two.a, two.b), paths, strict=True):
        two.repository.restore(snapshot, path)
    a, b = Memory(paths[0], 512), Memory(paths[1], 512)
    most = max(a.page_count, b.page_count)
    pairs = zip(a.content, b.content, strict=False)
    changed = Bits(most, (number for number, (x, y) in enumerate(pairs, 1) if x != y))
    for number in range(min(a.page_count, b.page_count) + 1, most + 1):
        changed.add(number)
    roots = []
    for path in paths:
        connection = apsw.Connection(str(path))
        roots.append(connection.execute("SELECT rootpage FROM sqlite_schema WHERE name='t'").get)
        connection.close()
    made = [Side(memory, 512, lambda _: None) for memory in (a, b)]
    return made[0], made[1], changed, roots[0], roots[1]


def test_one_changed_row_is_one_small_range_and_no_leaf_is_read(tmp_path: Path) -> None:
    a, b, changed, root, _ = sides(tmp_path, MANY, "UPDATE t SET v = 'X' || v WHERE id = 9")
    surveys = [survey(side, root, changed) for side in (a, b)]
    (found,) = differing_ranges((a, root, surveys[0]), (b, root, surveys[1]), changed)
    assert found[0] <= 9 <= found[1]
    assert found[1] - found[0] < 7 * 60
    whole = list(leaves(a, root))
    assert len(set(a.source.read)) < len(whole) // 3
    assert whole[0][1] == LOWEST
    assert whole[-1][2] == HIGHEST
    for (_, _, last), (_, first, _) in pairwise(whole):
        assert first == last + 1


@pytest.mark.parametrize("seed", range(6))
def test_every_row_that_differs_is_in_a_range(tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)
    steps = [
        f"DELETE FROM t WHERE id BETWEEN {draw.randint(-9000, 9000)} AND {draw.randint(0, 12000)}",
        f"INSERT OR REPLACE INTO t SELECT id + {draw.randint(1, 6)}, v FROM t LIMIT 99",
        f"UPDATE t SET v = 'changed' WHERE id % {draw.randint(50, 500)} = 0",
        "DELETE FROM t",
        "VACUUM",
        "CREATE TABLE u AS SELECT * FROM t; DELETE FROM t WHERE id > 0",
    ]
    after = "; ".join(draw.sample(steps, 2))
    a, b, changed, root_a, root_b = sides(tmp_path, MANY, after)
    surveys = survey(a, root_a, changed), survey(b, root_b, changed)
    ranges = differing_ranges((a, root_a, surveys[0]), (b, root_b, surveys[1]), changed)
    content = []
    for name in ("a.db", "b.db"):
        connection = apsw.Connection(str(tmp_path / name))
        content.append(dict(connection.execute("SELECT id, v FROM t").fetchall()))
        connection.close()
    for rowid in {*content[0], *content[1]}:
        if content[0].get(rowid) != content[1].get(rowid):
            assert ranges.covers(rowid, rowid), rowid


def test_a_tree_in_a_circle_is_damage(tmp_path: Path) -> None:
    a, _, changed, root, _ = sides(tmp_path, MANY, "SELECT 1")
    page = bytearray(a.source.page(root))
    page[8:12] = root.to_bytes(4, "big")
    a.source.content[root - 1] = bytes(page)
    with pytest.raises(PageInvalid):
        survey(a, root, changed)


class Made:
    """Pages of 512 bytes made by hand."""

    page_size = 512

    def __init__(self, pages: dict[int, bytes]) -> None:
        self.pages = pages
        self.page_count = max(pages)

    def page(self, number: int) -> bytes:
        return self.pages[number]


def interior(cells: list[tuple[int, int]], right: int) -> bytes:
    """Return an interior page of a table: (child, last rowid) and the right-most child."""
    page = bytearray(512)
    page[0] = 5
    page[3:5] = len(cells).to_bytes(2, "big")
    page[8:12] = right.to_bytes(4, "big")
    for index, (child, rowid) in enumerate(cells):
        at = 400 + 8 * index
        page[12 + 2 * index : 14 + 2 * index] = at.to_bytes(2, "big")
        page[at : at + 5] = child.to_bytes(4, "big") + bytes([rowid])
    return bytes(page)


def test_a_leaf_that_left_the_tree_as_it_was_is_compared() -> None:
    leaf = b"\x0d" + bytes(511)
    leaves_of_both = dict.fromkeys((3, 4, 5), leaf)
    a = Side(Made({2: interior([(3, 10), (4, 20)], 5), **leaves_of_both}), 512, lambda _: None)
    b = Side(Made({2: interior([(3, 10)], 5), **leaves_of_both}), 512, lambda _: None)
    changed = Bits(5, [2])
    found = differing_ranges((a, 2, survey(a, 2, changed)), (b, 2, survey(b, 2, changed)), changed)
    assert list(found) == [(11, 20)]
    back = differing_ranges((b, 2, survey(b, 2, changed)), (a, 2, survey(a, 2, changed)), changed)
    assert list(back) == [(11, 20)]


def test_so_is_one_whose_parent_left_as_it_was() -> None:
    leaf = b"\x0d" + bytes(511)
    below = {
        3: interior([(5, 10)], 6),
        4: interior([(7, 30)], 8),
        **dict.fromkeys((5, 6, 7, 8), leaf),
    }
    a = Side(Made({2: interior([(3, 20)], 4), **below}), 512, lambda _: None)
    b = Side(Made({**below, 2: below[4]}), 512, lambda _: None)
    changed = Bits(8, [2])
    found = differing_ranges((a, 2, survey(a, 2, changed)), (b, 2, survey(b, 2, changed)), changed)
    assert found.covers(LOWEST, 20)
