"""Rows that refer to nothing."""

from __future__ import annotations

import apsw
import pytest

from dbtool.core.foreignkeys import Violation, foreign_key_violations


@pytest.fixture
def connection() -> apsw.Connection:
    made = apsw.Connection("")
    made.execute(
        "CREATE TABLE p(id INTEGER PRIMARY KEY, u); CREATE TABLE c(id INTEGER PRIMARY KEY, p"
        " REFERENCES p); CREATE TABLE w(k PRIMARY KEY, p REFERENCES p) WITHOUT ROWID;"
        "INSERT INTO c VALUES (1, 7), (2, 8); INSERT INTO w VALUES ('a', 7), ('b', 7)"
    )
    return made


def test_rows_that_refer_to_nothing_are_counted(connection: apsw.Connection) -> None:
    found = foreign_key_violations(connection)
    assert found == {
        Violation("c", 1, "p"): 1,
        Violation("c", 2, "p"): 1,
        Violation("w", None, "p"): 2,
    }


def test_only_tables_that_were_written_and_their_children_are_looked_at(
    connection: apsw.Connection,
) -> None:
    assert set(foreign_key_violations(connection, ["c"])) == {
        Violation("c", 1, "p"),
        Violation("c", 2, "p"),
    }
    assert foreign_key_violations(connection, ["P"]).total() == 4
    assert not foreign_key_violations(connection, ["other"])


def test_a_key_without_a_unique_parent_is_a_violation_itself(connection: apsw.Connection) -> None:
    connection.execute("CREATE TABLE d(x REFERENCES p(u)); INSERT INTO d VALUES (1)")
    (found,) = foreign_key_violations(connection, ["d"])
    assert "mismatch" in found.why


def test_a_wrong_key_of_a_table_that_nobody_has_written_is_found(
    connection: apsw.Connection,
) -> None:
    connection.execute("CREATE TABLE d(x REFERENCES p(u))")
    (found,) = foreign_key_violations(connection, [])
    assert (found.table, "mismatch" in found.why) == ("d", True)
