"""Ranges of rows that can have changed, told by pages."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbtool.errors import Damaged
from dbtool.pages.reader import PageReader
from dbtool.pages.source import header_of
from dbtool.search.prints import (
    ALL_ROWS,
    Leaf,
    Prints,
    changed_ranges,
    leaves_of,
    page_digests,
    print_leaf,
    united,
)
from tests.search.conftest import database


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a.db"
    connection = database(path, "CREATE TABLE t(id INTEGER PRIMARY KEY, x TEXT)")
    with connection:
        connection.executemany(
            "INSERT INTO t VALUES(?, ?)", ((i, f"row {i} " * 20) for i in range(-50, 2000))
        )
        connection.execute("INSERT INTO t VALUES(9000, ?)", ("long " * 5000,))
    connection.close()
    return path


def printed(path: Path) -> tuple[Prints, list[Leaf]]:
    """Return prints of the whole table."""
    with PageReader.open(path) as reader:
        leaves, found = leaves_of(reader, 2), Prints()
        usable = reader.page_size - header_of(reader).reserved_bytes
        digests = page_digests(reader, lambda _: None)
        for leaf in leaves:
            by_array = print_leaf(reader, usable, leaf.page, digests)
            assert print_leaf(reader, usable, leaf.page, None) == by_array
            found.add(leaf, *by_array)
    return found, leaves


def changes(path: Path, old: Prints) -> list[tuple[int, int]]:
    with PageReader.open(path) as reader:
        digests = page_digests(reader, lambda _: None)
        return changed_ranges(old, leaves_of(reader, 2), digests=digests, changed=None)[0]


def test_leaves_cover_all_rowids_without_a_gap(path: Path) -> None:
    found, leaves = printed(path)
    assert (leaves[0].low, leaves[-1].high) == ALL_ROWS
    assert all(b.low == a.high + 1 for a, b in pairwise(leaves))
    assert len(leaves) > 80
    assert len(found.overflow) == 1


def test_nothing_changed_is_nothing_to_read(path: Path) -> None:
    old, _ = printed(path)
    assert changes(path, old) == []
    assert changes(path, Prints.from_bytes(old.to_bytes())) == []


@pytest.mark.parametrize(
    ("sql", "row"),
    [
        ("UPDATE t SET x = 'other' WHERE id = 700", 700),
        ("DELETE FROM t WHERE id = 3", 3),
        ("INSERT INTO t VALUES(5000, 'new')", 5000),
        ("REPLACE INTO t VALUES(-7, 'replaced')", -7),
        ("UPDATE t SET x = substr(x, 1, 24990) || 'long LONG ' WHERE id = 9000", 9000),
    ],
)
def test_a_changed_row_lies_in_a_range_and_most_do_not(path: Path, sql: str, row: int) -> None:
    old, _ = printed(path)
    connection = apsw.Connection(str(path))
    connection.execute(sql)
    connection.close()
    ranges = changes(path, old)
    assert any(low <= row <= high for low, high in ranges)
    assert sum(min(high, 9001) - max(low, -51) for low, high in ranges) < 8000


def test_pages_known_to_have_changed_take_the_place_of_hashes(path: Path) -> None:
    old, leaves = printed(path)
    (long_page, pages) = next(iter(old.overflow.items()))
    assert changed_ranges(old, leaves, digests=None, changed=set()) == ([], old)
    ranges, kept = changed_ranges(old, leaves, digests=None, changed={pages[2]})
    (leaf,) = [leaf for leaf in leaves if leaf.page == long_page]
    assert ranges == [(leaf.low, leaf.high)]
    assert len(kept.pages) == len(leaves) - 1
    assert not kept.overflow


def test_a_root_that_is_no_table_is_damage(path: Path) -> None:
    connection = apsw.Connection(str(path))
    connection.execute("CREATE INDEX i ON t(x)")
    (root,) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'i'").fetchall()
    connection.close()
    with PageReader.open(path) as reader:
        for page in (root[0], 10**6):
            with pytest.raises(Damaged):
                leaves_of(reader, page)


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 9)), max_size=12))
def test_united_ranges_hold_the_same_numbers_apart(pairs: list[tuple[int, int]]) -> None:
    ranges = [(low, low + length) for low, length in pairs]
    found = united(ranges)
    numbers = {n for low, high in ranges for n in range(low, high + 1)}
    assert {n for low, high in found for n in range(low, high + 1)} == numbers
    assert all(a[1] + 1 < b[0] for a, b in pairwise(found))
