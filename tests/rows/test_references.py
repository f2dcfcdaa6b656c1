"""Foreign keys around a restored table."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbtool.errors import CheckFailed
from tests.rows.twins import read, twins

SHOP = (
    "CREATE TABLE t(id INTEGER PRIMARY KEY, a UNIQUE);"
    "CREATE TABLE child(id INTEGER PRIMARY KEY, p INT REFERENCES t(id) ON DELETE CASCADE,"
    " q REFERENCES t(a) ON UPDATE CASCADE);"
    "INSERT INTO t VALUES (1, 'x'), (2, 'y'); INSERT INTO child VALUES (1, 1, 'x'), (2, 2, NULL)"
)


def test_parents_are_updated_in_place_so_that_no_child_is_deleted(tmp_path: Path) -> None:
    made = twins(tmp_path, SHOP + "; ALTER TABLE t ADD COLUMN b DEFAULT 0")
    made.run("UPDATE t SET b = 5")
    children = made.rows("SELECT * FROM child")
    assert made.restore().rows_updated == 2
    assert made.rows("SELECT * FROM child") == children


def test_a_parent_that_children_need_is_not_deleted(tmp_path: Path) -> None:
    made = twins(tmp_path, SHOP)
    made.run("INSERT INTO t VALUES (3, 'z'); INSERT INTO child VALUES (9, 3, NULL)")
    before = made.rows("SELECT * FROM t"), made.rows("SELECT * FROM child")
    with pytest.raises(CheckFailed) as caught:
        made.restore()
    assert (caught.value.code, caught.value.exit_code) == ("foreign-keys-broken", 4)
    assert "child: the row with rowid 9 has p = 3, which t would not have" in caught.value.context
    assert (made.rows("SELECT * FROM t"), made.rows("SELECT * FROM child")) == before


def test_a_child_whose_parent_is_gone_does_not_come_back(tmp_path: Path) -> None:
    made = twins(tmp_path, SHOP)
    made.run("DELETE FROM t WHERE id = 2")
    with pytest.raises(CheckFailed) as caught:
        made.restore("child")
    assert "rowid 2 has p = 2" in caught.value.context
    made.restore("t")
    assert made.restore("child").rows_inserted == 1


def test_what_was_broken_before_does_not_stop_a_restore(tmp_path: Path) -> None:
    made = twins(tmp_path, SHOP)
    made.run("PRAGMA foreign_keys = off; INSERT INTO child VALUES (5, 77, 'nix')")
    made.run("UPDATE t SET a = 'w' WHERE id = 2")
    assert made.restore().rows_updated == 1


@pytest.mark.parametrize("kind", ["", " WITHOUT ROWID"])
def test_an_undo_may_break_again_what_was_broken_before(tmp_path: Path, kind: str) -> None:
    made = twins(
        tmp_path,
        "CREATE TABLE t(id INTEGER PRIMARY KEY);"
        f"CREATE TABLE child(id INTEGER PRIMARY KEY, p INT REFERENCES t(id)){kind};"
        "INSERT INTO t VALUES (1), (2); INSERT INTO child VALUES (1, 1), (2, 2);"
        "PRAGMA foreign_keys = off; INSERT INTO child VALUES (3, 3), (4, 4), (8, 8)",
    )
    made.run("INSERT INTO t VALUES (3), (4)")  # the restore that is undone
    assert made.restore(drop_missing=True).rows_deleted == 2
    made.run("INSERT INTO t VALUES (5); INSERT INTO child VALUES (5, 5)")
    with pytest.raises(CheckFailed) as caught:
        made.restore(drop_missing=True)
    assert caught.value.code == "foreign-keys-broken"
    assert "1 row " in caught.value.message


def test_a_table_that_refers_to_itself(tmp_path: Path) -> None:
    made = twins(
        tmp_path,
        "CREATE TABLE t(id INTEGER PRIMARY KEY, up REFERENCES t(id) ON DELETE CASCADE);"
        "INSERT INTO t VALUES (1, 3), (2, 1), (3, NULL)",
    )
    made.run("DELETE FROM t")
    made.restore()
    assert made.rows() == read(made.snapshot, "SELECT rowid, * FROM t ORDER BY 1")


def test_children_without_rowid_are_counted(tmp_path: Path) -> None:
    made = twins(
        tmp_path,
        "CREATE TABLE t(id INTEGER PRIMARY KEY);"
        "CREATE TABLE child(k PRIMARY KEY, p REFERENCES t(id)) WITHOUT ROWID",
    )
    made.run("INSERT INTO t VALUES (1); INSERT INTO child VALUES ('c', 1)")
    with pytest.raises(CheckFailed) as caught:
        made.restore()
    assert "child: p refers to no row of t" in caught.value.context
