"""The bytes of a damaged file as pages, whatever its header says."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbtool.core.holders import lock_count
from dbtool.errors import DbtoolError
from dbtool.integrity.damagedfile import DamagedFile
from dbtool.pages.schematable import read_schema
from dbtool.pages.source import PageUnreadable
from tests.pages.databases import closing, make_accounts
from tests.pages.pagesources import make_everything


def test_pages_are_those_of_the_file_and_the_last_is_filled_up(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    make_everything(path, page_size=1024, rows=5)
    raw = path.read_bytes()[:-100]
    path.write_bytes(raw)
    with DamagedFile(path) as source:
        assert source.page_count * 1024 == len(raw) + 100
        joined = b"".join(source.page(n) for n in range(1, source.page_count + 1))
        assert joined == raw + bytes(100)
        assert source.mended == []
        with pytest.raises(ValueError, match="not within"):
            source.page(source.page_count + 1)


def test_the_schema_is_read_behind_a_damaged_header(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    make_everything(path, page_size=1024, rows=50)
    raw = path.read_bytes()
    with DamagedFile(path) as source:
        whole = read_schema(source, pytest.fail)
    for header in (bytes(100), b"x" * 16 + raw[16:100], raw[:16] + b"\xff\xff" + raw[18:100]):
        path.write_bytes(header + raw[100:])
        for like in (b"", raw[:100]):
            with DamagedFile(path, like=like) as source:
                assert source.page_size == 1024
                assert source.mended
                assert read_schema(source, pytest.fail) == whole


def test_committed_frames_of_the_wal_lie_over_the_file(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    make_accounts(path, rows=10)
    copy = tmp_path / "copy.db"
    with closing(path) as connection:
        connection.pragma("wal_autocheckpoint", 0)
        connection.execute("UPDATE account SET amount = 77777; CREATE TABLE late(x)")
        copy.write_bytes(path.read_bytes())
        log = tmp_path / "copy.db-wal"
        log.write_bytes((tmp_path / "app.db-wal").read_bytes())
    with DamagedFile(copy, wal=log) as source:
        assert "late" in {row.name for row in read_schema(source, pytest.fail)}
    with DamagedFile(copy) as source:
        assert "late" not in {row.name for row in read_schema(source, pytest.fail)}
    log.write_bytes(b"no log" * 100)
    with DamagedFile(copy, wal=log) as source:
        assert "left aside" in source.mended[0]


def test_reading_drops_no_lock_of_this_process(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    make_accounts(path, rows=10)
    with closing(path) as connection:
        connection.execute("BEGIN; SELECT * FROM account")
        before = lock_count(path)
        with DamagedFile(path) as source:
            source.page(2)
        assert lock_count(path) == before


def test_a_page_beyond_the_end_of_a_file_that_shrank_is_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    make_accounts(path, rows=10)
    with DamagedFile(path) as source:
        path.write_bytes(path.read_bytes()[:8192])
        with pytest.raises(PageUnreadable):
            source.page(5)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DbtoolError):
        DamagedFile(tmp_path / "nothing.db")
