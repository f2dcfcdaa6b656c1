"""One table written into a file of its own."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import apsw
import pytest

from dbtool.core.progress import Silent
from dbtool.errors import Refused, UsageError
from dbtool.rows.into import plan_into, write_into
from tests.rows.twins import read, twins

SCHEMA = (
    "PRAGMA encoding = 'UTF-16le';"
    'CREATE TABLE "Or ders"(id INTEGER PRIMARY KEY AUTOINCREMENT, a, g AS (a || 1) STORED);'
    "CREATE INDEX i ON \"Or ders\"(a); INSERT INTO \"Or ders\"(a) VALUES (x'00ff'), (NULL), ('ü');"
    "CREATE TRIGGER w AFTER INSERT ON \"Or ders\" BEGIN SELECT raise(ABORT, 'no'); END"
)
ALL = 'SELECT rowid, * FROM "Or ders"'


@pytest.fixture
def source(tmp_path: Path):
    path = twins(tmp_path, SCHEMA).snapshot
    with closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)) as connection:
        yield connection


def test_a_new_file_holds_schema_rows_and_indexes(source: apsw.Connection, tmp_path: Path) -> None:
    file = tmp_path / "new.db"
    plan = plan_into(source, file, "or DERS")
    assert not file.exists()
    done = write_into(source, file, "or DERS")
    assert done == plan
    assert (done.rows, done.new_file) == (3, True)
    assert read(file, ALL) == read(tmp_path / "snapshot.db", ALL)
    names = [row[0][1] for row in read(file, "SELECT name FROM sqlite_schema")]
    assert names == ["Or ders", "sqlite_sequence", "i"]
    assert read(file, "PRAGMA encoding") == [(("str", "UTF-16le"),)]
    assert not [each for each in tmp_path.iterdir() if each.name.startswith(".")]


def test_a_database_without_the_table_gets_it(source: apsw.Connection, tmp_path: Path) -> None:
    file = tmp_path / "new.db"
    with closing(apsw.Connection(str(file))) as other:
        other.execute("CREATE TABLE o(a)")
    assert not write_into(source, file, "Or ders", where="a IS NULL").new_file
    assert read(file, "SELECT id FROM 'Or ders'") == [(("int", 2),)]
    for do in (plan_into, write_into):
        with pytest.raises(Refused) as caught:
            do(source, file, "Or ders")
        assert caught.value.code == "table-exists"


def test_what_fails_leaves_no_file(source: apsw.Connection, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        write_into(source, tmp_path / "new.db", "Or ders", where="nix = 1")

    class StopError(Exception):
        pass

    class Stopping(Silent):
        def advance(self, _amount: int) -> None:
            raise StopError

    with pytest.raises(StopError):
        write_into(source, tmp_path / "new.db", "Or ders", progress=Stopping())
    assert sorted(each.name for each in tmp_path.iterdir()) == ["live.db", "snapshot.db"]


def test_what_is_no_database_is_left_alone(source: apsw.Connection, tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("not a database, but text of some length")
    with pytest.raises(UsageError) as caught:
        write_into(source, file, "Or ders")
    assert caught.value.code == "not-a-database"
