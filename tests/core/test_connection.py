"""Opening a database either works or says what is wrong with it."""

from __future__ import annotations

import gzip
import os
import random
import subprocess
import sys
from pathlib import Path

import apsw
import pytest

from dbtool.core.connection import open_live, open_readonly, require_database
from dbtool.errors import Damaged, DbtoolError, Locked, NotFound, Refused, UsageError, WrongKey


def make(path: Path, *, page_size: int = 4096) -> Path:
    connection = apsw.Connection(str(path))
    connection.pragma("page_size", page_size)
    connection.execute("CREATE TABLE t(a); INSERT INTO t VALUES (zeroblob(50000))")
    connection.close()
    return path


def failure(path: Path) -> DbtoolError:
    with pytest.raises(DbtoolError) as caught:
        open_readonly(path, busy_timeout_s=0.05)
    assert str(path.name) in caught.value.message
    return caught.value


def test_a_database_is_opened_hardened_and_read_only(tmp_path: Path) -> None:
    connection = open_readonly(make(tmp_path / "app.db"), busy_timeout_s=1)
    assert connection.readonly("main")
    assert connection.execute("SELECT count(*) FROM t").get == 1
    with pytest.raises(apsw.ReadOnlyError):
        connection.execute("DELETE FROM t")
    assert connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, -1) == 1
    connection.close()


def test_a_missing_database_suggests_a_similar_name(tmp_path: Path) -> None:
    make(tmp_path / "customers.db")
    error = failure(tmp_path / "custmers.db")
    assert isinstance(error, NotFound)
    assert error.code == "database-not-found"
    assert "customers.db" in error.hint


def test_a_missing_folder_is_a_missing_database(tmp_path: Path) -> None:
    assert failure(tmp_path / "no" / "app.db").code == "database-not-found"
    make(tmp_path / "app.db")
    assert failure(tmp_path / "app.db" / "app.db").code == "database-not-found"


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    make(folder / "shop.db")
    error = failure(folder)
    assert isinstance(error, UsageError)
    assert error.code == "database-is-folder"
    assert "shop.db" in error.hint


def test_a_pipe_is_refused_without_waiting_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert failure(tmp_path / "pipe").code == "not-a-database"


@pytest.mark.parametrize(
    "data",
    [
        b"some notes\n" * 1000,
        b"x",
        bytes(4096),
        b"PK\x03\x04" + random.Random(1).randbytes(8188),
        gzip.compress(random.Random(1).randbytes(9000), mtime=0)[:8192],
        random.Random(1).randbytes(8191),
    ],
    ids=["text", "one byte", "zeros", "zip", "gzip", "odd length"],
)
def test_a_file_of_another_kind_is_not_called_encrypted(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    error = failure(path)
    assert isinstance(error, UsageError)
    assert error.code == "not-a-database"


@pytest.mark.parametrize("size", [512, 1024, 4096, 1 << 20])
@pytest.mark.parametrize("seed", range(3))
def test_random_bytes_in_whole_pages_are_an_encrypted_database(
    tmp_path: Path, size: int, seed: int
) -> None:
    path = tmp_path / "secret.db"
    path.write_bytes(random.Random(seed).randbytes(size))
    error = failure(path)
    assert isinstance(error, WrongKey)
    assert error.code == "database-encrypted"


@pytest.mark.parametrize("keep", [5, 99, 511, 4096, 20000])
def test_a_file_that_was_cut_off_is_truncated(tmp_path: Path, keep: int) -> None:
    path = make(tmp_path / "app.db")
    os.truncate(path, keep)
    error = failure(path)
    assert isinstance(error, Damaged)
    assert error.code == "database-truncated"


def test_a_header_that_contradicts_itself_is_damage(tmp_path: Path) -> None:
    path = make(tmp_path / "app.db")
    raw = bytearray(path.read_bytes())
    raw[21:24] = b"\1\2\3"
    path.write_bytes(raw)
    error = failure(path)
    assert isinstance(error, Damaged)
    assert error.code == "database-damaged"


def test_an_empty_file_is_an_empty_database(tmp_path: Path) -> None:
    (tmp_path / "app.db").touch()
    connection = open_readonly(tmp_path / "app.db", busy_timeout_s=0)
    assert connection.execute("SELECT count(*) FROM sqlite_schema").get == 0
    connection.close()


def test_a_lock_is_reported_with_its_holder(tmp_path: Path) -> None:
    path = make(tmp_path / "app.db")
    code = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None);"
        "c.execute('BEGIN EXCLUSIVE'); print('ready', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        error = failure(path)
        child.communicate()
    assert isinstance(error, Locked)
    assert error.code == "database-locked"
    assert str(child.pid) in error.context


def test_a_hot_journal_is_never_rolled_back_by_reading(tmp_path: Path) -> None:
    path = make(tmp_path / "app.db")
    code = (
        "import os, sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None);"
        "c.execute('PRAGMA cache_size=2'); c.execute('BEGIN');"
        "c.execute('INSERT INTO t VALUES (randomblob(200000))'); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert "app.db-journal" in before
    error = failure(path)
    assert isinstance(error, Refused)
    assert error.code == "hot-journal"
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_a_live_connection_writes(tmp_path: Path) -> None:
    connection = open_live(make(tmp_path / "app.db"), busy_timeout_s=1)
    connection.execute("DELETE FROM t")
    assert connection.execute("SELECT count(*) FROM t").get == 0
    connection.close()


def test_a_name_with_the_marks_of_a_uri_is_only_a_name(tmp_path: Path) -> None:
    path = make(tmp_path / "a?mode=memory#%41.db")
    connection = open_readonly(path, busy_timeout_s=0)
    assert connection.execute("SELECT count(*) FROM t").get == 1
    connection.close()


@pytest.mark.parametrize(
    "name", [b"caf\xe9.db", b"a" * 245 + b".db", b"d" * 200 + b"/" + b"e" * 200 + b"/" + b"f" * 120]
)
def test_a_name_that_sqlite_cannot_take_is_an_error_that_can_be_printed(
    tmp_path: Path, name: bytes
) -> None:
    path = tmp_path / os.fsdecode(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    link = tmp_path / "link.db"
    link.symlink_to(path)
    for named in (path, link):
        with pytest.raises(UsageError) as caught:
            require_database(named)
        assert caught.value.code == "database-name-unsupported"
        caught.value.message.encode()


def test_the_longest_name_that_sqlite_can_take_is_taken(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 247)
    make(path)
    assert require_database(path) == path
    open_live(path, busy_timeout_s=0).close()
