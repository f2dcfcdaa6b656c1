"""SQL in one read transaction on a file."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from dbtool.errors import DbtoolError
from dbtool.integrity.reading import reading


def make(path: Path, journal_mode: str) -> None:
    connection = apsw.Connection(str(path))
    connection.pragma("journal_mode", journal_mode)
    connection.execute("CREATE TABLE t(v); INSERT INTO t VALUES (1)")
    connection.close()


@pytest.mark.parametrize("journal_mode", ["wal", "delete"])
def test_one_moment_is_read_and_nothing_is_written(tmp_path: Path, journal_mode: str) -> None:
    path = tmp_path / "a.db"
    make(path, journal_mode)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    with reading(path) as connection:
        assert connection.in_transaction
        assert connection.execute("SELECT v FROM t").fetchall() == [(1,)]
        with pytest.raises(apsw.ReadOnlyError):
            connection.execute("INSERT INTO t VALUES (2)")
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_a_writer_beside_it_is_neither_held_up_nor_seen(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    make(path, "wal")
    writer = apsw.Connection(str(path))
    with reading(path) as connection:
        writer.execute("INSERT INTO t VALUES (2)")
        assert connection.execute("SELECT count(*) FROM t").fetchall() == [(1,)]
    writer.close()


def test_an_empty_file_is_a_database_without_tables(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    path.touch()
    with reading(path) as connection:
        assert connection.execute("SELECT count(*) FROM sqlite_schema").fetchall() == [(0,)]
    assert path.read_bytes() == b""


def test_damage_met_on_the_way_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    make(path, "delete")
    content = bytearray(path.read_bytes())
    content[4096:4104] = b"\xff" * 8
    path.write_bytes(content)
    with pytest.raises(DbtoolError) as caught, reading(path) as connection:
        connection.execute("SELECT * FROM t").fetchall()
    assert caught.value.code == "database-damaged"


def test_a_file_that_is_not_there_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(DbtoolError) as caught, reading(tmp_path / "none.db"):
        pass
    assert caught.value.code == "database-not-found"
