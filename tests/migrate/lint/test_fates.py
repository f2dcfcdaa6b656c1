"""What becomes of tables."""

from __future__ import annotations

import pytest

from dbtool.migrate.lint.fates import Fate, Fates
from dbtool.migrate.lint.look import Look
from dbtool.migrate.lint.trial import walk
from dbtool.migrate.replica import load_schema_file
from tests.migrate.lint.judged import SCHEMA, migration


def fate(text: str, table: str = "pets") -> Fate:
    replica = load_schema_file(SCHEMA)
    one = migration(text)
    found = Fates(walk(one, one.up, replica, Look(replica))).all
    return next(each for each in found if each.name == table)


def test_a_table_keeps_its_identity_through_renames() -> None:
    found = fate("ALTER TABLE pets RENAME TO a; ALTER TABLE a RENAME TO b")
    assert (found.now, found.lost, found.remade) == ("b", False, False)


def test_two_tables_may_swap_their_names() -> None:
    text = (
        "ALTER TABLE pets RENAME TO x; ALTER TABLE notes RENAME TO pets;"
        "ALTER TABLE x RENAME TO notes; DROP TABLE notes"
    )
    assert fate(text).lost
    assert fate(text, "notes").now == "pets"


def test_a_table_without_a_copy_is_lost() -> None:
    found = fate("DROP TABLE pets; CREATE TABLE pets(id INT)")
    assert (found.now, found.lost) == (None, True)


@pytest.mark.parametrize(
    "text",
    [
        "CREATE TABLE n(owner INT); INSERT INTO n SELECT owner FROM pets; DROP TABLE pets;"
        "ALTER TABLE n RENAME TO pets",
        "ALTER TABLE pets RENAME TO o; CREATE TABLE pets(owner INT);"
        "INSERT INTO pets SELECT owner FROM o; DROP TABLE o",
        "CREATE TABLE n AS SELECT owner FROM pets; DROP TABLE pets; ALTER TABLE n RENAME TO pets",
        "CREATE TEMP TABLE n AS SELECT owner FROM pets; DROP TABLE pets;"
        "CREATE TABLE pets(owner INT); INSERT INTO pets SELECT owner FROM n",
    ],
)
def test_a_table_whose_rows_were_copied_is_made_anew(text: str) -> None:
    found = fate(text)
    assert (found.remade, found.successor, found.read) == (True, "pets", {"owner"})


def test_a_copy_that_is_dropped_again_saves_nothing() -> None:
    assert fate("CREATE TABLE n AS SELECT * FROM pets; DROP TABLE n; DROP TABLE pets").lost
    assert fate("CREATE TEMP TABLE n AS SELECT * FROM pets; DROP TABLE pets").lost


def test_our_rebuild_reads_what_it_maps() -> None:
    text = (
        "-- dbtool:rebuild pets\nCREATE TABLE pets(id INTEGER PRIMARY KEY, n INT);\n"
        '-- dbtool:map n = abs("owner") + 1'
    )
    assert fate(text).read >= {"id", "owner"}
