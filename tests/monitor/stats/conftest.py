"""Databases with known content for the tests of reports."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Return a function that creates a database by statements and closes it."""

    def make_database(*statements: str, name: str = "app.db") -> Path:
        path = tmp_path / name
        connection = apsw.Connection(str(path))
        for statement in statements:
            connection.execute(statement).fetchall()
        connection.close()
        return path

    return make_database


def rows(count: int, table: str = "t", value: str = "zeroblob(200)") -> str:
    """Return a statement that fills a table of an id and a value."""
    return (
        f"WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) "
        f"INSERT INTO {table} SELECT i, {value} FROM n"
    )


def foreign_module(name: str = "odd") -> str:
    """Return statements that leave a virtual table whose module is missing."""
    return (
        "PRAGMA writable_schema = 1; INSERT INTO sqlite_schema VALUES "
        f"('table', '{name}', '{name}', 0, 'CREATE VIRTUAL TABLE {name} USING nosuch(a)')"
    )
