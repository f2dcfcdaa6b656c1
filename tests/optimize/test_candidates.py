# ruff: noqa: E501 - statements read best on one line
"""What may help, before anything is measured."""

from __future__ import annotations

import apsw
import pytest

from dbtool.optimize.candidates import candidates, foreign_key_children, literal
from dbtool.optimize.mirror import Mirror
from dbtool.optimize.workload import Statement

SCHEMA = (
    "CREATE TABLE o(id INTEGER PRIMARY KEY, cust REFERENCES c(id), status, at, total);"
    "CREATE TABLE c(id INTEGER PRIMARY KEY, mail TEXT COLLATE NOCASE); CREATE INDEX o_at ON o(at, id)"
)


def found(memory: apsw.Connection, sql: str) -> set[str]:
    memory.execute(SCHEMA)
    listed = candidates(memory, Mirror(memory), [Statement("q1", sql)])
    return {each.sql("i").partition(" ON ")[2] for each in listed}


def test_equality_comes_before_range_and_order(memory: apsw.Connection) -> None:
    listed = found(memory, "SELECT total FROM o WHERE cust = 1 AND status = 'a' AND at > 5")
    assert '"o"("cust", "status", "at")' in listed
    assert '"o"("status", "cust", "at")' in listed
    assert '"o"("cust", "status", "at", "total")' in listed
    assert '"o"("cust", "at") WHERE "status" = \'a\'' in listed


def test_an_order_in_one_direction_needs_no_direction(memory: apsw.Connection) -> None:
    listed = found(memory, "SELECT * FROM o WHERE cust = 1 ORDER BY at DESC")
    assert '"o"("cust", "at")' in listed
    assert not any("DESC" in each for each in listed)


def test_the_rowid_and_what_an_index_begins_with_are_no_candidates(memory: apsw.Connection) -> None:
    assert found(memory, "SELECT 1 FROM o WHERE id = 1") == set()
    memory.execute("DROP TABLE o; DROP TABLE c")
    assert not any(
        each.startswith('"o"("at")') and "WHERE" not in each
        for each in found(memory, "SELECT * FROM o WHERE at = ?")
    )


def test_a_comparison_with_another_collation_needs_an_index_with_it(
    memory: apsw.Connection,
) -> None:
    assert '"c"("mail" COLLATE BINARY)' in found(
        memory, "SELECT 1 FROM c WHERE mail = 'x' COLLATE BINARY"
    )


def test_children_of_foreign_keys_without_an_index_are_found(memory: apsw.Connection) -> None:
    memory.execute(SCHEMA)
    assert [each.sql("i") for each in foreign_key_children(memory)] == [
        'CREATE INDEX "i" ON "o"("cust")'
    ]
    memory.execute("CREATE INDEX x ON o(cust, at)")
    assert foreign_key_children(memory) == []


@pytest.mark.parametrize("value", ["it's", 5, 2.5, b"\x00a"])
def test_a_constant_comes_back_from_its_literal(memory: apsw.Connection, value: object) -> None:
    assert memory.execute(f"SELECT {literal(value)}").get == value
