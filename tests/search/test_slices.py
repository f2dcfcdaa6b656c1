"""One table read in one read transaction or in several."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbtool.core.progress import Silent
from dbtool.pages.reader import PageReader
from dbtool.search import slices
from dbtool.search.prints import ALL_ROWS, Leaf, Prints
from dbtool.search.slices import FreshPrints, TableRun
from dbtool.search.writer import TableWriter
from tests.search.conftest import database, indexed


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a.db"
    connection = database(path, "CREATE TABLE t(x TEXT)")
    connection.executemany("INSERT INTO t VALUES(?)", ((f"row {i} " * 50,) for i in range(300)))
    connection.close()
    return path


def test_another_transaction_is_asked_for_after_its_time(path: Path, monkeypatch) -> None:
    monkeypatch.setattr(slices, "SLICE_S", -1.0)
    monkeypatch.setattr(slices, "GROUP_LEAVES", 3)
    asked = []
    with indexed(path) as store, PageReader.open(path) as reader:
        (table,) = store.tables()
        run = TableRun(TableWriter(store, table), table.subject.root, Prints(), Silent())
        run.use(reader)

        def another() -> bool:
            asked.append(1)
            run.use(reader)
            return len(asked) < 5

        assert not run.ranges([ALL_ROWS], another)
        assert len(asked) == 5
        assert run.fresh.pending[-1] == ALL_ROWS
        assert run.ranges([ALL_ROWS], None)
        assert run.rows_read >= 300


def test_a_leaf_met_twice_holds_for_the_later_and_the_earlier_is_looked_into_again() -> None:
    kept = Prints()
    kept.add(Leaf(3, 0, 9), 1, ())
    kept.add(Leaf(4, 10, 19), 2, ())
    fresh = FreshPrints(kept)
    fresh.add(Leaf(3, 0, 5), 7, (8,))
    assert fresh.pending == [(0, 9)]
    fresh.add(Leaf(3, 0, 5), 8, ())
    fresh.add(Leaf(3, 2, 5), 9, ())
    assert fresh.pending == [(0, 9), (0, 9), (0, 5), (0, 9)]
    found = fresh.prints()
    assert list(found.pages) == [4, 3]
    assert list(found.digests) == [2, 9]
