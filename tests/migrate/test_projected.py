"""The schema that pending migrations will leave."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbtool.errors import DbtoolError, UsageError
from dbtool.migrate.discover import read_migration
from dbtool.migrate.projected import project, require_way
from dbtool.migrate.replica import load_schema_file


def test_migrations_are_applied_in_memory() -> None:
    replica = load_schema_file("CREATE TABLE t(a)")
    text = "-- dbtool:rebuild t\nCREATE TABLE t(a INT, b INT);\nCREATE INDEX i ON t(b);"
    project(replica, [read_migration(Path("1_a.sql"), text)])
    assert replica.definition("table", "t") == "CREATE TABLE t(a INT, b INT)"
    assert replica.definition("index", "i")


@pytest.mark.parametrize(
    ("name", "text"), [("1_a.py", "def up(db):\n    pass"), ("1_a.sql", "\nDROP TABLE x")]
)
def test_what_is_not_known_is_an_error(name: str, text: str) -> None:
    with pytest.raises(UsageError) as caught:
        project(load_schema_file(""), [read_migration(Path(name), text)])
    assert caught.value.code == "migration-not-projected"
    assert name in caught.value.message


def test_the_text_of_a_migration_is_proved() -> None:
    wanted = load_schema_file("CREATE TABLE t(a, b)")
    require_way("ALTER TABLE t ADD COLUMN b;", load_schema_file("CREATE TABLE t(a)"), wanted)
    for text in ("", "ALTER TABLE t ADD COLUMN c;", "BAD;", "-- dbtool:rebuild t\nSELECT 1;"):
        with pytest.raises(DbtoolError) as caught:
            require_way(text, load_schema_file("CREATE TABLE t(a)"), wanted)
        assert caught.value.code == "schema-way-not-found"
