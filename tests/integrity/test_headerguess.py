"""What a header said is guessed from the pages behind it."""

from __future__ import annotations

from pathlib import Path

import apsw
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


@pytest.mark.parametrize("page_size", [512, 4096])
@pytest.mark.parametrize("wrong", ["UTF-8", "UTF-16le", "UTF-16be"])
@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16le", "UTF-16be"])
def test_an_encoding_that_the_schema_contradicts_is_mended(
    tmp_path: Path, encoding: str, wrong: str, page_size: int
) -> None:
    path = tmp_path / "app.db"
    build(path, 60, page_size=page_size, encoding=encoding)
    sound = path.read_bytes()
    number = ("UTF-8", "UTF-16le", "UTF-16be").index(wrong) + 1
    raw = sound[:56] + number.to_bytes(4, "big") + sound[60:]
    header, told = mended_header(raw[:100], b"", lambda at, n: raw[at : at + n], len(raw))
    assert header == sound[:100]
    assert told == ([] if wrong == encoding else [f"the text is {encoding}, not {wrong}"])


@pytest.mark.parametrize("page_size", [1024, 4096, 65536])
@pytest.mark.parametrize("reserved", [1, 8, 32, 255])
def test_reserved_bytes_that_hold_cells_are_none(
    tmp_path: Path, page_size: int, reserved: int
) -> None:
    path = tmp_path / "app.db"
    build(path, 60, page_size=page_size)
    sound = path.read_bytes()
    raw = sound[:20] + bytes([reserved]) + sound[21:]
    header, told = mended_header(raw[:100], b"", lambda at, n: raw[at : at + n], len(raw))
    assert header == sound[:100]
    assert told == [f"the pages have no {reserved} reserved bytes"]


def test_reserved_bytes_that_are_free_stay(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    connection = apsw.Connection(str(path))
    connection.reserve_bytes("main", 32)
    connection.execute("CREATE TABLE t(a, b); CREATE INDEX i ON t(b)")
    rows = ((index, "x" * (index % 300)) for index in range(3000))
    connection.executemany("INSERT INTO t VALUES (?, ?)", rows)
    connection.close()
    raw = path.read_bytes()
    assert raw[20] == 32
    assert mended_header(raw[:100], b"", lambda at, n: raw[at : at + n], len(raw)) == (
        raw[:100],
        [],
    )


@given(raw=st.binary(max_size=120), like=st.binary(max_size=100), pages=st.binary(max_size=3000))
def test_whatever_is_there_the_result_parses(raw: bytes, like: bytes, pages: bytes) -> None:
    header, _ = mended_header(raw[:100], like, lambda at, n: pages[at : at + n], len(pages))
    assert DatabaseHeader.parse(header)
