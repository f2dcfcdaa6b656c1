"""What a rule is given."""

from __future__ import annotations

from pathlib import Path

from dbtool.migrate.lint.context import Context
from dbtool.migrate.lint.look import Look
from dbtool.migrate.lint.trial import walk
from dbtool.migrate.replica import load_schema_file
from tests.migrate.lint.judged import SCHEMA, migration


def context(text: str, rows: dict[str, int] | None = None) -> Context:
    replica = load_schema_file(SCHEMA)
    one = migration(text)
    return Context(walk(one, one.up, replica, Look(replica)), Path("0001_test.sql"), rows)


def test_old_tables_are_known_by_their_rows() -> None:
    found = context("ALTER TABLE pets RENAME TO a; CREATE TABLE pets(x INT); SELECT 1")
    last = found.trial.moments[-1]
    assert found.is_old(last, "a")
    assert not found.is_old(last, "pets")
    assert found.is_old(found.trial.moments[0], "pets")


def test_rows_that_nobody_counted_may_be_there() -> None:
    assert context("SELECT 1").may_have_rows("pets")
    assert not context("SELECT 1", {"pets": 0}).may_have_rows("PETS")
    assert context("SELECT 1", {"pets": 0}).may_have_rows("other")


def test_a_finding_knows_its_place_and_its_reason() -> None:
    found = context("-- dbtool:ignore drop-table moved away\nSELECT 1;")
    found.say("drop-table", found.trial.moments[0], "says", "do")
    found.say("missing-strict", 7, "says", "do")
    assert [(f.line, f.statement, f.ignored) for f in found.found] == [
        (2, "SELECT 1;", "moved away"),
        (7, "", None),
    ]
