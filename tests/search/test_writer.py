"""Documents of one table brought up to date."""

from __future__ import annotations

import apsw
import pytest

from dbtool.search.rows import HIGHEST, LOWEST
from dbtool.search.sidecar import IndexStore, begin_afresh
from dbtool.search.subjects import subjects_of
from dbtool.search.text import LARGEST_TEXT
from dbtool.search.writer import TableWriter


@pytest.fixture
def store() -> IndexStore:
    store = IndexStore(apsw.Connection(":memory:"), trigrams=True)
    begin_afresh(store)
    return store


def test_only_what_differs_is_written(store: IndexStore) -> None:
    source = apsw.Connection(":memory:")
    source.execute("CREATE TABLE t(x, y); INSERT INTO t VALUES('a', 1), ('b', 2), ('c', 3)")
    table = store.add(source, subjects_of(source).tables[0])

    def update() -> int:
        writer = TableWriter(store, table)
        assert (
            writer.update_range(source, LOWEST, HIGHEST)
            == source.execute("SELECT count(*) FROM t").fetchall()[0][0]
        )
        writer.flush()
        return writer.changed

    assert update() == 3
    assert update() == 0
    source.execute("UPDATE t SET x = 'B' WHERE x = 'b'; DELETE FROM t WHERE x = 'a'")
    source.execute("INSERT INTO t VALUES('d', 4)")
    assert update() == 2 + 1 + 1
    rows = store.connection.execute("SELECT rowid FROM fts_1 WHERE fts_1 MATCH 'b OR d OR a'")
    assert [row[0] for row in rows] == [2, 4]
    assert TableWriter(store, table).update_range(source, 5, 4) == 0


def test_keys_keep_their_numbers(store: IndexStore) -> None:
    source = apsw.Connection(":memory:")
    source.execute(
        "CREATE TABLE t(k, l, x, PRIMARY KEY(k, l)) WITHOUT ROWID;"
        "INSERT INTO t VALUES('a', 1, 'one'), (x'61', 1, 'two'), (1, 1, 'three')"
    )
    table = store.add(source, subjects_of(source).tables[0])
    writer = TableWriter(store, table)
    assert writer.update_keyed(source) == writer.changed == 3
    source.execute("UPDATE t SET x = 'four' WHERE k = 'a'; DELETE FROM t WHERE k = 1")
    writer = TableWriter(store, table)
    assert writer.update_keyed(source) == 2
    assert store.connection.execute("SELECT count(*) FROM keys_1").fetchall() == [(2,)]
    assert store.connection.execute("SELECT count(*) FROM rows_1").fetchall() == [(2,)]


def test_what_is_not_indexed_is_counted(store: IndexStore) -> None:
    source = apsw.Connection(":memory:")
    source.execute("CREATE TABLE t(x, y); INSERT INTO t VALUES('a', x'01'), (x'02', x'03')")
    source.execute("INSERT INTO t VALUES(?, 'b')", ("z" * (LARGEST_TEXT + 1),))
    table = store.add(source, subjects_of(source).tables[0])
    writer = TableWriter(store, table)
    writer.update_range(source, LOWEST, HIGHEST)
    writer.flush()
    store.save(table, b"", writer.skipped_columns)
    (table,) = store.tables()
    assert (table.rows, table.skipped, table.skipped_columns) == (3, 4, ("x", "y"))
