"""Whose the changed pages are."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbtool.errors import Damaged
from tests.rows.states import Two

ROWS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)"
BEFORE = (
    f"CREATE TABLE t(id INTEGER PRIMARY KEY, v); {ROWS} INSERT INTO t SELECT i, hex(i) FROM n;"
    f"CREATE TABLE u(a); {ROWS} INSERT INTO u SELECT i FROM n; CREATE INDEX tv ON t(v)"
)


def test_pages_of_tables_and_of_indexes_are_told_apart(tmp_path: Path) -> None:
    two = Two(tmp_path, BEFORE, "UPDATE t SET v = 'zz' WHERE id = 250")
    with two.diff() as diff:
        (table,) = diff.tables()
    assert table.name == "t"
    assert table.pages - table.index_pages == 1
    assert table.index_pages >= 2


def test_an_index_that_came_counts_for_its_table_whose_rows_are_the_same(tmp_path: Path) -> None:
    two = Two(tmp_path, BEFORE, "CREATE INDEX ua ON u(a)")
    with two.diff() as diff:
        (table,) = diff.tables()
    assert (table.name, table.added, table.removed, table.changed) == ("u", 0, 0, 0)
    assert table.pages == table.index_pages > 1


def test_untouched_tables_are_not_read(tmp_path: Path) -> None:
    two = Two(tmp_path, BEFORE, "UPDATE u SET a = 0 WHERE a = 300")
    with two.diff() as diff:
        read: set[int] = set()
        page = diff.a.page
        diff.a.page = lambda number: (read.add(number), page(number))[1]  # type: ignore
        assert [table.name for table in diff.tables()] == ["u"]
    assert len(read) <= 4


def test_free_pages_are_of_no_object(tmp_path: Path) -> None:
    two = Two(tmp_path, BEFORE, "DELETE FROM u WHERE a > 10")
    with two.diff() as diff:
        assert [(t.name, t.removed) for t in diff.tables()] == [("u", 490)]


def test_pages_of_a_table_that_went_are_still_its_own(tmp_path: Path) -> None:
    two = Two(tmp_path, "PRAGMA auto_vacuum = 1; " + BEFORE, "DROP TABLE t")
    with two.diff() as diff:
        found = {t.name: t for t in diff.tables()}
    assert found["t"].removed == 500
    assert found["t"].pages


def test_a_database_that_was_broken_when_it_was_backed_up_is_damage(tmp_path: Path) -> None:
    two = Two(tmp_path, BEFORE, "PRAGMA journal_mode = delete; UPDATE u SET a = 0 WHERE a = 300")
    data = bytearray(two.path.read_bytes())
    data[512:520] = b"\x07garbage"
    two.path.write_bytes(data)
    two.b = two._snapshot()
    with pytest.raises(Damaged) as caught:
        two.rows()
    assert caught.value.code == "database-damaged"
