"""Rules about what is added to tables with rows."""

from __future__ import annotations

import pytest

from dbtool.migrate.lint.adding import LARGE_ROWS
from tests.migrate.lint.judged import judge, rules

REBUILD = (
    "-- dbtool:rebuild pets\nCREATE TABLE pets(id INTEGER PRIMARY KEY, owner INT, {0}) STRICT;"
)


@pytest.mark.parametrize(
    "text",
    [
        "ALTER TABLE pets ADD COLUMN n TEXT NOT NULL",
        "ALTER TABLE pets ADD n TEXT NOT NULL DEFAULT NULL",
        REBUILD.format("n TEXT NOT NULL"),
    ],
)
def test_old_rows_would_have_null(text: str) -> None:
    assert "add-not-null-no-default" in rules(text)


@pytest.mark.parametrize(
    "text",
    [
        "ALTER TABLE pets ADD COLUMN n TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE pets ADD COLUMN n TEXT",
        "CREATE TABLE t(a INT) STRICT; ALTER TABLE t ADD COLUMN n TEXT NOT NULL",
        REBUILD.format("n TEXT NOT NULL DEFAULT ''"),
        REBUILD.format("n TEXT NOT NULL") + "\n-- dbtool:map n = 'x'",
    ],
)
def test_old_rows_have_a_value(text: str) -> None:
    assert "add-not-null-no-default" not in rules(text)


def test_a_table_known_to_be_empty_takes_any_column() -> None:
    text = "ALTER TABLE pets ADD COLUMN n TEXT NOT NULL"
    assert "add-not-null-no-default" not in rules(text, rows={"pets": 0})
    assert "add-not-null-no-default" in rules(text, rows={"pets": 1})


@pytest.mark.parametrize("default", ["CURRENT_TIMESTAMP", "(abs(1))", "(random())"])
def test_a_default_must_be_constant(default: str) -> None:
    text = f"ALTER TABLE pets ADD COLUMN n TEXT DEFAULT {default}"
    assert "add-column-nonconstant-default" in rules(text)
    assert "add-column-nonconstant-default" not in rules(text, rows={"pets": 0})


@pytest.mark.parametrize("default", ["5", "-1", "'x'", "NULL", "TRUE"])
def test_constants_are(default: str) -> None:
    text = f"ALTER TABLE pets ADD COLUMN n ANY DEFAULT {default}"
    assert "add-column-nonconstant-default" not in rules(text)


def test_a_unique_index_on_a_table_with_rows() -> None:
    (finding,) = [
        f
        for f in judge("CREATE UNIQUE INDEX u ON people(name, age COLLATE NOCASE)")
        if f.rule == "unique-on-populated"
    ]
    assert "GROUP BY name, age COLLATE NOCASE HAVING count(*) > 1" in finding.advice


def test_a_rebuild_that_makes_a_table_unique() -> None:
    (finding,) = [
        f for f in judge(REBUILD.format("UNIQUE (owner)")) if f.rule == "unique-on-populated"
    ]
    assert "becomes unique by owner" in finding.message
    same = "-- dbtool:rebuild pets\nCREATE TABLE pets(owner INT, id INTEGER PRIMARY KEY) STRICT;"
    assert "unique-on-populated" not in rules(same)


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE INDEX u ON people(name)",
        "CREATE TABLE n(a INT) STRICT; CREATE UNIQUE INDEX u ON n(a)",
        "CREATE UNIQUE INDEX IF NOT EXISTS people_name ON people(name)",
    ],
)
def test_other_indexes(sql: str) -> None:
    assert "unique-on-populated" not in rules(sql)


@pytest.mark.parametrize(
    "text",
    [
        "UPDATE pets SET owner = 1",
        "CREATE INDEX i ON pets(id, owner)",
        "ALTER TABLE pets ADD COLUMN n INT; ALTER TABLE pets DROP COLUMN n",
        "-- dbtool:rebuild pets\nCREATE TABLE pets(id INTEGER PRIMARY KEY, owner INT) STRICT;",
        "CREATE TABLE n(id INTEGER PRIMARY KEY, owner INT) STRICT;"
        "INSERT INTO n(id, owner) SELECT id, owner FROM pets; DROP TABLE pets;"
        "ALTER TABLE n RENAME TO pets",
    ],
)
def test_large_tables_are_written_anew(text: str) -> None:
    assert "large-rewrite" in rules(text, rows={"pets": LARGE_ROWS})
    assert "large-rewrite" not in rules(text, rows={"pets": LARGE_ROWS - 1})
    assert "large-rewrite" not in rules(text)


def test_what_writes_few_rows_is_no_rewrite() -> None:
    rows = {"pets": LARGE_ROWS}
    assert "large-rewrite" not in rules("UPDATE pets SET owner = 1 WHERE id = 1", rows=rows)
    assert "large-rewrite" not in rules("ALTER TABLE pets ADD COLUMN n INT", rows=rows)
