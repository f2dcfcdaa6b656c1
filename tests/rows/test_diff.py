"""Comparisons as a whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbtool.errors import Damaged, NotFound
from tests.rows.states import Two

BEFORE = "CREATE TABLE account(id INTEGER PRIMARY KEY, v); INSERT INTO account VALUES(1, 2), (3, 4)"


def test_equal_states_differ_in_nothing(tmp_path: Path) -> None:
    two = Two(tmp_path, BEFORE, "SELECT 1")
    with two.diff() as diff:
        assert diff.pages.differing == 0
        assert diff.schema == ()
        assert list(diff.tables()) == []
        assert list(diff.rows()) == []


def test_without_rows_nothing_is_counted(tmp_path: Path) -> None:
    two = Two(tmp_path, BEFORE, "UPDATE account SET v = 5")
    with two.diff(rows=False) as diff:
        (table,) = diff.tables()
    assert (table.pages, table.changed) == (1, None)


def test_an_unknown_table_gets_the_nearest_name(tmp_path: Path) -> None:
    two = Two(tmp_path, BEFORE, "UPDATE account SET v = 5")
    with pytest.raises(NotFound, match="acount") as caught:
        two.diff("acount")
    assert caught.value.code == "table-not-found"
    assert "account" in caught.value.hint


def test_only_the_tables_asked_for_are_compared(tmp_path: Path) -> None:
    two = Two(
        tmp_path, BEFORE + "; CREATE TABLE u(a)", "INSERT INTO u VALUES(1); DELETE FROM account"
    )
    assert [row.table for row in two.rows("U")] == ["u"]


def test_tables_that_came_and_went_list_all_rows(tmp_path: Path) -> None:
    two = Two(
        tmp_path,
        BEFORE,
        "CREATE TABLE n(k PRIMARY KEY); INSERT INTO n VALUES('x'); DROP TABLE account",
    )
    assert [(row.table, row.what, row.key) for row in two.rows()] == [
        ("n", "added", ("x",)),
        ("account", "removed", (1,)),
        ("account", "removed", (3,)),
    ]
    assert two.counts() == {"n": (1, 0, 0, 0), "account": (0, 2, 0, 0)}


def test_tables_with_other_columns_are_compared_by_the_common_ones(tmp_path: Path) -> None:
    two = Two(
        tmp_path,
        BEFORE,
        "ALTER TABLE account ADD COLUMN w DEFAULT 7; UPDATE account SET v = 9 WHERE id = 1",
    )
    with two.diff() as diff:
        (table,) = diff.tables()
        assert table.columns == ("id", "v")
        assert "columns of both sides" in table.note
        assert [(row.old, row.new) for row in diff.rows()] == [((1, 2), (1, 9))]


def test_vacuum_changes_pages_and_no_row(tmp_path: Path) -> None:
    two = Two(
        tmp_path,
        BEFORE + "; CREATE TABLE big AS SELECT zeroblob(9000) AS z;"
        "WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 500)"
        " INSERT INTO account SELECT i, hex(i) FROM n",
        "DROP TABLE big; VACUUM",
    )
    with two.diff() as diff:
        assert diff.pages.differing > 5
        assert [t.name for t in diff.tables() if t.changed or t.added] == []


def test_fts_rows_are_compared_and_their_shadow_tables_are_not_listed(tmp_path: Path) -> None:
    two = Two(
        tmp_path,
        "CREATE VIRTUAL TABLE f USING fts5(t); INSERT INTO f VALUES('one'), ('two')",
        "UPDATE f SET t = 'three' WHERE rowid = 2; INSERT INTO f VALUES('four')",
    )
    assert [(row.table, row.what, row.key, row.new) for row in two.rows()] == [
        ("f", "changed", (2,), ("three",)),
        ("f", "added", (3,), ("four",)),
    ]
    with two.diff() as diff:
        (table,) = diff.tables()
    assert (table.name, table.kind) == ("f", "virtual table")
    assert table.pages > 2


def test_other_virtual_tables_are_said_to_have_changed(tmp_path: Path) -> None:
    two = Two(
        tmp_path, "CREATE VIRTUAL TABLE r USING rtree(id, x, y)", "INSERT INTO r VALUES(1, 2, 3)"
    )
    with two.diff() as diff:
        (table,) = diff.tables()
    assert table.added is None
    assert "were not compared" in table.note


def test_damage_where_it_reads_is_named_with_its_page(tmp_path: Path) -> None:
    two = Two(tmp_path, BEFORE, "UPDATE account SET v = 5")
    for pack in (tmp_path / "repo" / "packs").rglob("*"):
        if pack.is_file():
            data = bytearray(pack.read_bytes())
            data[40:90] = bytes(50)
            pack.write_bytes(data)
    with pytest.raises(Damaged, match="page"):
        two.rows()


def test_closing_twice_is_allowed_and_frees_the_lock(tmp_path: Path) -> None:
    two = Two(tmp_path, BEFORE, "SELECT 1")
    diff = two.diff()
    diff.close()
    diff.close()
    with two.repository.store.lock(exclusive=True):
        pass
