"""Records decode to what SQLite says their values are; damage raises or is rescued."""

from __future__ import annotations

import math
from pathlib import Path

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dbtool.pages.btree import parse_page, table_leaf_cells
from dbtool.pages.records import RawText, RecordDecoder, RecordInvalid
from tests.pages.databases import closing

ENCODINGS = ["UTF-8", "UTF-16le", "UTF-16be"]
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)
VALUES = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.sampled_from([0, 1, -1, 127, 128, -129, 2**23, 2**31, 2**47, -(2**47)]),
    st.floats(allow_nan=False),
    TEXT,
    st.binary(max_size=80),
)


def stored(encoding: str, rows: list[list[object]]) -> tuple[bytes, list[tuple[int, int]]]:
    """Let SQLite write rows into one page; return it and where each record lies."""
    connection = apsw.Connection(":memory:")
    connection.pragma("encoding", encoding)
    connection.pragma("page_size", 65536)
    width = max(map(len, rows))
    connection.execute(f"CREATE TABLE t({', '.join(f'c{n}' for n in range(width))})")
    for row in rows:
        connection.execute(f"INSERT INTO t VALUES ({', '.join('?' * width)})", row)
    raw = connection.serialize("main")
    connection.close()
    page = parse_page(raw[65536:131072], 2, usable=65536)
    return page.data, [(cell[2], cell[3]) for cell in table_leaf_cells(page, pytest.fail)]


@settings(max_examples=150, deadline=None)
@given(
    encoding=st.sampled_from(ENCODINGS),
    rows=st.lists(st.lists(VALUES, min_size=4, max_size=4), min_size=1, max_size=20),
)
def test_values_come_back_as_sqlite_wrote_them(encoding: str, rows: list[list[object]]) -> None:
    data, places = stored(encoding, rows)
    decoder = RecordDecoder(encoding)
    for row, (start, end) in zip(rows, places, strict=True):
        for _ in range(3):  # by its header, then by what was learnt of the header
            decoded = decoder.decode(data, start, end)
            assert decoded == row
        assert decoder.rescue(data, start, end) == row
        for got, given_ in zip(decoded, row, strict=True):
            assert type(got) is type(given_)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_text_that_is_not_valid_keeps_its_bytes(folder: Path, encoding: str) -> None:
    path = folder / "app.db"
    raw = b"\xff\xfe\x00\xd8" if encoding == "UTF-16le" else b"\xd8\x00\x00\xff"
    with closing(path) as connection:
        connection.pragma("encoding", encoding)
        connection.execute("CREATE TABLE t(x); INSERT INTO t VALUES (CAST(? AS TEXT))", (raw,))
    page = parse_page(path.read_bytes()[4096:8192], 2, usable=4096)
    [(_, _, start, end, _)] = table_leaf_cells(page, pytest.fail)
    decoder = RecordDecoder(encoding)
    for count in (1, 2, 3):
        [value] = decoder.decode(page.data, start, end)
        assert isinstance(value, RawText)
        assert value == raw
        assert decoder.raw_texts == count


def test_a_float_that_is_no_number_is_null_as_in_sqlite() -> None:
    record = b"\x02\x07\x7f\xf8\0\0\0\0\0\0"
    decoder = RecordDecoder("UTF-8")
    assert [decoder.decode(record, 0, 10) for _ in range(3)] == [[None]] * 3
    infinite = b"\x02\x07\x7f\xf0\0\0\0\0\0\0"
    assert RecordDecoder("UTF-8").decode(infinite, 0, 10) == [math.inf]


@pytest.mark.parametrize(
    "record",
    [
        b"",
        b"\0",
        b"\x01\x01",  # a value that no serial type speaks of
        b"\x02\x01",  # the value is missing
        b"\x02\x0a",  # never written
        b"\x05\x01",  # header longer than the record
        b"\x02\xff",  # a varint that does not end
        b"\x80\x01\x01",
        b"\xff" * 9,
    ],
)
def test_a_damaged_record_is_refused_and_rescued_without_an_error(record: bytes) -> None:
    decoder = RecordDecoder("UTF-8")
    with pytest.raises(RecordInvalid):
        decoder.decode(record, 0, len(record))
    assert isinstance(decoder.rescue(record, 0, len(record)), list)


def test_what_is_whole_of_a_damaged_record_is_rescued() -> None:
    # "abc", a number, then text of 100 bytes of which 4 are there, and a number behind it
    record = bytes([6, 13 + 6, 1, 0x81, 0x55, 1]) + b"abc" + b"\x07" + b"rest"
    assert RecordDecoder("UTF-8").rescue(record, 0, len(record)) == ["abc", 7, "rest", None]


@settings(max_examples=500)
@given(raw=st.binary(max_size=60), encoding=st.sampled_from(ENCODINGS))
def test_random_bytes_are_refused_or_decoded(raw: bytes, encoding: str) -> None:
    decoder = RecordDecoder(encoding)
    try:
        values = decoder.decode(raw, 0, len(raw))
    except RecordInvalid:
        values = decoder.rescue(raw, 0, len(raw))
    assert sum(len(value) for value in values if isinstance(value, (str, bytes))) <= len(raw)


def test_more_headers_than_are_cached_are_decoded_all_the_same() -> None:
    decoder = RecordDecoder("UTF-8")
    for low in range(128):
        for high in range(0x81, 0xC1):
            kind = (high & 0x7F) << 7 | low
            size = (kind - 12) >> 1
            record = bytes([3, high, low]) + bytes(size)
            [value] = decoder.decode(record, 0, len(record))
            assert len(value) == size
