"""What a header said is guessed from the pages behind it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbtool.integrity.headerguess import guess_page_size, mended_header
from dbtool.pages.header import DatabaseHeader
from tests.integrity.damages import build


@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16le", "UTF-16be"])
@pytest.mark.parametrize("page_size", [512, 1024, 2048, 4096, 8192, 32768, 65536])
def test_page_size_and_encoding_are_guessed(tmp_path: Path, page_size: int, encoding: str) -> None:
    path = tmp_path / "app.db"
    build(path, 60, page_size=page_size, encoding=encoding)
    raw = path.read_bytes()

    def read(offset: int, length: int) -> bytes:
        return raw[offset : offset + length]

    assert guess_page_size(read, len(raw)) == page_size
    header, told = mended_header(b"\xff" * 100, b"", read, len(raw))
    parsed = DatabaseHeader.parse(header)
    assert (parsed.page_size, parsed.encoding) == (page_size, encoding)
    assert told == ["the header was guessed from the pages"]


def test_a_header_that_only_lost_its_name_keeps_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    build(path, 2)
    raw = path.read_bytes()[:100]
    header, _ = mended_header(b"x" * 16 + raw[16:], b"", lambda *_: b"", 0)
    assert header == raw


@given(raw=st.binary(max_size=120), like=st.binary(max_size=100), pages=st.binary(max_size=3000))
def test_whatever_is_there_the_result_parses(raw: bytes, like: bytes, pages: bytes) -> None:
    header, _ = mended_header(raw[:100], like, lambda at, n: pages[at : at + n], len(pages))
    assert DatabaseHeader.parse(header)
