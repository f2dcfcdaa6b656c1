"""The file of a new migration."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from dbtool.errors import Refused, UsageError
from dbtool.migrate.discover import read_migration
from dbtool.migrate.fromdiff import SchemaWay
from dbtool.migrate.model import Migration
from dbtool.migrate.newfile import (
    blank_text,
    file_name,
    next_version,
    text_of_ways,
    write_migration,
)

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


def named(*names: str) -> list[Migration]:
    return [read_migration(Path(name), "SELECT 1") for name in names]


@pytest.mark.parametrize(
    ("names", "version"),
    [
        ([], "20260304T050607"),
        (["0001_a.sql", "0009_b.sql"], "0010"),
        (["1_a.sql"], "2"),
        (["20260101T120000_a.sql"], "20260304T050607"),
        (["20260304T050607_a.sql"], "20260304T050608"),
        (["20270101T000000_a.sql"], "20270101T000001"),
        (["20270101000000_a.sql"], "20270101000001"),
    ],
)
def test_a_version_follows_those_that_there_are(names: list[str], version: str) -> None:
    assert next_version(named(*names), NOW) == version


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("add_orders", "1_add_orders.sql"),
        (" Add the orders! ", "1_add_the_orders.sql"),
        ("../../etc/passwd", "1_etc_passwd.sql"),
        ("größe", "1_größe.sql"),
    ],
)
def test_a_name_becomes_the_name_of_a_file(name: str, file: str) -> None:
    assert file_name("1", name) == file


@pytest.mark.parametrize("name", ["", "...", "x" * 101])
def test_a_name_without_letters_is_none(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        file_name("1", name)
    assert caught.value.code == "migration-name-invalid"


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    path = write_migration(tmp_path / "new" / "folder", "1_a.sql", blank_text())
    with pytest.raises(Refused):
        write_migration(path.parent, path.name, "other")
    assert path.read_text(encoding="utf-8") == blank_text()


def test_a_blank_migration_is_one() -> None:
    migration = read_migration(Path("1_a.sql"), blank_text())
    assert (migration.up.steps, migration.format) == ((), "dbtool")


def test_what_is_lost_stands_above() -> None:
    up = SchemaWay(["DROP TABLE t;"], ["table t"], ["u.x"])
    text = text_of_ways(up, SchemaWay(["CREATE TABLE t(a);"]))
    assert text.startswith("-- loses the table t\n-- fails where there are rows: say what old rows")
    migration = read_migration(Path("1_a.sql"), text)
    assert [step.text for step in migration.up.steps] == ["DROP TABLE t;"]
    assert migration.down is not None
