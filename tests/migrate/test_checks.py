"""What must hold: views and triggers."""

from __future__ import annotations

import apsw
import pytest

from dbtool.migrate.checks import Broken, broken_objects


@pytest.fixture
def connection() -> apsw.Connection:
    made = apsw.Connection("")
    made.execute(
        "CREATE TABLE p(id INTEGER PRIMARY KEY, u); CREATE TABLE c(id INTEGER PRIMARY KEY, p"
        " REFERENCES p); CREATE TABLE w(k PRIMARY KEY, p REFERENCES p) WITHOUT ROWID;"
        "INSERT INTO c VALUES (1, 7), (2, 8); INSERT INTO w VALUES ('a', 7), ('b', 7)"
    )
    return made


def test_views_and_triggers_that_do_not_prepare_are_found(connection: apsw.Connection) -> None:
    connection.execute(
        "CREATE VIEW fine AS SELECT id FROM p; CREATE VIEW bad AS SELECT missing FROM p;"
        "CREATE TRIGGER t AFTER UPDATE ON c BEGIN INSERT INTO gone VALUES (1); END;"
        "CREATE TRIGGER i INSTEAD OF INSERT ON fine BEGIN SELECT 1; END;"
        "CREATE TABLE g(a, b AS (a + 1)); CREATE TRIGGER gt AFTER INSERT ON g BEGIN SELECT 1; END"
    )
    assert broken_objects(connection) == {
        Broken("view", "bad", "no such column: missing"),
        Broken("trigger", "t", "no such table: main.gone"),
    }
