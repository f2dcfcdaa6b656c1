"""The WAL is copied back as far as readers allow."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw
import pytest

from dbtool.errors import NotFound
from dbtool.optimize.emptying import empty_wal

_READER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN")
connection.execute("SELECT * FROM t").fetchall()
print("reads", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "app.db"
    connection = apsw.Connection(str(path))
    connection.execute("PRAGMA journal_mode = WAL").fetchall()
    connection.execute("CREATE TABLE t(x); INSERT INTO t VALUES(randomblob(50000))")
    yield path
    connection.close()


@contextmanager
def reading(path: Path) -> Iterator[None]:
    with subprocess.Popen(
        [sys.executable, "-c", _READER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "reads\n"
        yield
        process.kill()


def write(path: Path) -> None:
    connection = apsw.Connection(str(path))
    connection.execute("INSERT INTO t VALUES(randomblob(50000))")
    connection.close()


def test_a_log_that_nobody_needs_is_emptied(database: Path) -> None:
    done = empty_wal(database)
    assert done.whole
    assert done.frames > 10
    assert (done.before_bytes > 50_000, done.after_bytes) == (True, 0)


def test_a_reader_keeps_what_it_needs_and_is_not_disturbed(database: Path) -> None:
    with reading(database):
        write(database)
        done = empty_wal(database)
        assert not done.whole
        assert 0 < done.copied < done.frames
        assert done.after_bytes == done.before_bytes
    assert empty_wal(database).whole


def test_without_a_wal_there_is_nothing_to_do(tmp_path: Path) -> None:
    connection = apsw.Connection(str(tmp_path / "plain.db"))
    connection.execute("CREATE TABLE t(x)")
    connection.close()
    done = empty_wal(tmp_path / "plain.db")
    assert (done.journal_mode, done.frames, done.whole) == ("delete", 0, True)


def test_a_missing_database_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        empty_wal(tmp_path / "no.db")
    assert not list(tmp_path.iterdir())
