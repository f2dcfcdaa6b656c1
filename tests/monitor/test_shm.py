"""The index of the log is read as SQLite wrote it, or not at all."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dbtool.monitor.shm import INDEX_BYTES, NO_MARK, parse_index


def test_it_says_what_sqlite_wrote(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    connection = apsw.Connection(str(path))
    connection.pragma("page_size", 65536)
    connection.pragma("journal_mode", "wal")
    connection.execute("CREATE TABLE t(a); INSERT INTO t VALUES(1); INSERT INTO t VALUES(1)")
    connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
    connection.execute("SELECT * FROM t").fetchall()
    # Only a test may open the file beside a connection: it reads nothing through it afterwards.
    index = parse_index(path.with_name("app.db-shm").read_bytes())
    wal = path.with_name("app.db-wal").read_bytes()
    connection.close()
    assert index is not None
    assert (index.commits, index.frames, index.checkpointed) == (3, 4, 4)
    assert (index.page_size, index.page_count) == (65536, 2)
    assert index.salts == wal[16:24]
    assert index.read_marks[0] == 0
    assert NO_MARK in index.read_marks


@pytest.mark.parametrize("data", [b"", b"\0" * INDEX_BYTES, b"\1" * INDEX_BYTES])
def test_what_is_no_index_is_none(data: bytes) -> None:
    assert parse_index(data) is None


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_taken(data: bytes) -> None:
    parse_index(data)
