"""Rules about tables that are made anew."""

from __future__ import annotations

import pytest

from tests.migrate.lint.judged import judge, rules

NEW = "CREATE TABLE n(id INTEGER PRIMARY KEY, name TEXT NOT NULL, age INT CHECK (age >= 0)) STRICT;"
COPY = "INSERT INTO n(id, name, age) SELECT id, name, age FROM people;"
SWAP = "DROP VIEW adults; DROP TABLE people; ALTER TABLE n RENAME TO people;"
VIEW = "CREATE VIEW adults AS SELECT id, name FROM people WHERE age >= 18;"
INDEX = "CREATE INDEX people_name ON people(name);"
TRIGGER = "CREATE TRIGGER people_log AFTER UPDATE ON people BEGIN SELECT 1; END;"
BY_HAND = NEW + COPY + SWAP
OURS = (
    "-- dbtool:rebuild people\nCREATE TABLE people(id INTEGER PRIMARY KEY, name TEXT NOT NULL, "
    "age INT CHECK (age >= 0), born TEXT) STRICT;"
)


def test_a_rebuild_by_hand_loses_what_hangs_on_the_table() -> None:
    found = {finding.rule: finding for finding in judge(BY_HAND + VIEW)}
    assert "people_log" in found["rebuild-loses-trigger"].message
    assert found["rebuild-loses-trigger"].dangerous
    assert "people_name" in found["rebuild-loses-index"].message
    assert not found["rebuild-loses-index"].dangerous


def test_what_is_created_again_is_not_lost() -> None:
    found = rules(BY_HAND + VIEW + INDEX + TRIGGER)
    assert not {rule for rule in found if rule.startswith("rebuild")}


def test_what_is_dropped_by_name_is_meant() -> None:
    found = rules("DROP TRIGGER people_log; DROP INDEX people_name;" + BY_HAND + VIEW)
    assert not {rule for rule in found if rule.startswith("rebuild")}


def test_our_rebuild_keeps_everything() -> None:
    assert rules(OURS) == set()


def test_a_part_that_does_not_fit_our_rebuild_is_named() -> None:
    smaller = (
        "-- dbtool:rebuild people\nCREATE TABLE people(id INTEGER PRIMARY KEY, age INT) STRICT;"
    )
    (finding,) = [f for f in judge(smaller) if f.rule == "rebuild-loses-index"]
    assert "people_name" in finding.message
    assert "no column" in finding.message or "no such column" in finding.message


@pytest.mark.parametrize("text", [BY_HAND, OURS])
def test_a_check_that_is_not_repeated_is_lost(text: str) -> None:
    (finding,) = [
        f for f in judge(text.replace(" CHECK (age >= 0)", "")) if f.rule == "rebuild-loses-check"
    ]
    assert "CHECK (age >= 0)" in finding.message
    assert "rebuild-loses-check" not in rules(text.replace("age >= 0", 'AGE>=0 /* "age" */'))


def test_a_view_that_cannot_be_read_any_more() -> None:
    (finding,) = [
        f
        for f in judge(
            "CREATE TABLE extra(a INT) STRICT;\nDROP TRIGGER people_log;\nDROP TABLE people;"
        )
        if f.rule == "rebuild-breaks-view"
    ]
    assert "adults" in finding.message
    assert finding.line == 3


def test_a_view_that_is_broken_for_a_moment_or_was_before_is_no_finding() -> None:
    assert "rebuild-breaks-view" not in rules(BY_HAND + VIEW + INDEX + TRIGGER)
    before = "CREATE VIEW broken AS SELECT * FROM never_was;"
    assert "rebuild-breaks-view" not in rules("CREATE TABLE n(a INT) STRICT", schema=before)


def test_dropping_a_parent_fires_where_keys_are_on() -> None:
    text = f"-- dbtool:up tx=none\n{BY_HAND}"
    (finding,) = [f for f in judge(text) if f.rule == "drop-parent-cascade"]
    assert "pets" in finding.message
    assert "CASCADE" in finding.message
    assert finding.dangerous


@pytest.mark.parametrize(
    "text",
    [
        BY_HAND,
        f"-- dbtool:up tx=none\nPRAGMA foreign_keys = OFF;\n{BY_HAND}",
        "-- dbtool:up tx=none\nDROP TABLE pets;",
        "-- dbtool:up tx=none\nDROP TABLE parent;",
    ],
)
def test_dropping_a_parent_does_not_fire_where_they_are_off_or_there_is_no_action(
    text: str,
) -> None:
    schema = (
        "CREATE TABLE people(id INTEGER PRIMARY KEY, name TEXT NOT NULL, age INT) STRICT;"
        "CREATE VIEW adults AS SELECT id FROM people;"
        "CREATE TABLE pets(id INT, owner INT REFERENCES people ON DELETE CASCADE);"
        "CREATE TABLE parent(id INTEGER PRIMARY KEY); CREATE TABLE c(p REFERENCES parent);"
    )
    assert "drop-parent-cascade" not in rules(text, schema=schema)


RENAMED_FIRST = (
    "ALTER TABLE people RENAME TO old;\n"
    "CREATE TABLE people(id INTEGER PRIMARY KEY, name TEXT NOT NULL, "
    "age INT CHECK (age >= 0)) STRICT;"
    "INSERT INTO people(id, name, age) SELECT id, name, age FROM old;{drop}"
)


def test_a_table_that_is_renamed_before_it_is_dropped_takes_its_followers_along() -> None:
    found = [f for f in judge(RENAMED_FIRST.format(drop="DROP TABLE old;")) if "rename" in f.rule]
    assert [f.line for f in found] == [1]
    assert "foreign key of pets" in found[0].message
    assert found[0].dangerous


def test_a_rename_without_a_drop_or_without_followers_is_harmless() -> None:
    assert "rename-before-drop" not in rules(RENAMED_FIRST.format(drop=""))
    alone = "CREATE TABLE people(id INTEGER PRIMARY KEY, name TEXT NOT NULL, age INT) STRICT;"
    text = RENAMED_FIRST.format(drop="DROP TABLE old;")
    assert "rename-before-drop" not in rules(text, schema=alone)
    assert "rename-before-drop" not in rules(BY_HAND + VIEW)
    legacy = f"DROP VIEW adults; PRAGMA legacy_alter_table = ON; {text}"
    assert "rename-before-drop" not in rules(legacy)


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO notes SELECT * FROM notes",
        "INSERT INTO notes SELECT n.* FROM notes n",
        "REPLACE INTO pets SELECT DISTINCT * FROM pets",
        "INSERT INTO pets WITH x AS (SELECT 1) SELECT * FROM pets",
    ],
)
def test_select_star_copies_by_position(sql: str) -> None:
    assert "select-star-copy" in rules(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO notes(body) SELECT body FROM notes",
        "INSERT INTO pets(owner) SELECT count(*) FROM people",
        "INSERT INTO pets(owner) SELECT id * 2 FROM people",
        "INSERT INTO pets(owner) SELECT id FROM people WHERE EXISTS (SELECT * FROM pets)",
        "CREATE VIEW everything AS SELECT * FROM people",
    ],
)
def test_named_columns_do_not(sql: str) -> None:
    assert "select-star-copy" not in rules(sql)
