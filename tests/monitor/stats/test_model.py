"""What the figures of a report say of themselves."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from dbtool.monitor.stats.model import (
    SECTIONS,
    BackupStats,
    IndexesStats,
    IndexStats,
    StorageStats,
    TableStats,
)

NOW = datetime(2026, 11, 26, tzinfo=UTC)


def storage(packed: int | None) -> StorageStats:
    return StorageStats(None, 4096, 10, 2, packed, "UTF-8", "wal", "none", 1, 0, 0, "3.54.1")


def table(**changes: int) -> TableStats:
    return TableStats("t", "table", 10, **{
        "pages": 4, "size_bytes": 400, "payload_bytes": 200, "unused_bytes": 100,
        "overflow_pages": 1, "largest_row_bytes": 50, "reclaimable_bytes": 0, "index_count": 0,
        "index_bytes": 0, **changes,
    })  # fmt: skip


def test_what_vacuum_gives_is_never_negative_and_may_be_unknown() -> None:
    assert storage(None).reclaimable_bytes is None
    assert storage(50_000).reclaimable_bytes == 0
    assert storage(4096).reclaimable_bytes == 9 * 4096
    assert storage(None).freelist_bytes == 8192


def test_fill_and_overflow_are_shares() -> None:
    assert (table().fill, table().overflow) == (0.75, 0.25)
    nothing = table(pages=0, size_bytes=0, unused_bytes=0, overflow_pages=0)
    assert (nothing.fill, nothing.overflow) == (1.0, 0.0)


def test_redundant_indexes_are_those_that_something_covers() -> None:
    one = IndexStats("a", "t", "x", False, False, "c", 1, 1, 4096, 0)
    two = IndexStats("b", "t", "x", False, False, "c", 1, 1, 4096, 0, covered_by="a")
    assert IndexesStats((one, two), analyzed=False).redundant == (two,)
    assert one.fill == 1.0


@pytest.mark.parametrize(("added", "ratio"), [(0, None), (50, 2.0)])
def test_the_ratio_compares_with_plain_copies(added: int, ratio: float | None) -> None:
    found = BackupStats(
        "here", False, 1, NOW, "a" * 32, NOW, NOW, 1, added, 100, 60, 1, None, None
    )  # fmt: skip
    assert found.ratio == ratio


def test_sections_have_one_order() -> None:
    assert SECTIONS[0] == "storage"
    assert len(set(SECTIONS)) == 7
