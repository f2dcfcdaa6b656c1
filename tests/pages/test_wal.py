"""The WAL's frames are indexed by the newest content of each page."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from dbtool.pages.wal import WalHeader, WalInvalid, commit_size, frame_index, frame_offset
from tests.pages.databases import closing


def wal(pages: list[int], page_size: int = 512, salts: bytes = b"saltsalt") -> bytes:
    raw = struct.pack(">4I8s8x", 0x377F0682, 3007000, page_size, 3, salts)
    for frame, page in enumerate(pages, start=1):
        raw += struct.pack(">II8s8x", page, 9, salts) + bytes([frame % 256]) * page_size
    return raw


def reading(raw: bytes):
    return lambda offset, length: raw[offset : offset + length]


def test_the_newest_frame_of_a_page_wins() -> None:
    raw = wal([3, 1, 3, 2])
    index = frame_index(reading(raw), 4, 512)
    assert {page: raw[at] for page, at in index.items()} == {3: 3, 1: 2, 2: 4}


def test_frames_beyond_the_last_committed_one_do_not_count() -> None:
    raw = wal([3, 1, 3, 2])
    assert {page: raw[at] for page, at in frame_index(reading(raw), 2, 512).items()} == {3: 1, 1: 2}
    assert frame_index(reading(raw), 0, 512) == {}


def test_a_log_of_many_chunks_is_indexed_whole() -> None:
    raw = wal(list(range(1, 5001)))
    index = frame_index(reading(raw), 5000, 512)
    assert len(index) == 5000
    assert all(index[page] == frame_offset(page, 512) + 24 for page in index)


@pytest.mark.parametrize("damage", ["other salts", "page 0"])
def test_a_frame_of_another_generation_is_refused(damage: str) -> None:
    raw = bytearray(wal([3, 1, 2]))
    at = frame_offset(2, 512)
    raw[at + 8 if damage == "other salts" else at + 3] = 0
    with pytest.raises(WalInvalid, match="generation"):
        frame_index(reading(bytes(raw)), 3, 512)


@pytest.mark.parametrize("raw", [b"", b"x" * 31, b"x" * 32, wal([])[:8] + b"x" * 8])
def test_a_header_that_is_none_is_refused(raw: bytes) -> None:
    with pytest.raises(WalInvalid):
        WalHeader.parse(raw)


def test_the_log_that_sqlite_writes_is_understood(folder: Path) -> None:
    path = folder / "app.db"
    with closing(path) as connection:
        connection.pragma("journal_mode", "wal")
        connection.execute("CREATE TABLE t(a)")
        connection.execute("INSERT INTO t VALUES (zeroblob(20000))")
        read = lambda offset, length: connection.read("main", 1, offset, length)[1]  # noqa: E731
        frames, _ = connection.wal_checkpoint()
        assert WalHeader.parse(read(0, 32)).page_size == 4096
        assert commit_size(read, frames, 4096) == connection.pragma("page_count")
        index = frame_index(read, frames, 4096)
        assert set(index) == set(range(1, connection.pragma("page_count") + 1))
        assert all(
            connection.read("main", 0, (n - 1) * 4096, 4096)[1] == read(at, 4096)
            for n, at in index.items()
        )
