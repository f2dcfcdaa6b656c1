"""Which rows a table or view gives."""

from __future__ import annotations

import apsw
import pytest

from dbtool.core.progress import Silent
from dbtool.core.schema import read_schema
from dbtool.errors import NotFound
from dbtool.transfer.export.reading import batches
from dbtool.transfer.export.tables import named_source


def rows(connection: apsw.Connection, name: str) -> list[tuple[object, ...]]:
    source = named_source(connection, read_schema(connection, "main"), name)
    return [row for batch in batches(connection, source, Silent()) for row in batch]


def test_a_name_gives_what_select_star_gives_in_the_order_of_the_key(
    nasty: apsw.Connection,
) -> None:
    assert rows(nasty, "MADE") == [(1, 2, "1!", "q"), (None, None, None, 2.5)]
    assert rows(nasty, "bare") == [("a", 2), ("a", b"\0"), ("z", 1)]
    assert rows(nasty, "words") == [("one", "two three")]
    assert rows(nasty, "boxes") == [(1, 0.5, 2.25)]
    assert len(rows(nasty, "seen")) == len(rows(nasty, "plain"))


def test_an_index_that_covers_all_columns_does_not_change_the_order() -> None:
    connection = apsw.Connection(":memory:")
    connection.execute("CREATE TABLE t(a); CREATE INDEX i ON t(a); INSERT INTO t VALUES(3),(1),(2)")
    assert rows(connection, "t") == [(3,), (1,), (2,)]


def test_a_name_that_is_not_there_is_said_with_those_that_are() -> None:
    connection = apsw.Connection(":memory:")
    connection.execute("CREATE TABLE users(a)")
    for name, hint in (("usres", "did you mean users?"), ("zz", "it has users")):
        with pytest.raises(NotFound) as caught:
            rows(connection, name)
        assert (caught.value.code, caught.value.hint) == ("table-not-found", hint)
