"""Walks enter every page of a tree once, whether they read its leaves or not."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbtool.pages.schematable import read_schema
from dbtool.pages.walk import MOST_LEVELS, walk
from tests.pages.pagesources import Pages, make_everything


def test_leaves_that_are_not_read_are_named_all_the_same(folder: Path) -> None:
    path = folder / "app.db"
    make_everything(path, page_size=512)
    source = Pages(path.read_bytes())
    for row in read_schema(source, pytest.fail):
        walks = [
            list(
                walk(
                    source,
                    row.root_page,
                    usable=512,
                    claim=lambda *_: True,
                    problems=pytest.fail,
                    read_leaves=read_leaves,
                )
            )
            for read_leaves in (True, False)
            if row.root_page
        ]
        if walks:
            whole, sparing = walks
            assert [v[:3] for v in whole] == [v[:3] for v in sparing]
            assert all(v.page is not None for v in whole)
            assert all((v.page is None) == (v.leaf and v.depth > 0) for v in sparing)


def chained_interior(levels: int) -> Pages:
    """Interior pages 2.. that have the next one as their only child."""
    raw = bytearray(512 * (levels + 1))
    for number in range(2, levels + 2):
        at = (number - 1) * 512
        raw[at] = 5
        raw[at + 8 : at + 12] = (number + 1).to_bytes(4, "big")
    return Pages(bytes(raw), 512)


@pytest.mark.parametrize("read_leaves", [True, False])
def test_a_tree_deeper_than_sqlite_allows_is_left(read_leaves: bool) -> None:
    problems: list[str] = []
    visits = list(
        walk(
            chained_interior(50),
            2,
            usable=512,
            claim=lambda *_: True,
            problems=problems.append,
            read_leaves=read_leaves,
        )
    )
    assert len(visits) == MOST_LEVELS
    assert "deeper" in problems[0]


def test_a_child_of_another_kind_of_tree_is_not_entered() -> None:
    raw = bytearray(chained_interior(2).raw)
    raw[1024] = 2
    problems: list[str] = []
    visits = walk(
        Pages(bytes(raw), 512), 2, usable=512, claim=lambda *_: True, problems=problems.append
    )
    assert [v.number for v in visits] == [2]
    assert problems == ["page 2 leads to page 3, of another kind of tree"]
