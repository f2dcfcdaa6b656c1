"""Writing compared rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbtool.errors import CheckFailed
from tests.rows.twins import read, twins

ALL = "SELECT rowid, * FROM t ORDER BY 1"
MAIL = (
    "CREATE TABLE t(id INTEGER PRIMARY KEY, mail TEXT UNIQUE COLLATE NOCASE, n);"
    "INSERT INTO t VALUES (1, 'a', 1), (2, 'b', 2), (3, 'c', 3)"
)


def test_values_that_rows_have_swapped_are_swapped_back(tmp_path: Path) -> None:
    made = twins(tmp_path, MAIL)
    made.run(
        "UPDATE t SET mail = NULL; UPDATE t SET mail = 'C' WHERE id = 1;"
        "UPDATE t SET mail = 'a' WHERE id = 2; UPDATE t SET mail = 'b', n = 9 WHERE id = 3"
    )
    assert made.restore().rows_updated == 3
    assert made.rows() == read(made.snapshot, ALL)


def test_swapped_values_in_a_table_without_rowid(tmp_path: Path) -> None:
    made = twins(
        tmp_path,
        "CREATE TABLE t(k PRIMARY KEY, u UNIQUE, x, y AS (u)) WITHOUT ROWID;"
        "INSERT INTO t VALUES ('a', 1, 5), ('b', 2, 6)",
    )
    made.run("UPDATE t SET u = -u; UPDATE t SET u = 3 + u, x = 0")
    made.restore(columns=("u",), mode="update")
    assert made.rows("SELECT k, u, x FROM t") == [
        (("str", "a"), ("int", 1), ("int", 0)),
        (("str", "b"), ("int", 2), ("int", 0)),
    ]


def test_a_value_that_another_row_has_now_is_named_and_nothing_changes(tmp_path: Path) -> None:
    made = twins(tmp_path, MAIL)
    made.run("DELETE FROM t WHERE id = 2; INSERT INTO t VALUES (7, 'B', 7)")
    before = made.rows()
    with pytest.raises(CheckFailed) as caught:
        made.restore(mode="insert-missing")
    assert (caught.value.code, caught.value.exit_code) == ("rows-conflict", 4)
    assert "the row with id 2 of the snapshot has the same mail as 7 has now" in (
        caught.value.context
    )
    assert made.rows() == before


def test_a_value_that_a_deleted_row_gives_free_can_be_taken(tmp_path: Path) -> None:
    made = twins(tmp_path, MAIL)
    made.run("DELETE FROM t WHERE id = 2; INSERT INTO t VALUES (7, 'B', 7)")
    made.restore()
    assert made.rows() == read(made.snapshot, ALL)


def test_a_check_that_the_old_rows_do_not_pass_is_named(tmp_path: Path) -> None:
    made = twins(tmp_path, MAIL)
    made.run(
        "DROP TABLE t; CREATE TABLE t(id INTEGER PRIMARY KEY, mail, n CONSTRAINT few CHECK(n < 3))"
    )
    with pytest.raises(CheckFailed) as caught:
        made.restore()
    assert "few" in caught.value.context
    assert made.rows() == []


def test_a_value_of_a_strict_table_that_does_not_fit_is_named(tmp_path: Path) -> None:
    made = twins(tmp_path, MAIL)
    made.run("DROP TABLE t; CREATE TABLE t(id INTEGER PRIMARY KEY, mail INT, n ANY) STRICT")
    with pytest.raises(CheckFailed) as caught:
        made.restore()
    assert "cannot store TEXT" in caught.value.context


@pytest.mark.parametrize("index", ["t(p) WHERE flag", "t(lower(p))"])
def test_values_swapped_under_a_partial_or_computed_index_beside_a_whole_one(
    tmp_path: Path, index: str
) -> None:
    made = twins(
        tmp_path,
        "CREATE TABLE t(id INTEGER PRIMARY KEY, u UNIQUE, p, flag);"
        f"CREATE UNIQUE INDEX i ON {index};"
        "INSERT INTO t VALUES (1, 'a', 'x', 1), (2, 'b', 'y', 1)",
    )
    made.run("UPDATE t SET p = 'z' WHERE id = 1; UPDATE t SET p = 'x' WHERE id = 2;")
    made.run("UPDATE t SET p = 'y' WHERE id = 1")
    assert made.restore().rows_updated == 2
    assert made.rows() == read(made.snapshot, "SELECT rowid, * FROM t ORDER BY 1")
