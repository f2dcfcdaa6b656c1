"""The freelist ends, whatever it says; pointer maps lie where SQLite puts them."""

from __future__ import annotations

import struct

from dbtool.pages.freelist import freelist, pointer_maps
from tests.pages.pagesources import Pages


def listed(pages: dict[int, tuple[int, list[int]]], head: int, count: int = 9, claimed=()):
    raw = bytearray(512 * count)
    for number, (following, leaves) in pages.items():
        struct.pack_into(
            f">II{len(leaves)}I", raw, (number - 1) * 512, following, len(leaves), *leaves
        )
    taken, problems = set(claimed), []

    def claim(number: int) -> bool:
        fresh = number not in taken
        taken.add(number)
        return fresh

    source = Pages(bytes(raw), 512)
    found = list(freelist(source, head, usable=512, claim=claim, problems=problems.append))
    return found, problems


def test_trunks_and_leaves_come_in_order() -> None:
    found, problems = listed({3: (5, [4, 6]), 5: (0, [])}, 3)
    assert found == [(3, True), (4, False), (6, False), (5, True)]
    assert problems == []


def test_an_empty_list_is_empty() -> None:
    assert listed({}, 0) == ([], [])


def test_loops_and_pages_that_do_not_exist_or_are_in_use_are_told() -> None:
    found, problems = listed({3: (3, [4, 4, 99, 0, 7])}, 3, claimed=[7])
    assert found == [(3, True), (4, False)]
    assert len(problems) == 5


def test_more_leaves_than_fit_are_not_believed() -> None:
    found, problems = listed({3: (4, [0] * 126 + [])}, 3)
    assert len(problems) == 126
    raw = struct.pack(">II", 0, 1 << 31).ljust(512, b"\0")
    source = Pages(bytes(512) + raw, 512)
    told: list[str] = []
    assert list(freelist(source, 2, usable=512, claim=lambda _: True, problems=told.append)) == [
        (2, True)
    ]
    assert "more than fit" in told[0]
    assert found[0] == (3, True)


class Long:
    """A database so long that it has a page of lock bytes; nothing of it is read."""

    page_size = 1024
    page_count = (1 << 30) // 1024 + 300

    def page(self, number: int) -> bytes:
        raise AssertionError(number)


def test_a_pointer_map_gives_way_to_the_lock_bytes() -> None:
    assert list(pointer_maps(Pages(bytes(512 * 210), 512), usable=512)) == [2, 105, 208]
    assert list(pointer_maps(Pages(bytes(512), 512), usable=512)) == []
    lock = (1 << 30) // 1024 + 1
    assert (lock - 2) % 205 == 0
    maps = set(pointer_maps(Long(), usable=1024))
    assert lock not in maps
    assert lock + 1 in maps
    assert all((number - 2) % 205 == 0 or number == lock + 1 for number in maps)
