"""Migrations written in a line, and what the rules say of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import apsw

from dbtool.migrate.discover import read_migration
from dbtool.migrate.lint.findings import LintFinding
from dbtool.migrate.lint.run import lint
from dbtool.migrate.model import Migration

SCHEMA = """
CREATE TABLE people(id INTEGER PRIMARY KEY, name TEXT NOT NULL, age INT CHECK (age >= 0)) STRICT;
CREATE INDEX people_name ON people(name);
CREATE TRIGGER people_log AFTER UPDATE ON people BEGIN SELECT 1; END;
CREATE VIEW adults AS SELECT id, name FROM people WHERE age >= 18;
CREATE TABLE pets(id INTEGER PRIMARY KEY, owner INT REFERENCES people(id) ON DELETE CASCADE) STRICT;
CREATE INDEX pets_owner ON pets(owner);
CREATE TABLE notes(body TEXT) STRICT;
CREATE VIRTUAL TABLE notes_search USING fts5(body, content='notes');
CREATE TRIGGER notes_i AFTER INSERT ON notes BEGIN
  INSERT INTO notes_search(rowid, body) VALUES (new.rowid, new.body); END;
CREATE TRIGGER notes_d AFTER DELETE ON notes BEGIN
  INSERT INTO notes_search(notes_search, rowid, body) VALUES ('delete', old.rowid, old.body); END;
CREATE TRIGGER notes_u AFTER UPDATE ON notes BEGIN
  INSERT INTO notes_search(notes_search, rowid, body) VALUES ('delete', old.rowid, old.body);
  INSERT INTO notes_search(rowid, body) VALUES (new.rowid, new.body); END;
"""


def migration(text: str, name: str = "0001_test.sql") -> Migration:
    return read_migration(Path(name), text)


def judge(
    *texts: str, schema: str = SCHEMA, rows: Mapping[str, int] | None = None
) -> tuple[LintFinding, ...]:
    """Judge migrations on a schema."""
    connection = apsw.Connection(":memory:")
    connection.execute(schema).fetchall()
    listed = [migration(text, f"{at:04}_test.sql") for at, text in enumerate(texts, 1)]
    return lint(listed, connection, rows=rows)


def rules(*texts: str, schema: str = SCHEMA, rows: Mapping[str, int] | None = None) -> set[str]:
    """Return the rules that are broken, the missing way down aside."""
    found = {finding.rule for finding in judge(*texts, schema=schema, rows=rows)}
    assert "statement-fails" not in found, "a test of the rules that is itself wrong"
    return found - {"irreversible-down"}
