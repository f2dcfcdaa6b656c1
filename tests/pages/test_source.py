"""The header agrees with the source, or says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbtool.pages.source import PageInvalid, header_of, lock_page_of
from tests.pages.pagesources import Pages


def test_the_header_is_that_of_page_1(database: Path) -> None:
    assert header_of(Pages(database.read_bytes())).page_size == 4096


def test_a_header_of_another_page_size_is_no_header_of_this_source(database: Path) -> None:
    with pytest.raises(PageInvalid, match="pages of 4096 bytes"):
        header_of(Pages(database.read_bytes(), 1024))


def test_the_lock_page_exists_only_in_long_files() -> None:
    class Long:
        page_size = 4096
        page_count = 262145

    assert lock_page_of(Long()) == 262145
    Long.page_count -= 1
    assert lock_page_of(Long()) == 0
    assert lock_page_of(Pages(b"")) == 0
