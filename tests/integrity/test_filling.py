"""Leaves that hang in the wrong place, and damage that would take rows of other tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbtool.integrity.damagedfile import DamagedFile
from dbtool.integrity.salvage import Salvaged, salvage
from dbtool.pages.btree import parse_page, table_leaf_cells
from dbtool.pages.owners import Role
from tests.integrity.damages import TABLES, Target, build, counts


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Target:
    path = tmp_path_factory.mktemp("filling") / "app.db"
    build(path, 60, page_size=512)
    return Target(path.read_bytes())


def salvaged(tmp_path: Path, raw: bytes) -> tuple[Salvaged, dict[str, int]]:
    path = tmp_path / "app.db"
    path.write_bytes(raw)
    with DamagedFile(path) as source:
        result = salvage(source, path)
    return result, counts(result.path)


def whole(tmp_path: Path, target: Target) -> dict[str, int]:
    return salvaged(tmp_path, target.raw)[1]


def test_a_pointer_into_another_table_takes_no_rows_of_it(tmp_path: Path, target: Target) -> None:
    before = whole(tmp_path, target)
    inner = target.pages("customer", Role.INTERIOR)[0]
    foreign = target.middle("reading", Role.LEAF)
    data = bytearray(target.source.page(inner))
    at = parse_page(bytes(data), inner, usable=512).pointers[2]
    data[at : at + 4] = foreign.to_bytes(4, "big")
    result, after = salvaged(tmp_path, target.with_page(inner, bytes(data)))
    assert after == before, "and the leaf that lost its pointer came back as an orphan"
    customer = next(table for table in result.tables if table.name == "customer")
    assert customer.rows_orphaned > 0


def test_a_damaged_key_makes_no_leaf_foreign(tmp_path: Path, target: Target) -> None:
    before = whole(tmp_path, target)
    inner = target.middle("reading", Role.INTERIOR)
    data = bytearray(target.source.page(inner))
    page = parse_page(bytes(data), inner, usable=512)
    data[page.pointers[3] + 4] |= 0x60
    _, after = salvaged(tmp_path, target.with_page(inner, bytes(data)))
    assert after == before


def test_a_chain_of_overflow_pages_takes_no_leaf_of_another_table(
    tmp_path: Path, target: Target
) -> None:
    before = whole(tmp_path, target)
    for number in target.pages("attachment", Role.LEAF) + target.pages("attachment", Role.ROOT):
        page = parse_page(target.source.page(number), number, usable=512)
        cells = table_leaf_cells(page, pytest.fail) if page.kind == 13 else []
        spilled = [cell for cell in cells if cell[4]]
        if spilled:
            break
    data = bytearray(page.data)
    end = spilled[0][3]
    data[end : end + 4] = target.middle("reading", Role.LEAF).to_bytes(4, "big")
    result, after = salvaged(tmp_path, target.with_page(number, bytes(data)))
    assert after == before
    assert sum(table.rows_rescued for table in result.tables) == 1


def test_two_tables_that_swap_their_roots_keep_their_rows_apart(
    tmp_path: Path, target: Target
) -> None:
    before = whole(tmp_path, target)
    log, reading = (target.pages(name, Role.ROOT)[0] for name in ("log", "reading"))
    swapped = target.with_page(log, target.source.page(reading))
    at = (reading - 1) * 512
    swapped = swapped[:at] + target.source.page(log) + swapped[at + 512 :]
    result, after = salvaged(tmp_path, swapped)
    assert after["log"] + after["reading"] + result.lost_rows >= before["log"] + before["reading"]
    assert {name: after[name] for name in TABLES if name not in {"log", "reading"}} == {
        name: before[name] for name in TABLES if name not in {"log", "reading"}
    }
