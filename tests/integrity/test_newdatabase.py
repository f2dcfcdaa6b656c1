"""Only what a statement says is made, in a database with the settings of the old one."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from dbtool.integrity.newdatabase import NewDatabase
from dbtool.pages.header import DatabaseHeader
from tests.integrity.damages import build


@pytest.fixture
def database(tmp_path: Path):
    like = tmp_path / "like.db"
    build(like, 1)
    raw = like.read_bytes()[:100]
    path = tmp_path / "new.db"
    path.touch(mode=0o600)
    made = NewDatabase(
        path, DatabaseHeader.parse(raw), raw, longest_bytes=10_000, interrupted=lambda: None
    )
    yield made
    made.close(whole=False)


def names(database: NewDatabase) -> set[str]:
    return {name for (name,) in database.connection.execute("SELECT name FROM sqlite_schema")}


def test_objects_are_made(database: NewDatabase) -> None:
    for sql in (
        "CREATE TABLE t(a)",
        "CREATE INDEX i ON t(a)",
        "CREATE VIEW v AS SELECT 1",
        "CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT 1; END",
    ):
        assert database.make(sql) == ""
    assert names(database) == {"t", "i", "v", "g"}


@pytest.mark.parametrize(
    "sql",
    [
        "",
        "SELECT 1",
        "DROP TABLE keep",
        "ATTACH 'x' AS y",
        "CREATE TABLE t AS SELECT 1",
        "CREATE TEMP TABLE t(a)",
        "CREATE TABLE keep(a)",
        "CREATE TABLE",
        "CREATE \0",
        "CREATE TABLE t(a\ud800)",
        "CREATE VIRTUAL TABLE v USING fts5(x)",
    ],
)
def test_anything_else_is_refused_with_a_reason(database: NewDatabase, sql: str) -> None:
    assert database.make("CREATE TABLE keep(a)") == ""
    assert database.make(sql) != ""
    assert "keep" in names(database)


def test_a_virtual_table_is_written_into_the_schema_if_it_parses(database: NewDatabase) -> None:
    assert database.make_virtual("f", "CREATE VIRTUAL TABLE f USING fts5(x") != ""
    assert database.make_virtual("g", "CREATE VIRTUAL TABLE f USING fts5(x)") != ""
    assert database.make_virtual("f", "CREATE TABLE f(x)") != ""
    assert names(database) == set()
    assert database.make_virtual("f", "CREATE VIRTUAL TABLE f USING fts5(x)") == ""
    database.reopen()
    assert names(database) == {"f"}
    database.forget_virtual(["f"])
    assert names(database) == set()
    with pytest.raises(apsw.SQLError):
        database.connection.execute("DELETE FROM sqlite_schema")


def test_an_unknown_function_is_stood_in_for_by_null(database: NewDatabase) -> None:
    assert database.make("CREATE TABLE t(a, b CHECK (own(b) OR own2(b)))") == ""
    database.connection.execute("INSERT INTO t VALUES (1, 2)")
    assert sorted(note.split()[2] for note in database.notes) == ["own", "own2"]
