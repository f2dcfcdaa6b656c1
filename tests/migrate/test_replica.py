"""The schema in memory on which statements are tried."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from dbtool.errors import UsageError
from dbtool.migrate import replica as module
from dbtool.migrate.replica import Replica, load_schema_file


def test_a_replica_has_the_schema_and_no_rows() -> None:
    connection = apsw.Connection(":memory:")
    connection.execute(
        "CREATE TABLE a(x); INSERT INTO a VALUES (1); CREATE INDEX i ON a(x)"
    ).fetchall()
    copy = Replica.of(connection)
    assert {name for _, name in copy.schema().items} == {"a", "i"}
    assert copy.rows("SELECT count(*) FROM a") == [(0,)]


def test_what_a_statement_asks_for_is_known() -> None:
    copy = load_schema_file("CREATE TABLE a(x, y)")
    copy.execute("INSERT INTO a(x) SELECT y FROM a")
    assert (apsw.SQLITE_READ, "a", "y", None) in copy.asked
    assert (apsw.SQLITE_INSERT, "a", None, None) in copy.asked
    copy.execute("INSERT INTO a(x) SELECT y FROM a")
    assert (apsw.SQLITE_INSERT, "a", None, None) in copy.asked


@pytest.mark.parametrize(
    "sql", ["ATTACH '{0}' AS x", "VACUUM INTO '{0}'", "PRAGMA temp_store_directory = '{0}'"]
)
def test_no_file_is_touched(tmp_path: Path, sql: str) -> None:
    with pytest.raises(apsw.Error):
        Replica().execute(sql.format(tmp_path / "file"))
    assert list(tmp_path.iterdir()) == []


def test_what_does_not_end_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LONGEST_S", 0.05)
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT sum(i) FROM n"
    with pytest.raises(apsw.InterruptError):
        Replica().execute(endless)


def test_functions_and_collations_of_the_application_are_stood_in_for() -> None:
    copy = load_schema_file("CREATE TABLE a(x); CREATE INDEX i ON a(mine(x) COLLATE german)")
    assert copy.definition("INDEX".lower(), "I").startswith("CREATE INDEX i")


def test_kinds_of_virtual_tables_that_only_the_application_has_are_stood_in_for() -> None:
    connection = apsw.Connection(":memory:")
    connection.execute("CREATE TABLE a(x); PRAGMA writable_schema = 1").fetchall()
    connection.execute(
        "INSERT INTO sqlite_schema VALUES ('table', 'v', 'v', 0, ?)",
        ("CREATE VIRTUAL TABLE v USING theirs(\"x y\" TEXT, z, option='a')",),
    )
    copy = Replica.of(connection)
    assert copy.schema().tables["v"].stored == ("x y", "z")
    with pytest.raises(apsw.SQLError):
        copy.execute("CREATE VIRTUAL TABLE w USING others(x)")


def test_a_schema_file_that_is_wrong_is_told_with_its_line() -> None:
    with pytest.raises(UsageError) as caught:
        load_schema_file("CREATE TABLE a(x);\n\nCREATE TABLE a(x);")
    assert "line 3: table a already exists" in caught.value.message


def test_a_rebuild_keeps_indexes_and_triggers_and_names_those_that_do_not_fit() -> None:
    copy = load_schema_file(
        "CREATE TABLE a(x, y); CREATE INDEX i ON a(x); CREATE INDEX j ON a(y);"
        "CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; END"
    )
    lost = copy.rebuild("a", "CREATE TABLE a(x) STRICT".replace("x", "x INT"))
    assert [(kind, name) for kind, name, _ in lost] == [("index", "j")]
    assert {name for _, name in copy.schema().items} == {"a", "i", "t"}
