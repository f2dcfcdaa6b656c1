"""The schema as text."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from dbtool.migrate.dump import HEADER, schema_sql

SAMPLES = Path(__file__).resolve().parents[2].parent / "shared" / "data"
SQL = """
CREATE VIEW v AS SELECT * FROM a;
CREATE TABLE b(x INTEGER PRIMARY KEY AUTOINCREMENT, y UNIQUE);
CREATE TABLE a(x, y AS (x + 1) STORED, z REFERENCES b(x) ON DELETE CASCADE);
CREATE INDEX bz ON b(y) WHERE y > 1;
CREATE INDEX ba ON b(y, x);
CREATE VIRTUAL TABLE f USING fts5(x, content='a');
CREATE VIRTUAL TABLE r USING rtree(id, low, high);
CREATE TABLE w(k TEXT, v INT, PRIMARY KEY (k)) WITHOUT ROWID, STRICT;
CREATE TRIGGER t AFTER INSERT ON a BEGIN INSERT INTO b(y) VALUES (new.x); END;
CREATE TABLE _dbtool_migrations(version);
INSERT INTO b(y) VALUES (1);
ANALYZE;
"""


def database(sql: str) -> apsw.Connection:
    connection = apsw.Connection(":memory:")
    connection.execute(sql).fetchall()
    return connection


def test_a_dump_is_canonical() -> None:
    text = schema_sql(database(SQL))
    assert text.splitlines()[0] == HEADER
    heads = [line.split("(")[0].strip() for line in text.splitlines() if line.startswith("CREATE")]
    assert heads == [
        "CREATE TABLE a",
        "CREATE TABLE b",
        "CREATE INDEX ba ON b",
        "CREATE INDEX bz ON b",
        "CREATE TABLE w",
        "CREATE VIRTUAL TABLE f USING fts5",
        "CREATE VIRTUAL TABLE r USING rtree",
        "CREATE VIEW v AS SELECT * FROM a;",
        "CREATE TRIGGER t AFTER INSERT ON a BEGIN INSERT INTO b",
    ]
    assert "AUTOINCREMENT" in text


def test_the_order_of_creation_does_not_count() -> None:
    statements = ["CREATE TABLE a(x);", "CREATE TABLE b(y);", "CREATE INDEX i ON a(x);"]
    assert schema_sql(database("".join(statements))) == schema_sql(
        database("".join([statements[1], statements[0], statements[2]]))
    )


def test_loading_a_dump_gives_the_same_dump() -> None:
    text = schema_sql(database(SQL))
    assert schema_sql(database(text)) == text


def test_an_empty_database_has_a_header_alone() -> None:
    assert schema_sql(database("")) == f"{HEADER}\n"


@pytest.mark.parametrize("name", ["chinook.sqlite", "northwind.db", "elements.db"])
def test_sample_databases_are_dumped_and_loaded(name: str) -> None:
    path = SAMPLES / name
    if not path.exists():
        pytest.skip("the sample databases are not here")
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    text = schema_sql(connection)
    assert schema_sql(database(text)) == text
    ours = (
        "SELECT type, name FROM sqlite_schema WHERE substr(name, 1, 7) <> 'sqlite_' ORDER BY 1, 2"
    )
    assert database(text).execute(ours).fetchall() == connection.execute(ours).fetchall()
    connection.close()


def test_odd_names_survive() -> None:
    names = ["two words", 'say "hi"', "it's", "[x]", "select", "Ä", "a\nb", "x;y", "--", "/*"]
    sql = "".join(f'CREATE TABLE "{n.replace(chr(34), chr(34) * 2)}"(a);' for n in names)
    text = schema_sql(database(sql))
    found = database(text).execute("SELECT name FROM sqlite_schema").fetchall()
    assert {name for (name,) in found} == set(names)
