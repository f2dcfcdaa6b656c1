"""Raw bytes go through SQLite's own file layer."""

from __future__ import annotations

import os
from pathlib import Path

import apsw
import pytest

from dbtool.core.holders import lock_count
from dbtool.core.rawfile import RawFile


@pytest.mark.parametrize("size", [1, 65536, 131071, 131072, 131073, 262144, 1_000_000])
def test_writes_of_any_length_arrive_whole(tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    path = tmp_path / "file"
    path.touch()
    with RawFile(path, writable=True) as file:
        file.write(100, data)
        file.sync()
        assert file.size() == 100 + size
        assert file.read(100, size) == data
    assert path.read_bytes() == bytes(100) + data


def test_reads_end_where_the_file_ends(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    with RawFile(path) as file:
        assert file.read(8, 10) == b"89"
        assert file.read(10, 10) == b""
        assert file.read(99, 10) == b""


def test_a_missing_file_and_one_that_exists_are_told(tmp_path: Path) -> None:
    with pytest.raises(apsw.CantOpenError):
        RawFile(tmp_path / "missing")
    (tmp_path / "there").write_bytes(b"precious")
    with pytest.raises(apsw.Error):
        RawFile(tmp_path / "there", "journal", writable=True, create=True)
    assert (tmp_path / "there").read_bytes() == b"precious"


def test_opening_and_closing_keeps_the_locks_of_a_connection(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    connection = apsw.Connection(str(path))
    connection.pragma("journal_mode", "wal")
    connection.execute("CREATE TABLE t(a)")
    connection.execute("BEGIN; SELECT * FROM t")
    before = lock_count(path)
    assert before
    for kind, suffix in (("database", ""), ("wal", "-wal")):
        with RawFile(tmp_path / f"app.db{suffix}", kind) as file:
            assert file.size()
    assert lock_count(path) == before
    connection.close()


def test_the_exclusive_lock_is_had_only_alone(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE t(a)")
    with RawFile(path, writable=True) as file:
        connection.execute("BEGIN; SELECT * FROM t")
        assert not file.try_lock_exclusive()
        connection.execute("COMMIT")
        assert file.try_lock_exclusive()
        with pytest.raises(apsw.BusyError):
            connection.execute("SELECT * FROM t")
        file.unlock()
        connection.execute("SELECT * FROM t")
    connection.close()


def test_looking_at_a_wal_does_not_touch_its_time_stamps(tmp_path: Path) -> None:
    path = tmp_path / "app.db-wal"
    path.write_bytes(b"x" * 100)
    before = path.stat()
    with RawFile(path, "wal") as file:
        file.read(0, 32)
    assert path.stat().st_ctime_ns == before.st_ctime_ns


def test_truncating_cuts_and_extends(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    with RawFile(path, writable=True) as file:
        file.truncate(4)
        file.truncate(6)
    assert path.read_bytes() == b"0123\0\0"
