"""The database that rows go into."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from dbtool.core.progress import Silent
from dbtool.core.schema import read_schema
from dbtool.errors import DbtoolError
from dbtool.transfer.target import (
    immediately,
    make_index,
    open_target,
    rebuild_text_indexes,
    take_indexes_away,
    violations,
)
from tests.transfer.kit import prepare


def test_only_indexes_of_an_empty_table_that_keep_no_promise_go(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    prepare(
        path,
        "CREATE TABLE t(a, b UNIQUE); CREATE INDEX i ON t(a); CREATE UNIQUE INDEX u ON t(a);"
        "CREATE TABLE full(a); INSERT INTO full VALUES (1); CREATE INDEX f ON full(a)",
    )
    with open_target(path) as connection:
        assert take_indexes_away(connection, "t") == ["CREATE INDEX i ON t(a)"]
        assert take_indexes_away(connection, "full") == []


def test_a_text_index_that_no_trigger_maintains_is_rebuilt(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    prepare(
        path,
        "CREATE TABLE t(x); CREATE VIRTUAL TABLE f USING fts5(x, content='t');"
        "CREATE TABLE own(x); CREATE VIRTUAL TABLE g USING fts5(x, content=own);"
        "CREATE TRIGGER n AFTER INSERT ON own BEGIN INSERT INTO g(rowid, x)"
        " VALUES (new.rowid, new.x); END; CREATE VIRTUAL TABLE h USING fts5(x);"
        "INSERT INTO t VALUES ('hello')",
    )
    with open_target(path) as connection:
        schema = read_schema(connection, "main")
        assert rebuild_text_indexes(connection, schema, ["T", "own"], Silent()) == ["f"]
        assert connection.execute("SELECT rowid FROM f('hello')").fetchall() == [(1,)]


def test_a_transaction_that_fails_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    prepare(path, "CREATE TABLE t(x)")
    with open_target(path) as connection:
        with pytest.raises(ZeroDivisionError), immediately(connection):
            connection.execute("INSERT INTO t VALUES (1)")
            _ = 1 / 0
        assert connection.execute("SELECT count(*) FROM t").get == 0


def test_what_sqlite_fails_with_has_a_name(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    prepare(path, "CREATE TABLE t(x)")
    other = apsw.Connection(str(path))
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(DbtoolError) as caught, open_target(path) as connection:
        connection.set_busy_timeout(1)
        with immediately(connection):
            pass
    assert caught.value.code == "database-locked"
    other.close()


def test_rows_that_refer_to_nothing_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    prepare(
        path,
        "CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE c(p REFERENCES p);"
        "INSERT INTO c VALUES (1)",
    )
    with open_target(path) as connection:
        assert violations(connection, ["p"]) == 1


def test_an_index_is_made_once_and_without_unique_where_it_must(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    prepare(path, "CREATE TABLE t(a, b); INSERT INTO t VALUES (1, 1), (1, 2)")
    with open_target(path) as connection:
        assert make_index(connection, "CREATE INDEX i ON t(a)") == []
        assert make_index(connection, "CREATE INDEX i ON t(a)") == []
        assert make_index(connection, "CREATE UNIQUE INDEX b ON t(b)") == []
        (unique,) = make_index(connection, "CREATE UNIQUE INDEX u ON t(a)")
        assert "is unique there and cannot be here" in unique
        assert make_index(connection, "CREATE UNIQUE INDEX u ON t(a)") == []
        (taken,) = make_index(connection, "CREATE INDEX i ON t(b)")
        assert "its name is taken" in taken
        with pytest.raises(apsw.SQLError):
            make_index(connection, "CREATE INDEX j ON t(none)")
        assert set(connection.execute("SELECT name FROM pragma_index_list('t')")) == {
            ("i",),
            ("b",),
            ("u",),
        }
