"""Pages that SQLite wrote are read as SQLite reads them; any other bytes end in a finding."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dbtool.pages.btree import (
    INTERIOR_KINDS,
    KINDS,
    TABLE_LEAF,
    PageInvalid,
    cells,
    children,
    parse_page,
    table_leaf_cells,
    varint,
)
from dbtool.pages.owners import Role, owners
from tests.pages.databases import closing
from tests.pages.pagesources import Pages, make_everything, mutate


def encoded(value: int) -> bytes:
    """Write a varint as SQLite does."""
    if value >= 1 << 56:
        return bytes([0x80 | value >> shift & 0x7F for shift in range(57, 7, -7)] + [value & 255])
    groups = [value & 0x7F]
    while value := value >> 7:
        groups.append(0x80 | value & 0x7F)
    return bytes(reversed(groups))


@given(st.integers(0, 2**64 - 1), st.binary(max_size=9))
def test_a_varint_is_read_back_and_never_beyond_the_end(value: int, behind: bytes) -> None:
    raw = encoded(value)
    assert varint(raw + behind, 0, len(raw + behind)) == (value, len(raw))
    for end in range(len(raw)):
        with pytest.raises(PageInvalid):
            varint(raw + behind, 0, end)


@pytest.mark.parametrize("page_size", [512, 4096, 65536])
def test_the_cells_of_all_leaves_are_the_rows_of_the_table(folder: Path, page_size: int) -> None:
    path = folder / "app.db"
    make_everything(path, page_size=page_size)
    with closing(path) as connection:
        connection.execute("UPDATE mixed SET id = -id * 1000000007 WHERE id % 2")
        wanted = [id_ for (id_,) in connection.execute("SELECT id FROM mixed ORDER BY id")]
    source = Pages(path.read_bytes())
    found = []
    for number, owner in owners(source).items():
        page_is_leaf = owner.role in {Role.LEAF, Role.ROOT}
        if owner.name == "mixed" and page_is_leaf:
            page = parse_page(source.page(number), number, usable=page_size)
            if page.kind == TABLE_LEAF:
                found.extend(cell[0] for cell in table_leaf_cells(page, pytest.fail))
    assert sorted(found) == wanted


def test_the_good_cells_of_a_damaged_page_are_kept(folder: Path) -> None:
    path = folder / "app.db"
    with closing(path) as connection:
        connection.execute("CREATE TABLE t(x)")
        connection.executemany("INSERT INTO t VALUES (?)", ((f"row {n}",) for n in range(50)))
    data = bytearray(path.read_bytes()[4096:8192])
    data[8 + 2 * 10 : 8 + 2 * 11] = (9).to_bytes(2, "big")
    data[8 + 2 * 20 : 8 + 2 * 21] = (4095).to_bytes(2, "big")
    problems: list[str] = []
    found = table_leaf_cells(parse_page(bytes(data), 2, usable=4096), problems.append)
    assert {cell[0] for cell in found} == set(range(1, 51)) - {11, 21}
    assert len(problems) == 2


def test_cells_that_overlap_yield_no_more_than_twice_the_page() -> None:
    data = bytearray(65536)
    data[0] = TABLE_LEAF
    data[3:5] = (30000).to_bytes(2, "big")
    data[8 : 8 + 60000] = (60100).to_bytes(2, "big") * 30000
    data[60100:60104] = encoded(5000) + encoded(1) + b"\0"
    problems: list[str] = []
    found = table_leaf_cells(parse_page(bytes(data), 2, usable=65536), problems.append)
    assert 0 < len(found) <= 2 * 65536 // 5000
    assert len(problems) == 30000 - len(found)


@pytest.mark.parametrize("kind", [0, 1, 3, 14, 255])
def test_a_page_of_no_kind_is_refused(kind: int) -> None:
    with pytest.raises(PageInvalid, match="no kind"):
        parse_page(bytes([kind]) + bytes(511), 2, usable=512)


def test_more_cells_than_fit_are_refused() -> None:
    with pytest.raises(PageInvalid, match="more than fit"):
        parse_page(b"\x0d\0\0\xff\xff" + bytes(507), 2, usable=512)


def exercise(data: bytes, number: int, usable: int) -> None:
    """Read a page in every way; everything found must lie within it."""
    try:
        page = parse_page(data, number, usable=usable)
    except PageInvalid:
        return
    problems: list[str] = []
    total = 0
    for cell in cells(page, problems.append):
        assert page.cells_from <= cell.start <= cell.end <= usable or page.kind == 5
        assert 0 <= cell.overflow < 2**32
        assert 0 <= cell.left_child < 2**32
        assert -(2**63) <= cell.rowid < 2**63
        total += cell.end - cell.start
    assert total <= 2 * usable
    assert bool(children(page, problems.append)) == (page.kind in INTERIOR_KINDS)


@settings(max_examples=300, deadline=None)
@given(data=st.data(), kind=st.sampled_from(sorted(KINDS)), number=st.sampled_from([1, 2]))
def test_random_bytes_are_read_within_their_page(data, kind: int, number: int) -> None:
    raw = bytearray(data.draw(st.binary(min_size=512, max_size=512)))
    at = 100 if number == 1 else 0
    raw[at] = kind
    raw[at + 3] = 0
    exercise(bytes(raw), number, data.draw(st.sampled_from([480, 512])))


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("btree") / "app.db"
    make_everything(path, page_size=1024, rows=60)
    return path.read_bytes()


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_mutated_pages_are_read_within_themselves(original: bytes, seed: int) -> None:
    source = Pages(mutate(original, random.Random(seed)), 1024)
    for number in range(1, source.page_count + 1):
        exercise(source.page(number), number, 1024)
