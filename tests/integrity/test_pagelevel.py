"""Every page against its hash in the snapshot."""

from __future__ import annotations

import random

import pytest

from dbtool.core.progress import Silent
from dbtool.integrity.opening import Opened
from dbtool.integrity.pagelevel import PageComparison, SnapshotPages, compare_segment, segments
from dbtool.pages.source import PageUnreadable
from tests.integrity.damaged import Damaged, flip, largest_pack, zero


def compared(damaged: Damaged) -> PageComparison:
    repository = damaged.repository
    snapshot = repository.find("latest", database=damaged.path)
    tree = repository.open_snapshot(snapshot)
    found = PageComparison()
    with Opened.open(
        damaged.path, snapshot=snapshot, busy_timeout_s=1, progress=Silent()
    ) as opened:
        for number in segments(tree):
            compare_segment(opened, tree, number, repository, Silent(), found)
    return found


def test_500_single_flipped_bits_are_found_each(damaged: Damaged) -> None:
    draw = random.Random(500)
    for _ in range(500):
        bit = draw.randrange(len(damaged.good) * 8)
        damaged.damage(flip(bit))
        assert list(compared(damaged).differing) == [bit // 8 // 4096 + 1], f"bit {bit}"


def test_pages_beyond_the_end_are_missing(damaged: Damaged) -> None:
    damaged.damage(lambda content: content.__delitem__(slice(-3 * 4096, None)))
    assert compared(damaged).missing == 3


def test_a_page_of_the_snapshot_is_proven(damaged: Damaged) -> None:
    snapshot = damaged.repository.find("latest", database=damaged.path)
    pages = SnapshotPages(damaged.repository.open_snapshot(snapshot))
    damaged.damage(zero(3))
    assert pages.page(3) == damaged.good[2 * 4096 : 3 * 4096]
    pages.close()
    pack = largest_pack(damaged)
    pack.write_bytes(b"\0" * pack.stat().st_size)
    spoiled = SnapshotPages(damaged.repository.open_snapshot(snapshot))
    with pytest.raises(PageUnreadable):
        spoiled.page(3)
    spoiled.close()
