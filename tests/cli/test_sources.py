"""What commands read rows from."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from dbtool.cli.context import Session
from dbtool.cli.sources import reading
from dbtool.errors import Damaged, NotFound
from tests.cli.conftest import Run, change_database, make_database

QUESTION = "SELECT hex(v) FROM t WHERE id = 1"


def asked(at: str | None, db: str = "app.db") -> str:
    """Return the answer of a database at some time."""
    with reading(Session([]), db, at) as source:
        return source.connection.execute(QUESTION).get


@pytest.fixture
def two(run: Run, database: Path) -> list[str]:
    """Take two snapshots and return their ids."""
    first = run("backup", "--print-id", "app.db").out.strip()
    change_database(database)
    return [first, run("backup", "--print-id", "app.db").out.strip()]


def test_snapshots_are_named_in_every_way(two: list[str]) -> None:
    live = asked(None)
    assert asked("latest") == asked(two[1]) == asked(two[1][:8]) == asked("now") == live
    assert asked("@now") == live
    assert asked(two[0]) != live


def test_what_is_neither_an_id_nor_a_time_is_not_found(two: list[str]) -> None:
    with pytest.raises(NotFound) as error:
        asked("nonsense")
    assert error.value.code == "snapshot-not-found"
    with pytest.raises(NotFound) as error:
        asked("yesterday")
    assert error.value.code == "no-snapshot-before"


def test_a_database_that_moved_is_found_in_a_repository_of_one(two: list[str]) -> None:
    session = Session([])
    session.given["repo"] = "app.db.backups"
    Path("app.db").rename("moved.db")
    with reading(session, "moved.db", "latest") as source:
        assert source.connection.execute("SELECT count(*) FROM t").get == 200


def test_the_live_database_is_left_as_it_was(database: Path) -> None:
    before = database.read_bytes()
    with reading(Session([]), "app.db", None) as source, pytest.raises(apsw.ReadOnlyError):
        source.connection.execute("DELETE FROM t")
    assert database.read_bytes() == before
    assert not Path("app.db-wal").exists()
    assert not Path("app.db-shm").exists()


def test_an_empty_file_is_an_empty_database() -> None:
    Path("empty.db").touch()
    with reading(Session([]), "empty.db", None) as source:
        assert source.connection.execute("SELECT count(*) FROM sqlite_schema").get == 0
    assert Path("empty.db").stat().st_size == 0


def test_a_snapshot_of_a_damaged_database_says_so(run: Run) -> None:
    path = make_database(Path("hurt.db"))
    data = bytearray(path.read_bytes())
    data[4096:8192] = b"\xff" * 4096
    path.write_bytes(data)
    run("backup", "hurt.db")
    with reading(Session([]), "hurt.db", "latest") as source:
        with pytest.raises(apsw.Error) as error:
            source.connection.execute("SELECT * FROM t").fetchall()
        named = source.failed(error.value)
    assert isinstance(named, Damaged)
    assert named.code == "database-damaged"
    assert "as it was backed up" in named.context
