"""The history: a row for each migration, whole enough to undo it without its file."""

from __future__ import annotations

import pytest

from dbtool.errors import UsageError
from dbtool.migrate.history import read_history, stored_migration
from dbtool.migrate.opening import open_to_look
from tests.migrate.kit import Project


def test_a_database_without_history_has_none_and_gets_no_table(project: Project) -> None:
    with open_to_look(project.db) as connection:
        assert read_history(connection) == ()
    assert project.sql("SELECT * FROM sqlite_schema") == []


def test_a_row_says_what_was_done(shop: Project) -> None:
    (applied,) = shop.standing().applied
    assert (applied.version, applied.name, applied.file) == ("0001", "shop", "0001_shop.sql")
    assert (applied.kind, applied.format, applied.sequence) == ("run", "dbtool", 1)
    assert applied.rows == {"p": (0, 2), "c": (0, 3), "log": (0, 1)}
    assert applied.schema_before != applied.schema_after
    assert applied.applied_at.endswith("Z")
    assert "CREATE TABLE p" in applied.up


def test_a_stored_migration_can_be_undone_as_its_file_could(shop: Project) -> None:
    (applied,) = shop.standing().applied
    stored, file = stored_migration(applied), shop.migrations()[0]
    assert stored.down is not None
    assert [step.text for step in stored.down.steps] == [step.text for step in file.down.steps]
    assert [step.text for step in stored.up.steps] == [step.text for step in file.up.steps]


def test_a_table_with_other_columns_is_refused(project: Project) -> None:
    project.sql("CREATE TABLE _dbtool_migrations(version, something)")
    with pytest.raises(UsageError) as caught:
        project.standing()
    assert caught.value.code == "migration-history-unknown"


def test_names_with_quotes_and_marks_are_kept(project: Project) -> None:
    project.write(
        '1_it\'s "odd" ü.sql', "CREATE TABLE \"a'b\"(c); INSERT INTO \"a'b\" VALUES ('ü');"
    )
    project.run()
    (applied,) = project.standing().applied
    assert applied.name == 'it\'s "odd" ü'
    assert applied.rows == {"a'b": (0, 1)}
