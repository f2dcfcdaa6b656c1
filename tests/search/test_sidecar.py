"""What an index remembers."""

from __future__ import annotations

from pathlib import Path

import apsw

from dbtool.search.sidecar import FORMAT, IndexStore, begin_afresh, is_current_format
from dbtool.search.subjects import subjects_of
from tests.search.conftest import indexed


def test_an_index_of_another_version_is_begun_afresh(shop: Path) -> None:
    with indexed(shop) as store:
        store.connection.pragma("user_version", FORMAT + 1)
        assert not is_current_format(store)
    with indexed(shop) as store:
        assert is_current_format(store)
        assert len(store.tables()) == 4


def test_the_column_with_most_text_comes_first() -> None:
    connection = apsw.Connection(":memory:")
    connection.execute(
        "CREATE TABLE t(a, b, c); INSERT INTO t VALUES('x', zeroblob(99), 'long text')"
    )
    (subject,) = subjects_of(connection).tables
    store = IndexStore(apsw.Connection(":memory:"), trigrams=True)
    begin_afresh(store)
    table = store.add(connection, subject)
    assert table.order == (2, 0, 1)
    assert table.position("c") == 0
    assert [each.subject for each in store.tables()] == [subject]
    assert store.get("trigrams") == 1
    store.remove(table)
    assert store.tables() == []
    assert store.left_out() == ()
