"""Pages of files that SQLite will not open."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from dbtool.integrity.rawpages import RawPages, guess_page_size
from dbtool.pages.source import PageUnreadable
from tests.integrity.damaged import Damaged, noise, put


def test_pages_by_number(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"a" * 512 + b"b" * 512 + b"cut")
    with RawPages(path, 512) as pages:
        assert pages.page_count == 2
        assert pages.page(2) == b"b" * 512
        assert list(pages.blocks(9)) == [(1, b"a" * 512 + b"b" * 512)]
        for number in (0, 3, 4):
            with pytest.raises(PageUnreadable):
                pages.page(number)


def test_a_database_without_its_first_page_is_still_known(damaged: Damaged) -> None:
    for change in (noise(1), put(0, b"x" * 100), put(16, b"\0\0")):
        damaged.damage(change)
        assert guess_page_size(damaged.path) == 4096


@pytest.mark.parametrize("size", [100, 70_000, 300_000])
def test_noise_and_text_are_no_databases(tmp_path: Path, size: int) -> None:
    path = tmp_path / "x"
    path.write_bytes(random.Random(size).randbytes(size))
    assert guess_page_size(path) == 0
    path.write_bytes((b"some text, nothing else\n" * size)[:size])
    assert guess_page_size(path) == 0
    path.write_bytes(bytes(size))
    assert guess_page_size(path) == 0


def test_a_file_of_zeros_is_a_database_only_where_a_snapshot_says_so(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(bytes(3 << 20))
    assert guess_page_size(path) == 0
    assert guess_page_size(path, 4096) == 4096
    path.write_bytes(bytes(3 << 20) + b"x")
    assert guess_page_size(path, 4096) == 0
