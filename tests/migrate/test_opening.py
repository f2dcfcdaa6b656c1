"""Connections for migrations: triggers fire, foreign keys are off, the caller's stays his."""

from __future__ import annotations

import apsw
import pytest

from dbtool.errors import UsageError
from dbtool.migrate.opening import borrowed, open_to_look, open_to_migrate
from tests.migrate.kit import Project


def test_triggers_fire_and_foreign_keys_are_off(shop: Project) -> None:
    with open_to_migrate(shop.db) as connection:
        connection.execute("BEGIN; DELETE FROM p")
        assert connection.execute("SELECT count(*) FROM log").get == 3
        assert connection.execute("SELECT count(*) FROM c").get == 3
        connection.execute("ROLLBACK")


def test_looking_leaves_nothing_beside_the_database(shop: Project) -> None:
    before = sorted(path.name for path in shop.db.parent.iterdir())
    with open_to_look(shop.db) as connection:
        connection.execute("SELECT * FROM sqlite_schema").fetchall()
    assert sorted(path.name for path in shop.db.parent.iterdir()) == before


def test_looking_writes_nothing(shop: Project) -> None:
    with open_to_look(shop.db) as connection, pytest.raises(apsw.ReadOnlyError):
        connection.execute("DELETE FROM p")


def test_a_borrowed_connection_comes_back_as_it_was() -> None:
    connection = apsw.Connection("")
    connection.pragma("foreign_keys", 1)
    with borrowed(connection):
        assert connection.pragma("foreign_keys") == 0
    assert connection.pragma("foreign_keys") == 1


def test_a_connection_in_a_transaction_is_refused() -> None:
    connection = apsw.Connection("")
    connection.execute("BEGIN")
    with pytest.raises(UsageError, match="transaction"), borrowed(connection):
        pass
