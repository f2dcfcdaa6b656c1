"""What a comparison says."""

from __future__ import annotations

from dbtool.rows.model import PageCounts


def test_removed_pages_differ_and_take_no_room() -> None:
    counts = PageCounts(page_size=512, a=10, b=9, changed=2, added=0, removed=1)
    assert counts.differing == 3
    assert counts.size_bytes == 1024
