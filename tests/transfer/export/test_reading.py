"""Rows are read exactly, in small batches, and the work can be stopped."""

from __future__ import annotations

import apsw
import pytest

from dbtool.core.progress import Silent
from dbtool.pages.records import RawText
from dbtool.transfer.export.reading import MOST_ROWS, RowSource, batches
from dbtool.transfer.manifest import ManifestColumn

COLUMNS = (ManifestColumn("a", ""), ManifestColumn("b", ""))


def test_text_that_is_not_valid_comes_as_its_bytes_and_no_row_comes_twice() -> None:
    connection = apsw.Connection(":memory:")
    connection.execute("CREATE TABLE t(a, b)")
    connection.execute(
        "WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < 1000)"
        " INSERT INTO t SELECT i, iif(i % 400 = 399, CAST(x'61ff' AS TEXT), 'ä' || i) FROM n"
    )
    rows = [
        row
        for batch in batches(connection, RowSource("t", COLUMNS, "SELECT * FROM t"), Silent())
        for row in batch
    ]
    assert [row[0] for row in rows] == list(range(1, 1001))
    assert [row for row in rows if isinstance(row[1], RawText)] == [
        (399, b"a\xff"),
        (799, b"a\xff"),
    ]
    assert rows[0] == (1, "ä1")


def test_half_a_surrogate_pair_in_utf16_is_not_turned_into_something_else() -> None:
    connection = apsw.Connection(":memory:")
    connection.execute("PRAGMA encoding = 'UTF-16le'")
    connection.execute("CREATE TABLE t(a, b)")
    connection.execute("INSERT INTO t VALUES(CAST(x'00d86100' AS TEXT), 'x€😀')")
    source = RowSource("t", COLUMNS, "SELECT * FROM t")
    assert list(batches(connection, source, Silent())) == [[(RawText(b"\x00\xd8a\x00"), "x€😀")]]


@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16be"])
def test_a_table_of_almost_as_many_columns_as_there_can_be_is_read(encoding: str) -> None:
    names = [f"c{number}" for number in range(1999)]
    connection = apsw.Connection(":memory:")
    connection.execute(f"PRAGMA encoding = '{encoding}'")
    connection.execute(f"CREATE TABLE t({', '.join(names)})")
    connection.execute("INSERT INTO t(c0, c1, c1998) VALUES('ä', x'00', CAST(x'dc00ff' AS TEXT))")
    columns = tuple(ManifestColumn(name, "") for name in names)
    [[row]] = batches(connection, RowSource("t", columns, "SELECT * FROM t"), Silent())
    assert (row[0], row[1], row[1998]) == ("ä", b"\0", RawText(b"\xdc\0\xff"[: len(row[1998])]))
    assert isinstance(row[1998], RawText)
    assert set(row[2:1998]) == {None}


def test_batches_are_small_and_smaller_where_rows_are_large() -> None:
    connection = apsw.Connection(":memory:")
    connection.execute("CREATE TABLE t(a, b)")
    numbers = "WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < 2000)"
    connection.execute(f"{numbers} INSERT INTO t SELECT i, 'x' FROM n")
    connection.execute(f"{numbers} INSERT INTO t SELECT i, zeroblob(100000) FROM n LIMIT 600")
    source = RowSource("t", COLUMNS, "SELECT * FROM t")
    sizes = [len(batch) for batch in batches(connection, source, Silent())]
    assert max(sizes) == MOST_ROWS
    assert sum(sizes) == 2600
    assert max(sizes[-20:]) <= 8


def test_a_statement_runs_once_for_each_of_its_bindings() -> None:
    connection = apsw.Connection(":memory:")
    source = RowSource("q", COLUMNS, "SELECT ?1, ?1 + 1 -- last", ((1,), (5,)))
    assert list(batches(connection, source, Silent())) == [[(1, 2)], [(5, 6)]]


def test_a_long_statement_that_gives_no_rows_can_be_stopped() -> None:
    class Stopped(Exception):  # noqa: N818  nothing failed
        pass

    class Stopping(Silent):
        def advance(self, amount: int) -> None:
            raise Stopped

    sql = "WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n)"
    sql += " SELECT i, i FROM n WHERE i < 0"
    with pytest.raises(Stopped):
        list(batches(apsw.Connection(":memory:"), RowSource("q", COLUMNS, sql), Stopping()))
