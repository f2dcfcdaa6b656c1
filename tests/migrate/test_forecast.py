"""How much space migrations need is known before they begin."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbtool.errors import StorageFailed
from dbtool.migrate.forecast import forecast, free_bytes, require_space
from dbtool.migrate.opening import open_to_look
from tests.migrate.kit import Project


@pytest.fixture
def large(project: Project) -> Project:
    project.sql(
        "CREATE TABLE big(a, b); CREATE INDEX i ON big(a); CREATE TABLE small(a);"
        "INSERT INTO big WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
        " WHERE i < 20000) SELECT i, printf('%0100d', i) FROM n"
    )
    return project


@pytest.mark.parametrize(
    ("sql", "tables"),
    [
        ("-- dbtool:rebuild big\nCREATE TABLE big(a, b, c);", ("big",)),
        ("UPDATE big SET a = a + 1 WHERE a > 5;", ("big",)),
        ("CREATE INDEX j ON big(b);", ("big",)),
        ("INSERT INTO small SELECT a FROM big;", ("big",)),
        ("CREATE TABLE new AS SELECT * FROM big;", ("big",)),
        ("CREATE TABLE new(x); INSERT INTO new VALUES (1);", ()),
    ],
)
def test_what_is_written_anew_is_measured(
    large: Project, sql: str, tables: tuple[str, ...]
) -> None:
    large.write("0001_x.sql", sql)
    with open_to_look(large.db) as connection:
        found = forecast(connection, large.migrations())
        size = connection.pragma("page_count") * 4096
    assert found.tables == tables
    if tables:
        assert size < found.needed_bytes < 3 * size + (1 << 20)
    else:
        assert found.needed_bytes == 0


def test_vacuum_writes_everything(large: Project) -> None:
    large.write("0001_x.sql", "-- dbtool:up tx=none\nVACUUM;")
    with open_to_look(large.db) as connection:
        assert forecast(connection, large.migrations()).everything


def test_what_does_not_fit_is_refused(large: Project) -> None:
    large.write("0001_x.sql", "-- dbtool:rebuild big\nCREATE TABLE big(a, b, c);")
    with open_to_look(large.db) as connection:
        with pytest.raises(StorageFailed) as caught:
            require_space(connection, large.migrations(), free=lambda _: 1 << 20)
        require_space(connection, large.migrations(), free=lambda _: 1 << 40)
    assert caught.value.code == "no-space"
    assert "written anew: big" in caught.value.context


def test_free_space_is_that_of_the_folder(tmp_path: Path) -> None:
    assert free_bytes(tmp_path) > 0
