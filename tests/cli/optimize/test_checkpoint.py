"""`dbtool optimize --checkpoint`."""

from __future__ import annotations

import sys
from pathlib import Path

import apsw
import pytest

from tests.cli.conftest import Run
from tests.optimize.test_emptying import reading, write


@pytest.fixture
def database() -> Path:
    connection = apsw.Connection("app.db")
    connection.execute("PRAGMA journal_mode = WAL").fetchall()
    connection.execute("CREATE TABLE t(x); INSERT INTO t VALUES(randomblob(50000))")
    return Path("app.db").resolve()


def test_who_keeps_frames_is_named(run: Run, database: Path) -> None:
    with reading(database):
        write(database)
        told = run("optimize", "--checkpoint", "--json", "app.db")
        assert told.code == 3
        assert told.data["copied"] < told.data["frames"]
        if sys.platform == "linux":
            assert [holder["command"] for holder in told.data["kept_by"]]


def test_an_empty_log_is_told(run: Run, database: Path) -> None:
    write(database)
    told = run("optimize", "--checkpoint", "app.db")
    assert told.code == 0
    assert "-> 0 B" in told.out


def test_a_database_without_a_wal_is_told(run: Run) -> None:
    connection = apsw.Connection("app.db")
    connection.execute("CREATE TABLE t(x)")
    connection.close()
    told = run("optimize", "--checkpoint", "app.db")
    assert told.code == 0
    assert "there is no WAL" in told.out
