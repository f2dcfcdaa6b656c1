"""Rules about declarations."""

from __future__ import annotations

import pytest

from tests.migrate.lint.judged import SCHEMA, judge, rules


@pytest.mark.parametrize(
    "sql",
    [
        'UPDATE people SET name = "none" WHERE id = 1',
        'CREATE TABLE t(a TEXT CHECK (a IN ("x", "y"))) STRICT',
        'CREATE TABLE t(a TEXT DEFAULT "none") STRICT',
        'CREATE INDEX i ON people(name) WHERE name <> "x"',
    ],
)
def test_a_string_in_double_quotes(sql: str) -> None:
    assert "double-quoted-string" in rules(sql)


@pytest.mark.parametrize(
    "sql",
    [
        'UPDATE "people" SET "name" = \'none\' WHERE "id" = 1',
        "CREATE TABLE t(\"a b\" TEXT DEFAULT 'none' CHECK (\"a b\" <> '')) STRICT",
    ],
)
def test_names_in_double_quotes(sql: str) -> None:
    assert "double-quoted-string" not in rules(sql)


def test_a_new_table_that_is_not_strict() -> None:
    assert "missing-strict" in rules("CREATE TABLE t(a INT)")


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE t(a INT) STRICT",
        "CREATE TABLE t(a INT PRIMARY KEY) WITHOUT ROWID, STRICT",
        "CREATE VIRTUAL TABLE t USING fts5(a)",
        "CREATE TABLE IF NOT EXISTS people(a)",
        "CREATE TABLE t(a INT); DROP TABLE t",
        "CREATE TABLE n(body TEXT); INSERT INTO n(body) SELECT body FROM notes;"
        "DROP TABLE notes; ALTER TABLE n RENAME TO notes",
    ],
)
def test_other_tables(sql: str) -> None:
    assert "missing-strict" not in rules(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE t(a INT, p INT REFERENCES people(id)) STRICT",
        "CREATE TABLE t(a INT, p INT REFERENCES people(id)) STRICT; CREATE INDEX i ON t(a, p)",
        "CREATE TABLE t(p INT REFERENCES people(id)) STRICT; CREATE INDEX i ON t(p) WHERE p > 1",
        "ALTER TABLE notes ADD COLUMN p INT REFERENCES people(id)",
        "DROP INDEX pets_owner",
    ],
)
def test_a_foreign_key_without_an_index(sql: str) -> None:
    (finding,) = [f for f in judge(sql) if f.rule == "fk-without-index"]
    assert "CREATE INDEX" in finding.advice


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE t(p INT REFERENCES people(id)) STRICT; CREATE INDEX i ON t(p, p)",
        "CREATE TABLE t(p INTEGER PRIMARY KEY REFERENCES people(id)) STRICT",
        "CREATE TABLE t(a INT, b INT, PRIMARY KEY (b, a), "
        "FOREIGN KEY (a, b) REFERENCES x(y, z)) STRICT",
        "ALTER TABLE pets ADD COLUMN n INT",
    ],
)
def test_a_foreign_key_with_one(sql: str) -> None:
    assert "fk-without-index" not in rules(sql)


def test_a_foreign_key_that_never_had_an_index_is_left_alone() -> None:
    schema = "CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE c(p REFERENCES p)"
    assert "fk-without-index" not in rules("ALTER TABLE c ADD COLUMN n", schema=schema)


INDEX = "CREATE VIRTUAL TABLE f USING fts5(name, content='people', content_rowid='id');"
TRIGGERS = """
CREATE TRIGGER f_i AFTER INSERT ON people BEGIN
  INSERT INTO f(rowid, name) VALUES (new.id, new.name); END;
CREATE TRIGGER f_d AFTER DELETE ON people BEGIN
  INSERT INTO f(f, rowid, name) VALUES ('delete', old.id, old.name); END;
"""
UPDATES = """
CREATE TRIGGER f_u AFTER UPDATE OF name ON people BEGIN
  INSERT INTO f(f, rowid, name) VALUES ('delete', old.id, old.name);
  INSERT INTO f(rowid, name) VALUES (new.id, new.name); END;
"""


def test_an_index_that_nothing_keeps_up_to_date() -> None:
    (finding,) = [f for f in judge(INDEX) if f.rule == "fts-out-of-sync"]
    assert "INSERT and UPDATE and DELETE" in finding.message
    (finding,) = [f for f in judge(INDEX + TRIGGERS) if f.rule == "fts-out-of-sync"]
    assert "brings UPDATE to" in finding.message


@pytest.mark.parametrize(
    "sql",
    [
        INDEX + TRIGGERS + UPDATES,
        "CREATE VIRTUAL TABLE f USING fts5(name)",
        "CREATE VIRTUAL TABLE f USING fts5(name, content='')",
        "ALTER TABLE pets ADD COLUMN n INT",
    ],
)
def test_an_index_that_follows_or_stands_alone(sql: str) -> None:
    assert "fts-out-of-sync" not in rules(sql)


def test_a_trigger_that_goes() -> None:
    assert "fts-out-of-sync" in rules("DROP TRIGGER notes_u")


def test_rows_that_are_copied_get_other_rowids() -> None:
    text = (
        "CREATE TABLE n(body TEXT) STRICT; INSERT INTO n(body) SELECT body FROM notes;"
        "DROP TABLE notes; ALTER TABLE n RENAME TO notes;"
    )
    triggers = SCHEMA[SCHEMA.index("CREATE TRIGGER notes_i") :]
    text += triggers
    assert "fts-out-of-sync" in rules(text)
    kept = text.replace("n(body) SELECT body", "n(rowid, body) SELECT rowid, body")
    assert "fts-out-of-sync" not in rules(kept)
    ours = "-- dbtool:rebuild notes\nCREATE TABLE notes(body TEXT NOT NULL) STRICT;\n"
    assert "fts-out-of-sync" not in rules(ours)
    again = "INSERT INTO notes_search(notes_search) VALUES ('rebuild');"
    assert "fts-out-of-sync" not in rules(text + again)
    with_key = SCHEMA.replace("notes(body TEXT)", "notes(id INTEGER PRIMARY KEY, body TEXT)")
    keeps = text.replace("n(body TEXT)", "n(id INTEGER PRIMARY KEY, body TEXT)")
    assert "fts-out-of-sync" not in rules(keeps, schema=with_key)
