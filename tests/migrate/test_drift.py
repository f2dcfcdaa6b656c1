"""What differs between a database and its schema.sql."""

from __future__ import annotations

import apsw
import pytest

from dbtool.errors import UsageError
from dbtool.migrate.drift import drift
from dbtool.migrate.dump import schema_sql

SQL = """
CREATE TABLE a(x INT, y TEXT DEFAULT 'q');
CREATE INDEX i ON a(x);
CREATE VIEW v AS SELECT * FROM a;
CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; END;
CREATE VIRTUAL TABLE f USING fts5(x);
"""


def database(sql: str = SQL) -> apsw.Connection:
    connection = apsw.Connection(":memory:")
    connection.execute(sql).fetchall()
    return connection


def test_a_database_is_as_its_dump_says() -> None:
    connection = database()
    assert drift(schema_sql(connection), connection) == ()


def test_layout_case_and_quotes_do_not_count() -> None:
    connection = database()
    connection.execute("ALTER TABLE a RENAME TO b; ALTER TABLE b RENAME TO a").fetchall()
    assert drift(SQL.replace("CREATE", "create -- why\n"), connection) == ()


@pytest.mark.parametrize(
    ("change", "what", "kind", "name"),
    [
        ("CREATE TABLE n(a)", "added", "table", "n"),
        ("DROP TABLE f", "removed", "virtual table", "f"),
        ("DROP INDEX i", "removed", "index", "i"),
        ("DROP VIEW v; CREATE VIEW v AS SELECT 1", "changed", "view", "v"),
        ("DROP TRIGGER t", "removed", "trigger", "t"),
        ("ALTER TABLE a ADD COLUMN z", "added", "column", "z"),
    ],
)
def test_every_kind_of_difference_is_named(change: str, what: str, kind: str, name: str) -> None:
    connection = database()
    connection.execute(change).fetchall()
    found = drift(SQL, connection)
    assert (what, kind, name) in [(c.what, c.kind, c.name) for c in found]


def test_the_history_of_migrations_is_no_drift() -> None:
    assert drift(SQL, database(f"{SQL}CREATE TABLE _dbtool_migrations(version)")) == ()


def test_settings_are_no_drift() -> None:
    assert drift(SQL, database(f"{SQL}PRAGMA user_version = 7")) == ()


def test_a_schema_file_that_does_not_load_is_an_error_with_its_statement() -> None:
    with pytest.raises(UsageError) as caught:
        drift("CREATE TABLE a(x);\nCREATE INDEX i ON nothing(x);", database(""))
    assert caught.value.code == "schema-not-loaded"
    assert "CREATE INDEX i ON nothing" in caught.value.context


def test_a_schema_file_cannot_reach_other_files(tmp_path: object) -> None:
    with pytest.raises(UsageError) as caught:
        drift(f"ATTACH '{tmp_path}/x.db' AS x", database(""))
    assert caught.value.code == "schema-not-loaded"
