"""The snapshot's rows staged beside the live ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbtool.errors import Refused
from tests.rows.twins import Twins, read, twins

ALL = "SELECT rowid, * FROM t ORDER BY 1"


def test_text_that_is_not_valid_passes_unchanged(tmp_path: Path) -> None:
    made = twins(tmp_path, "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT, b)")
    text = "CAST(x'41ff42' AS TEXT)"
    made.run(f"INSERT INTO t VALUES (1, {text}, x'ff'), (2, 'ü', NULL), (3, 1, 2.5)", both=True)
    made.run("UPDATE t SET a = 'lost' WHERE id < 3; DELETE FROM t WHERE id = 3")
    made.restore()
    sql = "SELECT id, typeof(a), hex(a), typeof(b), hex(b) FROM t ORDER BY id"
    assert made.rows(sql) == read(made.snapshot, sql)


def test_encodings_may_differ(tmp_path: Path) -> None:
    made = twins(tmp_path, "SELECT 1")
    Twins(made.snapshot, made.snapshot).run("PRAGMA encoding = 'UTF-16be'; CREATE TABLE t(a)")
    made.run("CREATE TABLE t(a)")
    Twins(made.snapshot, made.snapshot).run("INSERT INTO t VALUES ('grün 🌿')")
    made.restore()
    assert made.rows() == read(made.snapshot, ALL)


def test_rows_without_a_key_are_found_by_rowid(tmp_path: Path) -> None:
    made = twins(tmp_path, "CREATE TABLE t(a); INSERT INTO t VALUES (1), (1), (2)")
    made.run("DELETE FROM t WHERE rowid = 1; UPDATE t SET a = 3 WHERE rowid = 3")
    assert made.restore().key == ("rowid",)
    assert made.rows() == read(made.snapshot, ALL)


def test_rows_whose_key_is_null_are_found_by_rowid(tmp_path: Path) -> None:
    made = twins(tmp_path, "CREATE TABLE t(k TEXT PRIMARY KEY, a)")
    made.run("INSERT INTO t VALUES (NULL, 1), (NULL, 2), ('x', 3)", both=True)
    made.run("UPDATE t SET a = 9; DELETE FROM t WHERE rowid = 2")
    assert made.restore().key == ("rowid",)
    assert made.rows() == read(made.snapshot, ALL)


def test_a_rowid_that_is_no_key_is_kept_where_it_is_free(tmp_path: Path) -> None:
    made = twins(tmp_path, "CREATE TABLE t(k TEXT PRIMARY KEY, a)")
    made.run("INSERT INTO t(rowid, k) VALUES (7, 'a'), (8, 'b')", both=True)
    made.run("DELETE FROM t; INSERT INTO t(rowid, k) VALUES (7, 'other')")
    made.restore(mode="insert-missing")
    assert made.rows("SELECT k, rowid FROM t ORDER BY k") == [
        (("str", "a"), ("int", 9)),
        (("str", "b"), ("int", 8)),
        (("str", "other"), ("int", 7)),
    ]


def test_rows_that_have_become_one_by_a_new_key_are_refused(tmp_path: Path) -> None:
    made = twins(tmp_path, "SELECT 1")
    Twins(made.snapshot, made.snapshot).run(
        "CREATE TABLE t(k TEXT PRIMARY KEY) WITHOUT ROWID; INSERT INTO t VALUES ('a'), ('A')"
    )
    made.run("CREATE TABLE t(k TEXT PRIMARY KEY COLLATE NOCASE) WITHOUT ROWID")
    with pytest.raises(Refused) as caught:
        made.restore()
    assert caught.value.code == "table-differs"


def test_a_condition_over_many_rows_of_now_fetches_each_from_the_snapshot(tmp_path: Path) -> None:
    made = twins(
        tmp_path,
        "CREATE TABLE t(k TEXT, l INT, a, PRIMARY KEY(k, l)) WITHOUT ROWID;"
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)"
        "INSERT INTO t SELECT 'k' || i % 50, i, 0 FROM n",
    )
    made.run("UPDATE t SET a = 5 WHERE l <= 300; INSERT INTO t VALUES ('new', 1, 5)")
    plan = made.restore(where="a = 5")
    assert (plan.rows_updated, plan.rows_deleted) == (300, 1)
    sql = "SELECT * FROM t"
    assert made.rows(sql) == read(made.snapshot, sql)


def test_a_table_of_many_columns(tmp_path: Path) -> None:
    columns = ", ".join(f"c{number}" for number in range(300))
    made = twins(tmp_path, f"CREATE TABLE t(id INTEGER PRIMARY KEY, {columns})")
    made.run("INSERT INTO t(id, c7) VALUES (1, 2), (2, 3)", both=True)
    made.run("UPDATE t SET c299 = 1 WHERE id = 2")
    assert made.restore().columns_updated == ("c299",)
