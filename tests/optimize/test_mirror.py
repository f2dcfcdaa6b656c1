# ruff: noqa: E501 - statements read best on one line
"""What statements ask of tables."""

from __future__ import annotations

import apsw
import pytest

from dbtool.optimize.mirror import Comparison, Mirror, marked
from dbtool.optimize.workload import Statement


@pytest.fixture
def mirror(memory: apsw.Connection) -> Mirror:
    memory.execute(
        "CREATE TABLE o(id INTEGER PRIMARY KEY, cust, status TEXT COLLATE NOCASE, at, total);"
        "CREATE TABLE c(id INTEGER PRIMARY KEY, mail); CREATE VIEW v AS SELECT * FROM o WHERE at > 5;"
        'CREATE TABLE "odd ""name"(";x" INT)'
    )
    return Mirror(memory)


def look(mirror: Mirror, sql: str) -> dict:
    return {use.table: use for use in mirror.uses([Statement("q1", sql)])}


def test_equality_range_order_and_columns_read_are_told(mirror: Mirror) -> None:
    use = look(mirror, "SELECT id FROM o WHERE status = 'x' AND at > 3 ORDER BY total DESC")["o"]
    kinds = {(each.column, each.kind, each.collation, each.constant) for each in use.comparisons}
    assert kinds == {("status", "equal", "NOCASE", "x"), ("at", "range", "BINARY", 3)}
    assert use.order == (("total", True),)
    assert use.used == {"id", "status", "at", "total"}


def test_joins_tell_of_both_sides(mirror: Mirror) -> None:
    found = look(mirror, "SELECT 1 FROM o JOIN c ON c.id = o.cust WHERE c.mail = ?")
    assert Comparison("mail", "equal", "BINARY", None, 0) in found["c"].comparisons
    assert "cust" in {each.column for each in found["o"].comparisons}


def test_views_writes_and_odd_names_are_understood(mirror: Mirror) -> None:
    assert look(mirror, "SELECT 1 FROM v WHERE cust = 1")["o"].comparisons
    assert look(mirror, "UPDATE o SET total = 1 WHERE cust = 4 AND at IS NULL")["o"].comparisons
    assert look(mirror, 'SELECT 1 FROM "odd ""name" WHERE ";x" = 1')


def test_a_parameter_is_known_by_its_number(mirror: Mirror) -> None:
    use = look(mirror, "SELECT 1 FROM o WHERE at < ? AND cust = :who LIMIT ?")["o"]
    assert {each.column: each.parameter for each in use.comparisons} == {"at": 0, "cust": 1}


def test_what_cannot_be_planned_is_passed_over(mirror: Mirror) -> None:
    assert (
        mirror.uses([Statement("q1", "SELECT * FROM nowhere"), Statement("q2", "gibberish")]) == []
    )


def test_marking_leaves_text_alone() -> None:
    assert marked("SELECT '?', \"a?\" -- ?\n").endswith("-- ?\n")


def test_a_table_of_a_module_that_is_not_here_is_passed_over(memory: apsw.Connection) -> None:
    memory.execute("CREATE TABLE t(a); CREATE VIRTUAL TABLE f USING fts5(x)")
    memory.execute("PRAGMA writable_schema = 1")
    memory.execute("UPDATE sqlite_schema SET sql = replace(sql, 'fts5(', 'gone(') WHERE name = 'f'")
    memory.execute("PRAGMA writable_schema = RESET")
    found = Mirror(memory)
    assert look(found, "SELECT 1 FROM t WHERE a = 1")["t"].comparisons
    found.close()
