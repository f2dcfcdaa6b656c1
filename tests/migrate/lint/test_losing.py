"""Rules about what is lost: each fires where it must, and nowhere else."""

from __future__ import annotations

import pytest

from tests.migrate.lint.judged import judge, rules

COPY = "CREATE TABLE n(id INTEGER PRIMARY KEY, name TEXT) STRICT;"


@pytest.mark.parametrize(
    "sql",
    [
        "DROP TABLE pets",
        "DROP TABLE IF EXISTS pets",
        "ALTER TABLE pets RENAME TO old; DROP TABLE old",
        "DROP TABLE pets; CREATE TABLE pets(id INTEGER PRIMARY KEY) STRICT",
        "-- dbtool:rebuild pets\nCREATE TABLE pets(id INTEGER PRIMARY KEY, owner INT);"
        "DROP TABLE pets",
    ],
)
def test_rows_of_a_table_that_is_dropped_are_lost(sql: str) -> None:
    assert "drop-table" in rules(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "DROP TABLE IF EXISTS never_was",
        "CREATE TABLE temporary_one(a INT) STRICT; DROP TABLE temporary_one",
        "CREATE TABLE n(id INTEGER PRIMARY KEY, owner INT) STRICT;"
        "INSERT INTO n(id, owner) SELECT id, owner FROM pets; DROP TABLE pets;"
        "ALTER TABLE n RENAME TO pets",
        "CREATE TABLE n AS SELECT id, owner FROM pets; DROP TABLE pets",
        "-- dbtool:rebuild pets\nCREATE TABLE pets(id INTEGER PRIMARY KEY, owner INT) STRICT;",
        "DROP VIEW adults",
    ],
)
def test_rows_that_are_elsewhere_are_not(sql: str) -> None:
    assert "drop-table" not in rules(sql)


def test_an_empty_table_loses_nothing() -> None:
    assert "drop-table" not in rules("DROP TABLE pets", rows={"pets": 0})
    assert "drop-table" in rules("DROP TABLE pets", rows={"pets": 7})


def test_a_table_that_an_earlier_migration_filled_is_not_empty() -> None:
    found = rules("INSERT INTO pets DEFAULT VALUES", "DROP TABLE pets", rows={"pets": 0})
    assert "drop-table" in found


@pytest.mark.parametrize(
    "sql",
    [
        "DROP TRIGGER people_log; DROP VIEW adults; ALTER TABLE people DROP COLUMN age",
        "-- dbtool:rebuild pets\nCREATE TABLE pets(id INTEGER PRIMARY KEY) STRICT;",
        "ALTER TABLE pets RENAME COLUMN owner TO n; DROP INDEX pets_owner;"
        "CREATE TABLE p AS SELECT id FROM pets; DROP TABLE pets; ALTER TABLE p RENAME TO pets",
        "CREATE TABLE n AS SELECT * FROM notes; ALTER TABLE n ADD z;"
        "ALTER TABLE n DROP COLUMN body; DROP TABLE notes",
        f"{COPY} INSERT INTO n(id, name) SELECT id, name FROM people; DROP VIEW adults;"
        "DROP TABLE people; ALTER TABLE n RENAME TO people",
    ],
)
def test_values_that_nothing_reads_are_lost(sql: str) -> None:
    assert "drop-column" in rules(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "ALTER TABLE pets ADD COLUMN n INT; ALTER TABLE pets DROP COLUMN n",
        "-- dbtool:rebuild pets\nCREATE TABLE pets(id INTEGER PRIMARY KEY, keeper INT) STRICT;\n"
        "-- dbtool:map keeper = owner",
        "ALTER TABLE pets RENAME COLUMN owner TO keeper",
        "CREATE TABLE n(id INTEGER PRIMARY KEY, keeper INT) STRICT;"
        "INSERT INTO n SELECT * FROM pets; DROP TABLE pets; ALTER TABLE n RENAME TO pets",
    ],
)
def test_values_under_another_name_are_not(sql: str) -> None:
    assert "drop-column" not in rules(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM pets",
        "WITH x AS (SELECT 1) DELETE FROM pets",
        "ALTER TABLE pets RENAME TO x; DELETE FROM x",
        "CREATE TABLE n AS SELECT * FROM pets; DELETE FROM n; DROP TABLE pets",
    ],
)
def test_every_row_is_deleted(sql: str) -> None:
    assert "delete-without-where" in rules(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM pets WHERE owner IS NULL",
        "CREATE TABLE n(a INT) STRICT; DELETE FROM n",
        "CREATE TRIGGER t AFTER INSERT ON people BEGIN DELETE FROM pets; END",
    ],
)
def test_some_rows_or_new_ones_are_deleted(sql: str) -> None:
    assert "delete-without-where" not in rules(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE people SET name = upper(name)",
        "ALTER TABLE people RENAME COLUMN name TO n; UPDATE people SET n = ''",
        "ALTER TABLE people RENAME TO old; UPDATE old SET name = ''",
        "CREATE TABLE n AS SELECT * FROM notes; UPDATE n SET body = ''; DROP TABLE notes",
        "UPDATE people SET name = (SELECT 'x' WHERE 1)",
        "ALTER TABLE people ADD COLUMN n TEXT; UPDATE people SET n = name, name = ''",
    ],
)
def test_every_row_is_overwritten(sql: str) -> None:
    assert "update-without-where" in rules(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE people SET name = 'x' WHERE name = ''",
        "ALTER TABLE people ADD COLUMN n TEXT; UPDATE people SET n = name",
        "CREATE TABLE n(body TEXT, size INT) STRICT; INSERT INTO n(body) SELECT body FROM notes;"
        "UPDATE n SET size = length(body); DROP TABLE notes; ALTER TABLE n RENAME TO notes",
    ],
)
def test_some_rows_or_new_columns_are_written(sql: str) -> None:
    assert "update-without-where" not in rules(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "PRAGMA writable_schema = ON",
        "PRAGMA writable_schema(1); UPDATE sqlite_schema SET sql = sql WHERE name = 'notes'",
    ],
)
def test_the_schema_table_is_written_by_hand(sql: str) -> None:
    assert "writable-schema" in rules(sql)


def test_alter_table_writes_it_as_it_should() -> None:
    assert "writable-schema" not in rules("ALTER TABLE pets ADD COLUMN n INT")
    assert "writable-schema" not in rules("PRAGMA writable_schema")


def test_what_loses_rows_stops_unless_a_reason_is_given() -> None:
    (plain,) = [f for f in judge("\n\nDROP TABLE pets;") if f.rule == "drop-table"]
    assert (plain.stops, plain.line, plain.severity) == (True, 3, "error")
    assert plain.place == "0001_test.sql:3"
    ignored = judge("-- dbtool:ignore drop-table the animals moved out\nDROP TABLE pets;")
    (finding,) = [f for f in ignored if f.rule == "drop-table"]
    assert finding.ignored == "the animals moved out"
    assert not finding.stops
