"""Files of dbmate, goose, golang-migrate and sqlx are read as their tools read them."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbtool.errors import UsageError
from dbtool.migrate.discover import read_migration
from dbtool.migrate.model import Migration

DBMATE = """-- migrate:up transaction:false
CREATE TABLE a(b);

-- migrate:down
DROP TABLE a;
"""
GOOSE = """-- +goose Up
-- +goose StatementBegin
CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; END;
-- +goose StatementEnd
SELECT 2;
-- +goose Down
DROP TRIGGER t;
"""


def migration(text: str, name: str = "20200101000000_x.sql") -> Migration:
    return read_migration(Path(name), text)


def test_dbmate_sections_and_options_are_read() -> None:
    found = migration(DBMATE)
    assert found.format == "dbmate"
    assert (found.up.transactional, found.up.steps[0].line) == (False, 2)
    assert found.down is not None
    assert (found.down.transactional, found.down.steps[0].line) == (True, 5)


def test_goose_marks_are_read_and_its_statement_marks_are_not_needed() -> None:
    found = migration(GOOSE)
    assert found.format == "goose"
    assert [step.line for step in found.up.steps] == [3, 5]
    assert found.down is not None
    assert found.up.transactional
    assert not migration(f"-- +goose NO TRANSACTION\n{GOOSE}").up.transactional


def test_sqlx_may_ask_for_no_transaction() -> None:
    assert not migration("-- no-transaction\nVACUUM;").up.transactional
    assert migration("SELECT 1;").format == "plain"


@pytest.mark.parametrize(
    "text",
    ["-- migrate:up foo:bar\n", "-- migrate:sideways\n", "-- +goose ENVSUB ON\n-- +goose Up\n"],
)
def test_what_is_not_understood_is_an_error(text: str) -> None:
    with pytest.raises(UsageError, match=r"line 1: .* is not understood"):
        migration(text)


@pytest.mark.parametrize(
    "text", ["-- migrate:up\nSELECT 1;\n-- migrate:up\n", "-- +goose Up\n\n-- +goose Up\n"]
)
def test_a_way_that_stands_there_twice_is_an_error(text: str) -> None:
    with pytest.raises(UsageError, match=r"line 3: .* stands here a second time"):
        migration(text)


@pytest.mark.parametrize("text", [DBMATE, GOOSE, "-- +goose NO TRANSACTION\n" + GOOSE])
def test_sql_before_the_first_mark_is_not_passed_over(text: str) -> None:
    assert migration(f"-- remark\n\n{text}").up.steps
    with pytest.raises(UsageError, match="line 2: SQL stands before the line"):
        migration(f"\nCREATE TABLE a(b);\n{text}")
