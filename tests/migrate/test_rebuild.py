"""A rebuilt table keeps its rows, what hangs on it, and what refers to it."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from dbtool.core.progress import Silent
from dbtool.errors import DbtoolError
from dbtool.migrate.discover import read_migration
from dbtool.migrate.opening import borrowed
from dbtool.migrate.options import RunOptions
from dbtool.migrate.runner import Runner
from tests.migrate.kit import Project

FREE = ["rows-lost", "drop-column"]


def rebuild(
    project: Project, definition: str, *maps: str, before: str = "", **options: object
) -> None:
    table = definition.split("(", maxsplit=1)[0].rsplit(maxsplit=1)[-1].strip('"')
    lines = "".join(f"-- dbtool:map {each}\n" for each in maps)
    text = f"\n-- dbtool:rebuild {table}\n{lines}{definition};"
    project.write(f"{len(project.migrations()) + 1:04}_rebuild.sql", text)
    project.run(allow=FREE)


def test_no_child_row_goes_no_trigger_fires_and_everything_comes_back(shop: Project) -> None:
    before = shop.content()
    rebuild(
        shop,
        "CREATE TABLE p(id INTEGER PRIMARY KEY AUTOINCREMENT, n TEXT NOT NULL, m TEXT)",
        "m = upper(n)",
    )
    after = shop.content()
    assert after["c"] == before["c"]
    assert after["log"] == before["log"]
    assert after["p"] == ["(1, 'a', 'A')", "(2, 'b', 'B')"]
    kept = [row for row in before["schema"] if row[1] != "p"]
    assert [row for row in after["schema"] if row[1] != "p"] == kept
    assert shop.sql("SELECT seq FROM sqlite_sequence WHERE name = 'p'") == [(3,)]
    assert shop.sql("SELECT n FROM v") == [("a",), ("b",)]


def test_the_definition_stands_in_the_schema_as_it_was_written(shop: Project) -> None:
    definition = "CREATE TABLE p(\n  id INTEGER PRIMARY KEY, -- a remark\n  n TEXT)"
    rebuild(shop, definition)
    assert shop.sql("SELECT sql FROM sqlite_schema WHERE name = 'p'") == [(definition,)]


def test_references_to_itself_and_checks_that_name_the_table_work(project: Project) -> None:
    project.sql(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, up REFERENCES t(id), CHECK (t.id > 0));"
        "INSERT INTO t VALUES (1, NULL), (2, 1)"
    )
    definition = "CREATE TABLE t(id INTEGER PRIMARY KEY, up REFERENCES t(id), x, CHECK (t.id > 0))"
    rebuild(project, definition)
    assert project.sql("SELECT id, up FROM t") == [(1, None), (2, 1)]
    assert project.sql("PRAGMA foreign_key_list(t)")[0][2] == "t"
    rebuild(project, definition.replace(", x", ""))
    assert project.sql("SELECT * FROM t") == [(1, None), (2, 1)]


def test_rowids_stay_where_no_column_is_one(project: Project) -> None:
    project.sql("CREATE TABLE t(a); INSERT INTO t(rowid, a) VALUES (7, 'x'), (3, 'y')")
    rebuild(project, "CREATE TABLE t(a TEXT, b)")
    assert project.sql("SELECT rowid, a FROM t ORDER BY 1") == [(3, "y"), (7, "x")]


def test_a_table_that_says_its_checks_with_its_name_keeps_its_rowids(project: Project) -> None:
    project.sql("CREATE TABLE t(a, CHECK (t.a)); INSERT INTO t(rowid, a) VALUES (7, 1), (3, '2')")
    rebuild(project, "CREATE TABLE t(a, b)")
    assert project.sql("SELECT rowid, a, typeof(a) FROM t ORDER BY 1") == [
        (3, "2", "text"),
        (7, 1, "integer"),
    ]


def test_strict_without_rowid_and_generated_columns_are_made_as_asked(project: Project) -> None:
    project.sql(
        "CREATE TABLE t(k TEXT PRIMARY KEY, n INTEGER, g AS (n + 1), s AS (n * 2) STORED);"
        "INSERT INTO t(k, n) VALUES ('a', 1), ('b', 2)"
    )
    rebuild(
        project,
        "CREATE TABLE t(k TEXT PRIMARY KEY, n INTEGER, g INTEGER, h INTEGER AS (n + 10))"
        " STRICT, WITHOUT ROWID",
    )
    assert project.sql("SELECT k, n, g, h FROM t") == [("a", 1, 2, 11), ("b", 2, 3, 12)]


def test_rows_in_conflict_stop_it_whatever_the_table_says(project: Project) -> None:
    project.sql("CREATE TABLE t(a); INSERT INTO t VALUES (1), (1)")
    with pytest.raises(DbtoolError) as caught:
        rebuild(project, "CREATE TABLE t(a UNIQUE ON CONFLICT REPLACE)")
    assert caught.value.code == "migration-failed"
    assert "copying the rows of t" in caught.value.context
    assert project.sql("SELECT count(*) FROM t") == [(2,)]


@pytest.mark.parametrize("check", ["", ", CHECK (t.a > 0)"])
def test_statistics_of_the_planner_stay(project: Project, check: str) -> None:
    project.sql(
        f"CREATE TABLE t(a{check}); CREATE INDEX i ON t(a); INSERT INTO t VALUES (1), (2); ANALYZE"
    )
    before = project.sql("SELECT * FROM sqlite_stat1")
    rebuild(project, f"CREATE TABLE t(a, b{check})")
    assert project.sql("SELECT * FROM sqlite_stat1") == before


def test_an_external_content_index_still_finds_its_rows(project: Project) -> None:
    project.sql(
        "CREATE TABLE t(a); INSERT INTO t(rowid, a) VALUES (9, 'needle');"
        "CREATE VIRTUAL TABLE f USING fts5(a, content='t'); INSERT INTO f(f) VALUES ('rebuild')"
    )
    rebuild(project, "CREATE TABLE t(a, b)")
    assert project.sql("SELECT rowid, a FROM f WHERE f MATCH 'needle'") == [(9, "needle")]


@pytest.mark.parametrize(
    ("definition", "maps", "message"),
    [
        ("CREATE TABLE nothere(a)", (), "line 2: nothere cannot be rebuilt: there is no such"),
        ("CREATE TABLE v(a)", (), "v cannot be rebuilt: a view"),
        ("CREATE TABLE f(a)", (), "f cannot be rebuilt: a virtual table"),
        ("CREATE TABLE t(a)", ("z = 1",), "the new t has no column z"),
        ("CREATE TEMP TABLE t(a)", (), "makes no table t of this database"),
        ("CREATE TABLE _dbtool_migrations(a)", (), "it is the history of migrations"),
    ],
)
def test_what_cannot_be_rebuilt_is_named(
    project: Project, definition: str, maps: tuple[str, ...], message: str
) -> None:
    project.sql(
        "CREATE TABLE t(a); CREATE VIEW v AS SELECT a FROM t; CREATE VIRTUAL TABLE f USING fts5(a)"
    )
    with pytest.raises(DbtoolError) as caught:
        rebuild(project, definition, *maps)
    assert caught.value.code == "rebuild-not-possible"
    assert message in caught.value.message
    assert "0001_rebuild.sql, line" in caught.value.message


def test_an_index_on_a_column_that_goes_is_named(shop: Project) -> None:
    with pytest.raises(DbtoolError) as caught:
        rebuild(shop, "CREATE TABLE p(id INTEGER PRIMARY KEY AUTOINCREMENT, m)", "m = n")
    assert "bringing back index pn" in caught.value.context
    assert shop.sql("SELECT count(*) FROM c") == [(3,)]


def test_hostile_names_are_quoted(project: Project) -> None:
    project.sql(
        'CREATE TABLE "a""b\'; --"("c""d" INTEGER PRIMARY KEY AUTOINCREMENT, "rowid", "oid");'
        'INSERT INTO "a""b\'; --" VALUES (5, 1, 2)'
    )
    text = (
        "-- dbtool:rebuild a\"b'; --\n"
        'CREATE TABLE "a""b\'; --"("c""d" INTEGER PRIMARY KEY AUTOINCREMENT, "rowid", "oid", e);'
    )
    project.write("0001_x.sql", text)
    project.run()
    assert project.sql('SELECT * FROM "a""b\'; --"') == [(5, 1, 2, None)]


def test_settings_of_the_connection_come_back_after_a_failure() -> None:
    connection = apsw.Connection(":memory:")
    connection.execute("CREATE TABLE t(a); INSERT INTO t VALUES (1), (1)")
    migration = read_migration(Path("1_x.sql"), "-- dbtool:rebuild t\nCREATE TABLE t(a UNIQUE);")
    with pytest.raises(DbtoolError), borrowed(connection):
        Runner(connection, [migration], RunOptions(), progress=Silent()).up()
    assert connection.pragma("legacy_alter_table") == 0
    assert connection.execute("SELECT count(*) FROM t").get == 2
