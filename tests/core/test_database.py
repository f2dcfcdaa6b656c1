"""The database of the public API."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

import dbtool
from dbtool.core.database import Database
from dbtool.core.database import open as open_database
from dbtool.errors import NotFound, UsageError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "app.db"
    connection = apsw.Connection(str(file))
    connection.execute("PRAGMA journal_mode = wal").fetchall()
    connection.execute("CREATE TABLE t(x); INSERT INTO t VALUES (1)")
    connection.close()
    return file


def test_naming_a_database_opens_nothing_and_leaves_no_trace(path: Path) -> None:
    database = open_database(path)
    assert database.path == path
    assert [p.name for p in path.parent.iterdir()] == ["app.db"]


def test_the_connection_reads_and_is_the_same_every_time(path: Path) -> None:
    with dbtool.open(str(path)) as database:
        assert database.connection.execute("SELECT x FROM t").fetchall() == [(1,)]
        assert database.connection is database.connection


def test_the_connection_refuses_to_write(path: Path) -> None:
    with open_database(path) as database, pytest.raises(apsw.ReadOnlyError):
        database.connection.execute("INSERT INTO t VALUES (2)")


def test_leaving_the_block_closes_the_connection_and_its_files(path: Path) -> None:
    with open_database(path) as database:
        connection = database.connection
    assert [p.name for p in path.parent.iterdir()] == ["app.db"]
    with pytest.raises(apsw.ConnectionClosedError):
        connection.execute("SELECT 1")


def test_a_database_that_is_not_there_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound) as caught:
        open_database(tmp_path / "none.db")
    assert caught.value.code == "database-not-found"


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        open_database(tmp_path)
    assert caught.value.code == "database-is-folder"


def test_the_repr_names_the_path() -> None:
    assert repr(Database("a.db")) == "Database('a.db')"
