"""A migration walked on a replica."""

from __future__ import annotations

import apsw
import pytest

from dbtool.migrate.lint.look import Look
from dbtool.migrate.lint.trial import Trial, walk
from dbtool.migrate.replica import load_schema_file
from tests.migrate.lint.judged import SCHEMA, migration


def trial(text: str) -> Trial:
    replica = load_schema_file(SCHEMA)
    one = migration(text)
    return walk(one, one.up, replica, Look(replica))


@pytest.mark.parametrize(
    ("sql", "verb"),
    [
        ("CREATE TEMP TABLE t(a)", "CREATE TABLE"),
        ("create unique index u on people(name)", "CREATE INDEX"),
        ("WITH d AS (SELECT 1) DELETE FROM pets WHERE 0", "DELETE"),
        ("WITH d AS (SELECT 1) SELECT * FROM d", "SELECT"),
        ("/* c */ VACUUM", "VACUUM"),
    ],
)
def test_a_statement_is_known_by_its_verb(sql: str, verb: str) -> None:
    assert trial(sql).moments[0].verb == verb


def test_what_triggers_do_is_not_what_the_statement_does() -> None:
    (moment,) = trial("INSERT INTO notes(body) VALUES ('x')").moments
    assert "notes" in moment.touched(apsw.SQLITE_INSERT)
    assert "notes_search" not in moment.touched(apsw.SQLITE_INSERT)


def test_the_looks_before_and_after() -> None:
    walked = trial("ALTER TABLE pets ADD COLUMN n INT; SELECT 1; DROP TABLE pets")
    first, second, third = walked.moments
    assert "n" not in first.before.columns("pets")
    assert "n" in first.after.columns("pets")
    assert second.before is second.after
    assert third.after.table("pets") is None
    assert walked.after is third.after


def test_it_ends_at_the_statement_that_fails() -> None:
    walked = trial("SELECT 1; SELECT nothing; SELECT 2")
    assert len(walked.moments) == 2
    assert walked.failed


def test_keywords_within_brackets_do_not_count() -> None:
    (moment,) = trial("UPDATE pets SET owner = (SELECT 1 WHERE 1)").moments
    assert not moment.has_word("WHERE")
