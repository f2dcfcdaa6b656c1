"""The database header is parsed as SQLite wrote it, and bounded."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbtool.pages.header import DatabaseHeader, HeaderInvalid, lock_page
from tests.pages.databases import closing


@pytest.mark.parametrize("page_size", [512, 4096, 65536])
@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16le", "UTF-16be"])
@pytest.mark.parametrize("auto_vacuum", ["none", "full", "incremental"])
def test_the_fields_are_what_sqlite_says(
    folder: Path, page_size: int, encoding: str, auto_vacuum: str
) -> None:
    path = folder / "app.db"
    with closing(path) as connection:
        connection.pragma("page_size", page_size)
        connection.pragma("encoding", encoding)
        connection.pragma("auto_vacuum", auto_vacuum)
        connection.execute(
            "CREATE TABLE t(a); INSERT INTO t VALUES (zeroblob(300000)); DELETE FROM t"
        )
        header = DatabaseHeader.parse(path.read_bytes())
        assert header.page_size == page_size
        assert header.encoding == encoding
        assert header.auto_vacuum == auto_vacuum
        assert header.page_count == connection.pragma("page_count")
        assert header.freelist_count == connection.pragma("freelist_count")
        assert header.schema_cookie == connection.pragma("schema_version")
        assert header.page_count_valid
        assert not header.uses_wal
        connection.pragma("journal_mode", "wal")
    assert DatabaseHeader.parse(path.read_bytes()).uses_wal


def sample() -> bytearray:
    raw = bytearray(100)
    raw[:16] = b"SQLite format 3\0"
    raw[16:24] = bytes([0x10, 0, 1, 1, 0, 64, 32, 32])
    return raw


@pytest.mark.parametrize(
    ("offset", "value", "what"),
    [
        (0, b"X", "name"),
        (16, b"\0\0", "page size"),
        (16, b"\x01\0", "page size"),
        (16, b"\x10\x01", "page size"),
        (19, b"\x03", "read version"),
        (19, b"\0", "read version"),
        (59, b"\x04", "encoding"),
    ],
)
def test_a_field_out_of_bounds_is_named(offset: int, value: bytes, what: str) -> None:
    raw = sample()
    assert DatabaseHeader.parse(bytes(raw)).page_size == 4096
    raw[offset : offset + len(value)] = value
    with pytest.raises(HeaderInvalid, match=what):
        DatabaseHeader.parse(bytes(raw))


def test_too_many_reserved_bytes_are_refused() -> None:
    raw = sample()
    raw[16:18], raw[20] = b"\x02\0", 33
    with pytest.raises(HeaderInvalid, match="reserved"):
        DatabaseHeader.parse(bytes(raw))


def test_a_page_count_that_an_old_writer_left_stale_is_not_valid() -> None:
    raw = sample()
    raw[28:32], raw[24:28], raw[92:96] = b"\0\0\0\5", b"\0\0\0\7", b"\0\0\0\6"
    assert not DatabaseHeader.parse(bytes(raw)).page_count_valid
    raw[92:96] = b"\0\0\0\7"
    assert DatabaseHeader.parse(bytes(raw)).page_count_valid


@given(st.binary(max_size=120))
def test_any_bytes_give_a_header_or_are_refused(data: bytes) -> None:
    try:
        header = DatabaseHeader.parse(b"SQLite format 3\0" + data)
    except HeaderInvalid:
        return
    assert 512 <= header.page_size <= 65536


def test_the_lock_page_holds_the_byte_at_one_gibibyte() -> None:
    assert lock_page(4096) == 262145
    assert lock_page(65536) == 16385
