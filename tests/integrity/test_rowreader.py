"""Rows of one page: whole, rescued or lost, and each counted."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbtool.integrity.rowreader import RowReader
from dbtool.integrity.treerows import Bitmap
from dbtool.pages.btree import parse_page
from tests.pages.databases import closing
from tests.pages.pagesources import Pages


@pytest.fixture
def raw(tmp_path: Path) -> bytes:
    path = tmp_path / "app.db"
    with closing(path) as connection:
        connection.execute("CREATE TABLE t(a, b TEXT)")
        connection.executemany("INSERT INTO t VALUES (?,?)", ((n, f"t{n}") for n in range(40)))
        connection.execute("INSERT INTO t VALUES (40, ?)", ("long" * 5000,))
    return path.read_bytes()


def read(raw: bytes, taken: tuple[int, ...] = (), **options: object):
    source = Pages(raw)
    trees, overflow = Bitmap(source.page_count), Bitmap(source.page_count)
    for number in taken:
        trees.add(number)
    reader = RowReader(source, "UTF-8", trees=trees, overflow=overflow)
    return reader.read(parse_page(source.page(2), 2, usable=4096), **options)


def test_a_whole_page_gives_its_rows_with_their_overflow(raw: bytes) -> None:
    found = read(raw)
    assert found.rows[:40] == [(n + 1, [n, f"t{n}"]) for n in range(40)]
    assert found.rows[40] == (41, [40, "long" * 5000])
    assert (found.rescued, found.lost, found.has_raw_text) == (0, 0, False)


def test_a_value_whose_overflow_is_lost_is_cut_and_counted(raw: bytes) -> None:
    found = read(raw, taken=(4,))
    assert found.rescued == 1
    assert 0 < len(found.rows[40][1][1]) < 20000
    assert ("long" * 5000).startswith(found.rows[40][1][1])


def test_a_look_at_a_page_takes_no_overflow_pages(raw: bytes) -> None:
    assert len(read(raw, limit=5).rows) == 5


def test_a_flipped_bit_costs_a_part_of_one_row(raw: bytes) -> None:
    damaged = bytearray(raw)
    at = raw.index(b"\x03\x01\x11\x05t5")
    damaged[at + 1] = 6
    found = read(bytes(damaged))
    assert len(found.rows) == 41
    assert found.rescued == 1
    assert found.rows[5][0] == 6


def test_nothing_is_made_up_from_a_page_of_nonsense(raw: bytes) -> None:
    damaged = bytearray(raw)
    for n in range(6, 40):
        at = raw.index(bytes([3, 1, 13 + 2 * len(f"t{n}"), n]) + f"t{n}".encode())
        damaged[at + 1] = 6
    found = read(bytes(damaged))
    assert [rowid for rowid, _ in found.rows] == [1, 2, 3, 4, 5, 6, 41]
    assert found.lost == 34


def test_text_that_is_not_valid_is_told(raw: bytes) -> None:
    assert read(raw.replace(b"t17", b"\xff17")).has_raw_text
