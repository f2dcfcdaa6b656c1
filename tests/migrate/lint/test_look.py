"""A schema at one moment."""

from __future__ import annotations

from dbtool.migrate.lint.look import Look, checks_of
from dbtool.migrate.replica import load_schema_file
from tests.migrate.lint.judged import SCHEMA


def test_what_the_rules_ask_of_a_schema() -> None:
    look = Look(load_schema_file(SCHEMA))
    assert set(look.tables) == {"people", "pets", "notes", "notes_search"}
    assert look.columns("PEOPLE") == ("id", "name", "age")
    assert set(look.parts("index", "people")) == {"people_name"}
    assert [(key.child, key.fires) for key in look.children("people")] == [("pets", True)]
    assert look.strict == {"people", "pets", "notes"}
    assert ("owner",) in look.indexed["pets"]
    assert ("id",) in look.indexed["pets"]
    assert look.broken_views == {}


def test_a_look_stays_when_the_replica_goes_on() -> None:
    replica = load_schema_file(SCHEMA)
    look = Look(replica)
    replica.execute("DROP TABLE people")
    assert look.table("people") is not None
    assert Look(replica).broken_views == {"adults": "no such table: main.people"}


def test_foreign_keys_of_several_columns_are_one_key() -> None:
    look = Look(load_schema_file("CREATE TABLE c(a, b, FOREIGN KEY (a, b) REFERENCES p(x, y))"))
    assert [key.columns for key in look.foreign_keys] == [("a", "b")]


def test_checks_are_told_apart_by_what_they_mean() -> None:
    sql = "CREATE TABLE t(a CHECK (a > (1)), b, CONSTRAINT q CHECK( b IN (1,2) ))"
    assert list(checks_of(sql).values()) == ["CHECK (a > (1))", "CHECK( b IN (1,2) )"]
    assert checks_of(sql).keys() == checks_of(sql.replace(" ", "  ").replace("a", "A")).keys()
