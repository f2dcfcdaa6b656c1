"""The way from one schema to another."""

from __future__ import annotations

import pytest

from dbtool.migrate.fromdiff import SchemaWay, way_between
from dbtool.migrate.replica import load_schema_file


def way(old: str, new: str) -> SchemaWay:
    return way_between(load_schema_file(old), load_schema_file(new))


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        ("", "CREATE TABLE t(a)", ["CREATE TABLE t (\n    a\n);"]),
        ("CREATE TABLE t(a)", "", ["DROP TABLE t;"]),
        ("CREATE TABLE t(a)", "create table T ( a )", []),
        ("CREATE TABLE t(a)", "CREATE TABLE t(a, b)", ["ALTER TABLE t ADD COLUMN b;"]),
        ("CREATE TABLE t(a, b)", "CREATE TABLE t(a)", ["ALTER TABLE t DROP COLUMN b;"]),
        (
            "CREATE TABLE t(a); CREATE INDEX i ON t(a)",
            "CREATE TABLE t(a); CREATE UNIQUE INDEX i ON t(a)",
            ["DROP INDEX i;", "CREATE UNIQUE INDEX i ON t(a);"],
        ),
        (
            "CREATE VIEW v AS SELECT 1; CREATE TRIGGER r INSTEAD OF INSERT ON v BEGIN SELECT 1;END",
            "CREATE VIEW v AS SELECT 2; CREATE TRIGGER r INSTEAD OF INSERT ON v BEGIN SELECT 1;END",
            [
                "DROP TRIGGER r;",
                "DROP VIEW v;",
                "CREATE VIEW v AS SELECT 2;",
                "CREATE TRIGGER r INSTEAD OF INSERT ON v BEGIN SELECT 1;END;",
            ],
        ),
        (
            "CREATE TABLE t(a, b); CREATE INDEX i ON t(b); CREATE VIEW v AS SELECT b FROM t",
            "CREATE TABLE t(a); CREATE VIEW v AS SELECT a FROM t",
            [
                "DROP VIEW v;",
                "DROP INDEX i;",
                "ALTER TABLE t DROP COLUMN b;",
                "CREATE VIEW v AS SELECT a FROM t;",
            ],
        ),
        (
            "CREATE TABLE t(a); CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT 1; END",
            "CREATE VIEW t AS SELECT 1 AS a",
            ["DROP TABLE t;", "CREATE VIEW t AS SELECT 1 AS a;"],
        ),
        (
            "CREATE TABLE t(a)",
            "CREATE TABLE t(a); CREATE VIRTUAL TABLE f USING fts5(a, content='t')",
            [
                "CREATE VIRTUAL TABLE f USING fts5(a, content='t');",
                "INSERT INTO f(f) VALUES ('rebuild');",
            ],
        ),
    ],
)
def test_the_shortest_way_that_sqlite_can_go(old: str, new: str, parts: list[str]) -> None:
    assert way(old, new).parts == parts


def test_a_rebuild_says_what_becomes_of_null() -> None:
    found = way("CREATE TABLE t(a, b)", "CREATE TABLE t(a, b NOT NULL DEFAULT 'x')")
    assert found.parts == [
        "-- dbtool:rebuild t\nCREATE TABLE t (\n    a,\n    b NOT NULL DEFAULT 'x'\n);\n"
        "-- dbtool:map b = coalesce(b, 'x')"
    ]


def test_columns_that_nobody_fills_are_named() -> None:
    found = way("CREATE TABLE t(a)", "CREATE TABLE t(a, b NOT NULL)")
    assert found.unfilled == ["t.b"]


def test_what_is_lost_is_named() -> None:
    found = way("CREATE TABLE t(a, b); CREATE TABLE u(a)", "CREATE TABLE t(a)")
    assert found.losses == ["table u", "column t.b"]


def test_the_text_is_a_section_of_a_migration() -> None:
    found = way("CREATE TABLE u(x)", "CREATE TABLE t(a); CREATE INDEX i ON t(a)")
    assert found.text == (
        "DROP TABLE u;\n\nCREATE TABLE t (\n    a\n);\n\nCREATE INDEX i ON t(a);\n"
    )
