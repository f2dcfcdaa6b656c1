"""A whole folder of migrations, judged in order."""

from __future__ import annotations

import apsw
import pytest

from dbtool.migrate.lint.adding import LARGE_ROWS
from dbtool.migrate.lint.findings import RULES
from dbtool.migrate.lint.run import count_rows, lint
from tests.migrate.lint.judged import SCHEMA, judge, migration, rules


def test_each_migration_is_judged_on_what_those_before_it_leave() -> None:
    one = "CREATE TABLE t(a INT) STRICT"
    other = "ALTER TABLE t ADD COLUMN n TEXT NOT NULL"
    assert rules(one, other, schema="") == {"add-not-null-no-default"}
    assert rules(one + ";" + other, schema="") == set()


def test_a_statement_that_fails_ends_the_judgement_with_its_line() -> None:
    found = judge("SELECT 1;\n\nSELEC 2;", "DROP TABLE pets")
    assert [(f.rule, f.line) for f in found] == [("statement-fails", 3)]
    assert "syntax error" in found[0].message
    assert found[0].statement == "SELEC 2;"


def test_a_rebuild_of_nothing_fails() -> None:
    found = judge("-- dbtool:rebuild t\nCREATE TABLE t(a);")
    assert "there is no table t to rebuild" in found[0].message


@pytest.mark.parametrize(
    ("given", "says"),
    [("missing = body", "no column missing"), ("x = missing || 'a'", "no such column: missing")],
)
def test_a_map_that_cannot_be_is_an_error(given: str, says: str) -> None:
    text = f"-- dbtool:rebuild notes\nCREATE TABLE notes(body TEXT, x TEXT);\n-- dbtool:map {given}"
    (finding,) = [f for f in judge(text) if f.rule == "statement-fails"]
    assert says in finding.message


def test_verify_queries_are_looked_at_on_the_new_schema() -> None:
    text = "-- dbtool:up\nALTER TABLE pets ADD n INT;\n-- dbtool:verify\nSELECT n FROM pets;\n"
    assert rules(text) == set()
    (finding,) = [f for f in judge(f"{text}SELECT m FROM pets;") if f.rule == "statement-fails"]
    assert (finding.line, "no such column: m" in finding.message) == (5, True)


def test_other_databases_are_refused() -> None:
    (finding,) = [f for f in judge("ATTACH 'x.db' AS x") if f.rule == "statement-fails"]
    assert "ATTACH is refused" in finding.message


def test_rows_that_do_not_fit_say_nothing_about_the_database() -> None:
    assert rules("INSERT INTO people(name) VALUES (NULL)") == set()


def test_settings_of_the_file_mean_nothing_to_a_replica() -> None:
    assert rules("PRAGMA journal_mode = wal; PRAGMA auto_vacuum = 1") == set()


def test_a_python_migration_is_not_run() -> None:
    python = migration("raise SystemExit\ndef up(db):\n    pass\n", "0001_python.py")
    (finding,) = lint([python])
    assert (finding.rule, finding.severity, finding.line) == ("not-judged", "note", 2)


def test_an_ignore_line_for_a_rule_that_does_not_exist() -> None:
    (finding,) = [
        f for f in judge("-- dbtool:ignore drop-tables moved\nSELECT 1") if "ignore" in f.rule
    ]
    assert finding.advice == "did you mean drop-table?"


def test_findings_come_by_line() -> None:
    found = judge("CREATE TABLE t(a);\nDELETE FROM pets;\nDROP TABLE pets;")
    lines = [f.line for f in found]
    assert lines == sorted(lines)


def test_rows_are_counted_up_to_a_bound() -> None:
    connection = apsw.Connection(":memory:")
    connection.execute(SCHEMA).fetchall()
    connection.execute("INSERT INTO people(name) VALUES ('a'), ('b'), ('c')").fetchall()
    assert count_rows(connection, most=2) == {"people": 2, "pets": 0, "notes": 0}
    assert count_rows(connection)["people"] == 3 < LARGE_ROWS


def test_the_database_is_only_read() -> None:
    connection = apsw.Connection(":memory:")
    connection.execute(SCHEMA).fetchall()
    connection.pragma("query_only", 1)
    lint([migration("DROP TABLE pets")], connection, rows=count_rows(connection))
    assert connection.execute("SELECT count(*) FROM pets").get == 0


def test_every_rule_says_what_it_is_about() -> None:
    assert all(rule.summary for rule in RULES.values())
    assert {name for name, rule in RULES.items() if rule.dangerous} == {
        "delete-without-where",
        "drop-column",
        "drop-parent-cascade",
        "drop-table",
        "rebuild-loses-trigger",
        "rename-before-drop",
        "update-without-where",
        "writable-schema",
    }
